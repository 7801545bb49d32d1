// Pointer, wheel and keyboard.

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

byId("reset").addEventListener("click", reset);
byId("help-button").addEventListener("click", () => {
  const help = byId("help");
  help.hidden = !help.hidden;
  byId("help-button").setAttribute("aria-expanded", String(!help.hidden));
});
