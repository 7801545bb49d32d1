// The band structure.

/** Width of a fat band of weight 1, pixels. */
const RIBBON = 8;
/** Weights of unfolded states are drawn in so many steps of opacity. */
const SHADES = 12;
/** A state further from the pointer than this is not meant, pixels. */
const REACH = 16;

/** Energies of one Hamiltonian and spin, a row per absolute band index; NaN where a state was not computed. */
class Rows {
  constructor(series, nK, nGroups) {
    const first = series.first ?? new Array(nK).fill(0);
    const end = Math.max(0, ...series.energies.map((energies, k) => first[k] + energies.length));
    this.first = Math.min(...first);
    this.count = Math.max(0, end - this.first);
    this.nK = nK;
    this.energies = new Float64Array(this.count * nK).fill(NaN);
    this.weights = Array.from({ length: series.weights ? nGroups : 0 }, () => new Float32Array(this.count * nK));
    series.energies.forEach((energies, k) => {
      energies.forEach((energy, i) => {
        const at = (first[k] + i - this.first) * nK + k;
        this.energies[at] = energy;
        this.weights.forEach((weights, group) => (weights[at] = series.weights[k][i][group] / 1000));
      });
    });
    this.findRanges();
  }

  findRanges() {
    this.low = new Float64Array(this.count).fill(Infinity);
    this.high = new Float64Array(this.count).fill(-Infinity);
    this.energies.forEach((energy, at) => {
      const row = Math.floor(at / this.nK);
      if (energy < this.low[row]) this.low[row] = energy;
      if (energy > this.high[row]) this.high[row] = energy;
    });
  }

  energy(row, k) {
    return this.energies[row * this.nK + k];
  }

  weight(group, row, k) {
    return this.weights[group][row * this.nK + k];
  }

  /** Rows that reach into a range of energies. */
  between(low, high) {
    const rows = [];
    for (let row = 0; row < this.count; row++) if (this.high[row] >= low && this.low[row] <= high) rows.push(row);
    return rows;
  }
}

class Bands {
  constructor(data, energy) {
    this.data = data.distances.length === 1 ? across(data) : data;
    const length = this.data.distances.at(-1) || 1;
    this.frame = new Frame(energy, new Axis(0, length, [0, length]), true);
    this.series = this.data.series;
    const nK = this.data.distances.length;
    for (const series of this.series) series.rows = new Rows(series, nK, this.data.groups.length);
  }

  /** Index of the first point of the path at this distance or after it. */
  firstFrom(distance) {
    let [low, high] = [0, this.data.distances.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.data.distances[middle] < distance) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Runs `visit(from, to)` for the parts of a row that cross the frame; points `from` to `to` are joined. */
  eachRun(rows, row, visit) {
    const { low, high } = this.frame.energy;
    const shown = [this.firstFrom(this.frame.other.low) - 1, this.firstFrom(this.frame.other.high)];
    for (const [start, end] of this.data.stretches) {
      let from = -1;
      const last = Math.min(end - 1, shown[1]);
      for (let k = Math.max(start, shown[0]); k < last; k++) {
        const [a, b] = [rows.energy(row, k), rows.energy(row, k + 1)];
        const crosses = !((a < low && b < low) || (a > high && b > high)) && a === a && b === b;
        if (crosses && from < 0) from = k;
        if (!crosses && from >= 0) {
          visit(from, k);
          from = -1;
        }
      }
      if (from >= 0) visit(from, last);
    }
  }

  point(rows, row, k) {
    return this.frame.place(this.data.distances[k], rows.energy(row, k));
  }

  draw(context, look) {
    this.frame.clipped(context, () => {
      this.drawGuides(context, look.theme);
      const shown = this.series.filter((series) => series.on);
      for (const series of shown) {
        if (this.data.unfolded) this.drawPoints(context, series, look.theme);
        else this.drawLines(context, series, look.theme);
      }
      const fat = shown.at(-1);
      for (const series of shown) if (series.name === fat.name && !this.data.unfolded) this.drawRibbons(context, series, look.groups);
    });
  }

  drawGuides(context, theme) {
    for (const [distance] of this.data.ticks) {
      strokeLine(context, this.frame.atOther(distance), { colour: "guide", width: 1 }, theme);
    }
  }

  drawLines(context, series, theme) {
    const { rows } = series;
    const xs = this.data.distances.map((distance) => this.frame.ofOther(distance));
    setLine(context, series.line, theme);
    for (const row of rows.between(this.frame.energy.low, this.frame.energy.high)) {
      context.beginPath();
      this.eachRun(rows, row, (from, to) => {
        context.moveTo(xs[from], this.frame.ofEnergy(rows.energy(row, from)));
        for (let k = from + 1; k <= to; k++) context.lineTo(xs[k], this.frame.ofEnergy(rows.energy(row, k)));
      });
      context.stroke();
    }
    context.setLineDash([]);
  }

  /** Each band as a ribbon whose width is shared by the groups as the state is. */
  drawRibbons(context, series, groups) {
    const { rows } = series;
    const shown = groups.filter((group) => group.on && rows.weights[group.index]);
    if (shown.length === 0) return;
    for (const row of rows.between(this.frame.energy.low, this.frame.energy.high)) {
      this.eachRun(rows, row, (from, to) => this.drawRibbon(context, rows, row, from, to, shown));
    }
  }

  drawRibbon(context, rows, row, from, to, groups) {
    const points = [];
    for (let k = from; k <= to; k++) points.push(this.point(rows, row, k));
    const normals = normalsOf(points);
    const total = (k) => groups.reduce((sum, group) => sum + rows.weight(group.index, row, k), 0);
    let edge = points.map((_, i) => -0.5 * RIBBON * total(from + i));
    for (const group of groups) {
      const next = edge.map((offset, i) => offset + RIBBON * rows.weight(group.index, row, from + i));
      context.fillStyle = group.colour;
      context.beginPath();
      for (let i = 0; i < points.length; i++) {
        const place = shifted(points[i], normals[i], edge[i]);
        if (i === 0) context.moveTo(...place);
        else context.lineTo(...place);
      }
      for (let i = points.length - 1; i >= 0; i--) context.lineTo(...shifted(points[i], normals[i], next[i]));
      context.closePath();
      context.fill();
      edge = next;
    }
  }

  /** Unfolded states: the more a state has of this k, the larger and darker its point. */
  drawPoints(context, series, theme) {
    const shades = Array.from({ length: SHADES + 1 }, () => []);
    this.eachState(series, (row, k) => {
      const weight = series.rows.weight(0, row, k);
      shades[Math.min(SHADES, Math.ceil(weight * SHADES))].push([row, k, weight]);
    });
    context.save();
    context.fillStyle = resolved(series.line.colour, theme);
    shades.forEach((states, shade) => {
      context.globalAlpha = shade / SHADES;
      context.beginPath();
      for (const [row, k, weight] of states) {
        const [x, y] = this.point(series.rows, row, k);
        const radius = 0.8 + 1.6 * Math.sqrt(weight);
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fill();
    });
    context.restore();
  }

  /** Runs `visit(row, k)` for the states inside the frame. */
  eachState(series, visit) {
    const { energy, other } = this.frame;
    const [from, to] = [this.firstFrom(other.low), this.firstFrom(other.high * (1 + 1e-12))];
    for (const row of series.rows.between(energy.low, energy.high)) {
      for (let k = from; k < to; k++) {
        const value = series.rows.energy(row, k);
        if (value >= energy.low && value <= energy.high) visit(row, k);
      }
    }
  }

  /** The state nearest to a point of the page; `undefined` where none is near. */
  nearest(x, y) {
    const { distances } = this.data;
    const distance = this.frame.valuesAt(x, y).other;
    const after = Math.min(this.firstFrom(distance), distances.length - 1);
    const before = Math.max(after - 1, 0);
    const column = distance - distances[before] < distances[after] - distance ? before : after;
    let best;
    const consider = (series, row, k) => {
      const [px, py] = this.point(series.rows, row, k);
      const away = Math.hypot(px - x, py - y);
      if (!(away > (best?.away ?? Infinity))) best = { series, row, k, away };
    };
    const isNear = (k) => Math.abs(this.frame.ofOther(distances[k]) - x) <= REACH || k === column;
    for (const series of this.series.filter((one) => one.on)) {
      for (let k = column; k >= 0 && isNear(k); k--) this.eachAt(series, k, y, (row) => consider(series, row, k));
      for (let k = column + 1; k < distances.length && isNear(k); k++) this.eachAt(series, k, y, (row) => consider(series, row, k));
    }
    return best && Math.abs(this.point(best.series.rows, best.row, best.k)[1] - y) <= REACH ? best : undefined;
  }

  /** Runs `visit(row)` for the states of one k near a height on the page. */
  eachAt(series, k, y, visit) {
    for (let row = 0; row < series.rows.count; row++) {
      const energy = series.rows.energy(row, k);
      const isFaint = this.data.unfolded && series.rows.weight(0, row, k) < 0.02;
      if (energy === energy && !isFaint && Math.abs(this.frame.ofEnergy(energy) - y) <= REACH) visit(row);
    }
  }

  /** The band of a state as a broad line, and the state as a ring. */
  mark(context, { series, row, k }, theme) {
    const colour = resolved(series.line.colour, theme);
    this.frame.clipped(context, () => {
      if (!this.data.unfolded) {
        const line = { ...series.line, width: series.line.width + 2 };
        this.drawLines(context, { ...series, line, rows: onlyRow(series.rows, row) }, theme);
      }
    });
    const [x, y] = this.point(series.rows, row, k);
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fillStyle = theme.paper;
    context.fill();
    setLine(context, { colour, width: 2.5 }, theme);
    context.stroke();
  }

  /** The state beside another one: by so many bands and k points. */
  beside(state, bands, steps) {
    const { rows } = state.series;
    const k = Math.min(Math.max(state.k + steps, 0), rows.nK - 1);
    for (let row = state.row + bands; row >= 0 && row < rows.count; row += bands || rows.count) {
      if (!Number.isNaN(rows.energy(row, k))) return { ...state, row, k };
    }
    return state;
  }

  /** Where on the path: the name of a corner, or between which ones. */
  placeOf(k) {
    const { ticks, distances } = this.data;
    const at = distances[k];
    const near = ticks.find(([distance]) => Math.abs(distance - at) < 1e-6 * (distances.at(-1) || 1));
    if (near) return near[1];
    const next = ticks.findIndex(([distance]) => distance > at);
    return next > 0 ? `${ticks[next - 1][1].split("|").at(-1)} – ${ticks[next][1].split("|")[0]}` : "";
  }
}

/** Another view of the rows, in which only one is there. */
function onlyRow(rows, row) {
  const one = Object.create(rows);
  one.between = () => [row];
  return one;
}

/** One k point as levels across the frame. */
function across(data) {
  const twice = (list) => [list[0], list[0]];
  const series = data.series.map((one) => ({
    ...one,
    first: one.first && twice(one.first),
    energies: twice(one.energies),
    weights: one.weights && twice(one.weights),
  }));
  const ticks = data.ticks.map(([, label]) => [0.5, label]);
  return { ...data, series, ticks, distances: [0, 1], kpoints: twice(data.kpoints), stretches: [[0, 2]] };
}

/** Unit vectors across a line, at each of its points. */
function normalsOf(points) {
  return points.map((_, i) => {
    const [from, to] = [points[Math.max(i - 1, 0)], points[Math.min(i + 1, points.length - 1)]];
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
    return [(from[1] - to[1]) / length, (to[0] - from[0]) / length];
  });
}

function shifted([x, y], [nx, ny], by) {
  return [x + nx * by, y + ny * by];
}
