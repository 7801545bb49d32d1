// The state of the page, and its drawing.

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
