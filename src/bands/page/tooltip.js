// What is told about the state, or the energy, under the pointer.

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

/** Shows rows beside a point of the page. A row: [text or pieces of it, value, colour]. */
function showTooltip(box, title, rows, x, y) {
  const cells = rows.map(([text, value, colour]) => {
    const name = element("td");
    if (colour) name.append(element("i", { style: `background:${colour}` }));
    name.append(...[text].flat());
    return element("tr", {}, name, element("td", {}, value));
  });
  box.replaceChildren(...(title ? [element("strong", {}, title)] : []), element("table", {}, element("tbody", {}, ...cells)));
  box.hidden = false;
  const room = box.parentElement;
  const left = x + 16 + box.offsetWidth > room.clientWidth ? x - 16 - box.offsetWidth : x + 16;
  const top = Math.min(y + 12, room.clientHeight - box.offsetHeight - 4);
  box.style.transform = `translate(${Math.max(left, 2)}px, ${Math.max(top, 2)}px)`;
}
