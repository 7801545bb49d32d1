// The page: reads the data, draws, and answers the reader.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const figure = byId("figure");
const layers = { curves: byId("curves"), marks: byId("marks") };
const tooltip = byId("tooltip");

const energy = new Axis(...data.window);
const view = {
  relative: data.relative,
  energy,
  bands: data.bands && new Bands(data.bands, energy),
  dos: data.dos && new Dos(data.dos, energy, Boolean(data.bands)),
};
const allSeries = [...(view.bands?.series ?? []), ...(view.dos?.series ?? [])];
const groupNames = view.dos?.data.groups.length ? view.dos.data.groups : ((!data.bands?.unfolded && data.bands?.groups) || []);
const nTaken = styleSeries(allSeries, groupNames.length > 0);
const groups = groupNames.map((name, index) => ({ name, index, on: true, colour: COLOURS[(index + nTaken) % COLOURS.length] }));
for (const series of allSeries) series.on = true;

/** What the reader points at: a state of the bands, or an energy in the density of states. */
let pointed = null;
/** Where a rectangle began, or where a movement goes on. */
let drag = null;
let isQueued = false;

function size() {
  return [figure.clientWidth, figure.clientHeight];
}

/** The context of a layer, empty, in pixels of the page. */
function cleared(canvas) {
  const [width, height] = size();
  const ratio = window.devicePixelRatio || 1;
  const context = canvas.getContext("2d");
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** All that does not follow the pointer. */
function drawCurves(context, width, height, theme) {
  layOut(view, width, height);
  view.dos?.fit();
  const look = { theme, groups };
  view.bands?.draw(context, look);
  view.dos?.draw(context, look);
  drawAxes(context, view, theme);
}

/** What follows the pointer: rectangle, cross hair, marked band. */
function drawMarks() {
  const context = cleared(layers.marks);
  const theme = pageTheme();
  if (drag?.kind === "zoom" && drag.to) {
    const [x, y, width, height] = dragBox(drag);
    context.globalAlpha = 0.15;
    context.fillStyle = COLOURS[1];
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
  }
  if (!pointed) return;
  for (const panel of [view.bands, view.dos].filter(Boolean)) {
    strokeLine(context, panel.frame.atEnergy(pointed.energy), { colour: "muted", width: 0.75 }, theme);
  }
  if (pointed.state) view.bands.mark(context, pointed.state, theme);
}

function drawAll() {
  isQueued = false;
  drawCurves(cleared(layers.curves), ...size(), pageTheme());
  drawMarks();
}

/** Draws all before the next picture, once however often it is asked. */
function redraw() {
  if (!isQueued) requestAnimationFrame(drawAll);
  isQueued = true;
}

/** Rows of the tooltip for a state of the bands. */
function describeState({ series, row, k }) {
  const { bands } = view;
  const rows = [
    ["band", String(series.rows.first + row + 1)],
    ["k", data.bands.kpoints.length ? `(${bands.data.kpoints[k].map((x) => number(x, 4)).join(", ")})` : ""],
    ["", bands.placeOf(k)],
    [energyName(), `${number(series.rows.energy(row, k), 4)} eV`],
  ];
  const names = bands.data.groups;
  series.rows.weights.forEach((_, g) => {
    rows.push([names[g], `${number(100 * series.rows.weight(g, row, k), 1)} %`, bands.data.unfolded ? "" : groups[g]?.colour]);
  });
  return rows.filter(([, value]) => value);
}

function energyName() {
  return view.relative ? ["E − E", element("sub", {}, "F")] : "E";
}

/** Rows of the tooltip for an energy of the density of states. */
function describeDensity(index) {
  const { dos } = view;
  const rows = [[energyName(), `${number(dos.data.energies[index], 3)} eV`]];
  for (const series of dos.series.filter((one) => one.on)) {
    rows.push([shownName(series, allSeries), `${number(series.total[index], 3)} / eV`]);
    rows.push(["states below", number(series.integrated[index], 3)]);
    for (const { index: g, name, colour, on } of groups) {
      if (on && series.projected?.[g]) rows.push([name, `${number(series.projected[g][index], 3)} / eV`, colour]);
    }
  }
  return rows;
}

function point(at, x, y) {
  pointed = at;
  if (!at) tooltip.hidden = true;
  else if (at.state) showTooltip(tooltip, titleOf(at.state.series), describeState(at.state), x, y);
  else showTooltip(tooltip, "", describeDensity(at.index), x, y);
  drawMarks();
}

function titleOf(series) {
  return view.bands.series.length > 1 ? shownName(series, allSeries) : "";
}

function pointAtState(state) {
  const { rows } = state.series;
  point({ state, energy: rows.energy(state.row, state.k) }, ...view.bands.point(rows, state.row, state.k));
}

/** What is under the pointer. */
function hover(x, y) {
  if (view.bands?.frame.contains(x, y)) {
    const state = view.bands.nearest(x, y);
    return state ? pointAtState(state) : point(null);
  }
  if (!view.dos?.frame.contains(x, y)) return point(null);
  const index = view.dos.nearest(view.dos.frame.valuesAt(x, y).energy);
  return index === undefined ? point(null) : point({ index, energy: view.dos.data.energies[index] }, x, y);
}

/** The panel at a point; the first one beside them. */
function panelAt(x, y) {
  return [view.bands, view.dos].find((panel) => panel?.frame.contains(x, y)) ?? view.bands ?? view.dos;
}

function place(event) {
  const { left, top } = figure.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

/** The rectangle of a drag: all of a side along which it is short. */
function dragBox({ from, to, panel }) {
  const { box, upright } = panel.frame;
  const clamp = (value, low, length) => Math.min(Math.max(value, low), low + length);
  const xs = [from[0], to[0]].map((x) => clamp(x, box.x, box.width)).sort((a, b) => a - b);
  const ys = [from[1], to[1]].map((y) => clamp(y, box.y, box.height)).sort((a, b) => a - b);
  const isDos = panel === view.dos;
  const wholeWidth = xs[1] - xs[0] < 10 || (isDos && upright);
  const wholeHeight = ys[1] - ys[0] < 10 || (isDos && !upright);
  if (wholeWidth && wholeHeight) return [xs[0], ys[0], 0, 0];
  const [x, width] = wholeWidth ? [box.x, box.width] : [xs[0], xs[1] - xs[0]];
  const [y, height] = wholeHeight ? [box.y, box.height] : [ys[0], ys[1] - ys[0]];
  return [x, y, width, height];
}

function zoomTo(panel, [x, y, width, height]) {
  if (width === 0 && height === 0) return;
  const [a, b] = [panel.frame.valuesAt(x, y + height), panel.frame.valuesAt(x + width, y)];
  energy.show(a.energy, b.energy);
  if (panel === view.bands) panel.frame.other.show(a.other, b.other);
  redraw();
}

/** Moves by so many pixels. */
function move(panel, dx, dy) {
  const { box, upright, other } = panel.frame;
  energy.move(upright ? (dy / box.height) * energy.span : (-dx / box.width) * energy.span);
  if (panel === view.bands) other.move((-dx / box.width) * other.span);
  redraw();
}

function reset() {
  energy.reset();
  view.bands?.frame.other.reset();
  point(null);
  redraw();
}

figure.addEventListener("pointerdown", (event) => {
  if (event.button > 1 || event.target !== layers.marks) return;
  const from = place(event);
  const isMove = event.shiftKey || event.button === 1 || event.pointerType === "touch";
  drag = { kind: isMove ? "move" : "zoom", from, panel: panelAt(...from) };
  try {
    figure.setPointerCapture(event.pointerId);
  } catch {
    // A pointer that is gone already cannot be captured.
  }
});

figure.addEventListener("pointermove", (event) => {
  const at = place(event);
  if (!drag) return hover(...at);
  if (drag.kind === "move") {
    move(drag.panel, at[0] - (drag.to ?? drag.from)[0], at[1] - (drag.to ?? drag.from)[1]);
  }
  drag.to = at;
  drawMarks();
});

figure.addEventListener("pointerup", (event) => {
  const ended = drag;
  drag = null;
  if (ended?.kind === "zoom" && ended.to) zoomTo(ended.panel, dragBox(ended));
  if (ended && !ended.to) hover(...place(event));
  drawMarks();
});

figure.addEventListener("pointerleave", () => !drag && point(null));
figure.addEventListener("pointercancel", () => (drag = null));
figure.addEventListener("dblclick", reset);

figure.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const [x, y] = place(event);
    const panel = panelAt(x, y);
    const at = panel.frame.valuesAt(x, y);
    const lines = event.deltaMode === 1 ? 30 : 1;
    const factor = Math.exp(Math.max(-1, Math.min(1, (event.deltaY || event.deltaX) * lines * 0.0015)));
    if (event.shiftKey && panel === view.bands) panel.frame.other.zoom(at.other, factor);
    else energy.zoom(at.energy, factor);
    redraw();
    point(null);
  },
  { passive: false },
);

/** The state, or the energy, beside the one that is pointed at. */
function step(right, up) {
  if (view.bands) {
    const start = pointed?.state ?? firstState();
    return start && pointAtState(pointed?.state ? view.bands.beside(start, up, right) : start);
  }
  const middle = view.dos.nearest((energy.low + energy.high) / 2);
  const index = (pointed?.index ?? middle) + right + up;
  const value = view.dos.data.energies[index];
  if (value !== undefined) point({ index, energy: value }, ...view.dos.frame.place(0, value));
}

/** The state nearest to the middle of the frame at its first k point. */
function firstState() {
  const { bands } = view;
  const k = Math.min(bands.firstFrom(bands.frame.other.low), bands.data.distances.length - 1);
  const middle = (energy.low + energy.high) / 2;
  let best;
  for (const series of bands.series.filter((one) => one.on)) {
    for (let row = 0; row < series.rows.count; row++) {
      const away = Math.abs(series.rows.energy(row, k) - middle);
      if (away < (best?.away ?? Infinity)) best = { series, row, k, away };
    }
  }
  return best;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

figure.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  const middle = (energy.low + energy.high) / 2;
  if (arrow && event.shiftKey) move(view.bands ?? view.dos, -40 * arrow[0], 40 * arrow[1]);
  else if (arrow) step(...arrow);
  else if (event.key === "+" || event.key === "=") energy.zoom(pointed?.energy ?? middle, 0.8);
  else if (event.key === "-" || event.key === "−") energy.zoom(pointed?.energy ?? middle, 1.25);
  else if (event.key === "0" || event.key === "Home") reset();
  else if (event.key === "Escape") point(null);
  else return;
  event.preventDefault();
  redraw();
});

/** The figure as an SVG document in the colours of paper. */
function asSvg(width, height) {
  const context = new SvgContext(width, height);
  context.fillStyle = LIGHT.paper;
  context.fillRect(0, 0, width, height);
  drawCurves(context, width, height, LIGHT);
  layOut(view, ...size());
  return context.text();
}

/** The states, and densities, that are shown. */
function asCsv() {
  const quoted = (text) => `"${text.replace(/"/g, '""')}"`;
  const lines = [];
  if (view.bands) {
    const { groups: names } = view.bands.data;
    lines.push(["hamiltonian", "spin", "band", "k1", "k2", "k3", "distance_per_angstrom", "energy_ev", ...names.map(quoted)].join(","));
    for (const series of view.bands.series.filter((one) => one.on)) {
      view.bands.eachState(series, (row, k) => {
        const weights = names.map((_, g) => (series.rows.weights[g] ? series.rows.weight(g, row, k).toFixed(3) : ""));
        const start = [quoted(series.name), series.spin, series.rows.first + row + 1, ...view.bands.data.kpoints[k]];
        lines.push([...start, view.bands.data.distances[k], series.rows.energy(row, k), ...weights].join(","));
      });
    }
  }
  if (view.dos) {
    const { groups: names, energies } = view.dos.data;
    if (lines.length) lines.push("");
    lines.push(["hamiltonian", "spin", "energy_ev", "states_per_ev", "states_below", ...names.map(quoted)].join(","));
    const [from, to] = view.dos.range();
    for (const series of view.dos.series.filter((one) => one.on)) {
      for (let i = from; i <= to; i++) {
        const projected = names.map((_, g) => series.projected?.[g][i] ?? "");
        lines.push([quoted(series.name), series.spin, energies[i], series.total[i], series.integrated[i], ...projected].join(","));
      }
    }
  }
  return lines.join("\n") + "\n";
}

/** Hands a text over as a file. */
function download(text, type, ending) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = element("a", { href: address, download: `${data.stem}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

byId("reset").addEventListener("click", reset);
byId("save-svg").addEventListener("click", () => download(asSvg(...size()), "image/svg+xml", "svg"));
byId("save-csv").addEventListener("click", () => download(asCsv(), "text/csv", "csv"));
byId("help-button").addEventListener("click", () => {
  const help = byId("help");
  help.hidden = !help.hidden;
  byId("help-button").setAttribute("aria-expanded", String(!help.hidden));
});

// Printed as lines, not as pixels; below the heading it fills a page of A4 or letter across.
window.addEventListener("beforeprint", () => {
  const drawn = new DOMParser().parseFromString(asSvg(1060, 600), "image/svg+xml").documentElement;
  drawn.setAttribute("class", "printed");
  figure.append(document.importNode(drawn, true));
});
window.addEventListener("afterprint", () => {
  figure.querySelectorAll("svg.printed").forEach((svg) => svg.remove());
  redraw();
});

byId("subtitle").textContent = data.subtitle;
fillLegend(byId("legend"), allSeries, groups, () => {
  point(null);
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
// Begins with the first size that the figure gets.
new ResizeObserver(drawAll).observe(figure);
