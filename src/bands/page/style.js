// Colours and lines.

/** Colours that stay apart for colour-blind readers (Okabe and Ito). */
const COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a800", "#999999"];

const LIGHT = { ink: "#000000", paper: "#ffffff", guide: "#b0b0b0", muted: "#666666", first: "#a0a0a0" };

/** Colours of the page as its style sheet has them now. */
function pageTheme() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(Object.keys(LIGHT).map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Gives every series a line, H(0) first: thin and grey; predictions broad and coloured; the converged one thin and black. */
function styleSeries(all, hasGroups) {
  const hamiltonians = [...new Set(all.map((series) => series.name))];
  const predicted = hamiltonians.filter((name) => all.some((s) => s.name === name && s.role === "predicted"));
  for (const series of all) {
    const down = series.spin === "down";
    if (hamiltonians.length === 1 && !hasGroups) {
      series.line = { colour: COLOURS[series.spin === "up" ? 0 : 1], width: 1.5, dash: [] };
    } else if (hamiltonians.length === 1) {
      series.line = { colour: "ink", width: 1.1, dash: down ? [5, 3] : [] };
    } else if (series.role === "predicted") {
      series.line = { colour: COLOURS[predicted.indexOf(series.name) % COLOURS.length], width: 2.6, dash: down ? [6, 3] : [] };
    } else {
      series.line = { colour: series.role === "h0" ? "first" : "ink", width: 1.1, dash: down ? [5, 3] : [] };
    }
  }
  return hamiltonians.length > 1 ? predicted.length : 0;
}

/** A colour of the theme by its name, or itself. */
function resolved(colour, theme) {
  return theme[colour] ?? colour;
}

function setLine(context, line, theme) {
  context.strokeStyle = resolved(line.colour, theme);
  context.lineWidth = line.width;
  context.setLineDash(line.dash ?? []);
  context.lineJoin = "round";
}

function strokeLine(context, [from, to], line, theme) {
  setLine(context, line, theme);
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}
