// The scales: what of an axis is shown, and where.

/** Part of an axis. `full` is all of it, which a reset shows again. */
class Axis {
  constructor(low, high, limits) {
    this.home = [low, high];
    this.limits = limits ?? [-Infinity, Infinity];
    this.reset();
  }

  reset() {
    [this.low, this.high] = this.home;
  }

  get span() {
    return this.high - this.low;
  }

  get isHome() {
    return this.low === this.home[0] && this.high === this.home[1];
  }

  /** Shows `low` to `high`, not closer than a millionth of what is shown at home, inside the limits. */
  show(low, high) {
    const least = (this.home[1] - this.home[0]) * 1e-6;
    if (!(high - low > least)) return;
    [this.low, this.high] = [Math.max(low, this.limits[0]), Math.min(high, this.limits[1])];
  }

  /** Makes the shown part `factor` times as long; the value `at` stays where it is. */
  zoom(at, factor) {
    this.show(at - (at - this.low) * factor, at + (this.high - at) * factor);
  }

  /** Moves by `distance`, but not beyond the limits. */
  move(distance) {
    const most = Math.max(this.limits[1] - this.high, 0);
    const least = Math.min(this.limits[0] - this.low, 0);
    const by = Math.min(Math.max(distance, least), most);
    this.show(this.low + by, this.high + by);
  }

  /** About `count` round numbers of the shown part. */
  ticks(count) {
    const step = roundStep(this.span / Math.max(count, 1));
    const ticks = [];
    for (let i = Math.ceil(this.low / step - 1e-9); i <= this.high / step + 1e-9; i++) ticks.push(i * step);
    return { ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }
}

/** The smallest of 1, 2, 5, 10, 20, … times a power of ten that is no smaller. */
function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * (1 - 1e-9));
}

/** A number with a real minus sign. */
function number(value, decimals) {
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** A frame: energies along one side, `other` (the path, or a density of states) along the other one. */
class Frame {
  constructor(energy, other, upright) {
    Object.assign(this, { energy, other, upright, box: { x: 0, y: 0, width: 1, height: 1 } });
  }

  /** Where along the axis of energies. */
  ofEnergy(energy) {
    const { x, y, width, height } = this.box;
    const part = (energy - this.energy.low) / this.energy.span;
    return this.upright ? y + height * (1 - part) : x + width * part;
  }

  /** Where along the other axis. */
  ofOther(value) {
    const { x, y, width, height } = this.box;
    const part = (value - this.other.low) / this.other.span;
    return this.upright ? x + width * part : y + height * (1 - part);
  }

  place(other, energy) {
    return this.upright ? [this.ofOther(other), this.ofEnergy(energy)] : [this.ofEnergy(energy), this.ofOther(other)];
  }

  /** The value of both axes at a point of the page. */
  valuesAt(px, py) {
    const { x, y, width, height } = this.box;
    const [right, up] = [(px - x) / width, 1 - (py - y) / height];
    const [alongEnergy, alongOther] = this.upright ? [up, right] : [right, up];
    return {
      energy: this.energy.low + alongEnergy * this.energy.span,
      other: this.other.low + alongOther * this.other.span,
    };
  }

  contains(px, py) {
    const { x, y, width, height } = this.box;
    return px >= x && px <= x + width && py >= y && py <= y + height;
  }

  /** Both ends of a line at one energy, and at one value of the other axis. */
  atEnergy(energy) {
    return [this.place(this.other.low, energy), this.place(this.other.high, energy)];
  }

  atOther(value) {
    return [this.place(value, this.energy.low), this.place(value, this.energy.high)];
  }

  /** Runs `draw` with everything outside the frame cut off. */
  clipped(context, draw) {
    const { x, y, width, height } = this.box;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    draw();
    context.restore();
  }
}
