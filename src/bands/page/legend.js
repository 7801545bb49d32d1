// Switches for what is drawn.

/** An element with attributes and children; texts stay texts. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A short line, as in the figure. */
function sample(line) {
  const colour = line.colour in LIGHT ? `var(--${line.colour})` : line.colour;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", 22);
  svg.setAttribute("height", 10);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M1 5H21");
  path.setAttribute("style", `stroke:${colour};stroke-width:${line.width};stroke-dasharray:${(line.dash ?? []).join(" ") || "none"}`);
  svg.append(path);
  return svg;
}

/** A check box that switches `things` on and off; `note` is what follows the name. */
function toggle(name, note, line, things, changed) {
  const box = element("input", { type: "checkbox" });
  box.checked = true;
  const label = element("label", {}, box, sample(line), name);
  if (note) label.append(element("small", {}, ...note));
  box.addEventListener("change", () => {
    for (const thing of things) thing.on = box.checked;
    label.classList.toggle("off", !box.checked);
    changed();
  });
  return label;
}

/** Fills the legend: one switch per Hamiltonian and spin (bands and density of states together), one per group. */
function fillLegend(form, series, groups, changed) {
  const fieldset = (title, labels) => labels.length && form.append(element("fieldset", {}, element("legend", {}, title), ...labels));
  const keys = [...new Set(series.map(nameOf))];
  const ofKey = keys.map((key) => series.filter((one) => nameOf(one) === key));
  const labels = ofKey.map((same) => toggle(shownName(same[0], series), levelOf(same[0]), same[0].line, same, changed));
  fieldset("Hamiltonian", labels);
  fieldset("Weight on", groups.map((group) => toggle(group.name, undefined, { colour: group.colour, width: 6 }, [group], changed)));
}

function nameOf(series) {
  return JSON.stringify([series.name, series.spin]);
}

/** What the legend calls it: the spin alone where there is one Hamiltonian. */
function shownName(series, all) {
  const spin = series.spin && `spin ${series.spin}`;
  const isAlone = all.every((one) => one.name === series.name);
  if (isAlone && spin) return spin;
  const name = { h0: "H⁽⁰⁾", scf: "converged" }[series.role] ?? series.name;
  return [name, spin].filter(Boolean).join(", ");
}

function levelOf(series) {
  const isKnown = series.level !== null && series.spin !== "down";
  return isKnown ? ["E", element("sub", {}, "F"), ` = ${number(series.level, 4)} eV`] : undefined;
}
