// Densities of states.

class Dos {
  constructor(data, energy, upright) {
    this.data = data;
    this.series = data.series;
    this.frame = new Frame(energy, new Axis(0, 1), upright);
    this.isMirrored = this.series.some((series) => series.spin === "down");
  }

  /** Spin down is drawn to the other side. */
  sign(series) {
    return series.spin === "down" ? -1 : 1;
  }

  /** Indices of the shown energies. */
  range() {
    const { energies } = this.data;
    const { low, high } = this.frame.energy;
    const from = energies.findIndex((energy) => energy >= low);
    const to = energies.findLastIndex((energy) => energy <= high);
    return from < 0 ? [0, -1] : [Math.max(from - 1, 0), Math.min(to + 1, energies.length - 1)];
  }

  /** What is shown of a series: its total, and its groups if they are asked for. */
  linesOf(series, look) {
    const lines = [{ values: series.total, line: series.line }];
    if (series.name !== this.series.findLast((one) => one.on)?.name) return lines;
    const groups = look.groups.filter((group) => group.on && series.projected?.[group.index]);
    const dash = series.line.dash;
    return lines.concat(groups.map((g) => ({ values: series.projected[g.index], line: { colour: g.colour, width: 1.5, dash }, filled: true })));
  }

  /** Fits the axis of densities to what is shown. */
  fit() {
    const [from, to] = this.range();
    let most = 0;
    for (const series of this.series.filter((one) => one.on)) {
      for (let i = from; i <= to; i++) most = Math.max(most, series.total[i]);
    }
    const high = most > 0 ? 1.05 * most : 1;
    this.frame.other.home = [this.isMirrored ? -high : 0, high];
    this.frame.other.reset();
  }

  draw(context, look) {
    this.frame.clipped(context, () => {
      if (this.isMirrored) strokeLine(context, this.frame.atOther(0), { colour: "guide", width: 1 }, look.theme);
      for (const series of this.series.filter((one) => one.on)) {
        const lines = this.linesOf(series, look);
        lines.filter((one) => one.filled).forEach((one) => this.fillBelow(context, series, one));
        lines.reverse().forEach((one) => this.drawLine(context, series, one, look.theme));
      }
    });
  }

  trace(context, series, values) {
    const [from, to] = this.range();
    for (let i = from; i <= to; i++) {
      const place = this.frame.place(this.sign(series) * values[i], this.data.energies[i]);
      if (i === from) context.moveTo(...place);
      else context.lineTo(...place);
    }
  }

  drawLine(context, series, { values, line }, theme) {
    setLine(context, line, theme);
    context.beginPath();
    this.trace(context, series, values);
    context.stroke();
    context.setLineDash([]);
  }

  fillBelow(context, series, { values, line }) {
    const [from, to] = this.range();
    if (to < from) return;
    context.save();
    context.globalAlpha = 0.15;
    context.fillStyle = line.colour;
    context.beginPath();
    this.trace(context, series, values);
    context.lineTo(...this.frame.place(0, this.data.energies[to]));
    context.lineTo(...this.frame.place(0, this.data.energies[from]));
    context.closePath();
    context.fill();
    context.restore();
  }

  /** Index of the nearest energy of the grid. */
  nearest(energy) {
    const { energies } = this.data;
    const step = (energies.at(-1) - energies[0]) / Math.max(energies.length - 1, 1) || 1;
    const index = Math.round((energy - energies[0]) / step);
    return index >= 0 && index < energies.length ? index : undefined;
  }
}
