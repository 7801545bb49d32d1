// Files for the reader, and paper.

/** The figure as an SVG document in the colours of paper. */
function asSvg(width, height) {
  const context = new SvgContext(width, height);
  context.fillStyle = LIGHT.paper;
  context.fillRect(0, 0, width, height);
  drawCurves(context, width, height, LIGHT);
  layOut(view, ...size());
  return context.text();
}

/** The states, and densities, that are shown, as tables. */
function asCsv() {
  const tables = [view.bands && stateLines(view.bands), view.dos && densityLines(view.dos)];
  return tables.filter(Boolean).map((lines) => lines.map((cells) => cells.join(",") + "\n").join("")).join("\n");
}

function quoted(text) {
  return `"${text.replace(/"/g, '""')}"`;
}

/** Cells of a line per state. */
function stateLines(bands) {
  const { groups: names, kpoints, distances } = bands.data;
  const head = ["hamiltonian", "spin", "band", "k1", "k2", "k3", "distance_per_angstrom", "energy_ev"];
  const lines = [[...head, ...names.map(quoted)]];
  for (const { name, spin, rows } of bands.series.filter((one) => one.on)) {
    bands.eachState({ rows }, (row, k) => {
      const weights = names.map((_, g) => (rows.weights[g] ? rows.weight(g, row, k).toFixed(3) : ""));
      lines.push([quoted(name), spin, rows.first + row + 1, ...kpoints[k], distances[k], rows.energy(row, k), ...weights]);
    });
  }
  return lines;
}

/** Cells of a line per energy. */
function densityLines(dos) {
  const { groups: names, energies } = dos.data;
  const lines = [["hamiltonian", "spin", "energy_ev", "states_per_ev", "states_below", ...names.map(quoted)]];
  const [from, to] = dos.range();
  for (const { name, spin, total, integrated, projected } of dos.series.filter((one) => one.on)) {
    for (let i = from; i <= to; i++) {
      lines.push([quoted(name), spin, energies[i], total[i], integrated[i], ...names.map((_, g) => projected?.[g][i] ?? "")]);
    }
  }
  return lines;
}

/** Hands a text over as a file. */
function download(text, type, ending) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = element("a", { href: address, download: `${data.stem}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

byId("save-svg").addEventListener("click", () => download(asSvg(...size()), "image/svg+xml", "svg"));
byId("save-csv").addEventListener("click", () => download(asCsv(), "text/csv", "csv"));

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
