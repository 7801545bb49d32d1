// Where the frames are, their borders, ticks and labels.

const FONT = 13;
const MARGIN = { left: 62, right: 16, top: 10, bottom: 46 };
const GAP = 30;
/** Share of the width that the density of states has beside bands. */
const DOS_SHARE = 0.26;

/** Lays the frames out on a page of this size. */
function layOut({ bands, dos }, width, height) {
  const x = MARGIN.left;
  const box = { x, y: MARGIN.top, width: Math.max(width - x - MARGIN.right, 40), height: Math.max(height - MARGIN.top - MARGIN.bottom, 40) };
  if (bands && dos) {
    const narrow = Math.round(box.width * DOS_SHARE);
    bands.frame.box = { ...box, width: box.width - narrow - GAP };
    dos.frame.box = { ...box, x: x + box.width - narrow, width: narrow };
  } else {
    (bands ?? dos).frame.box = box;
  }
}

function setFont(context, theme, align, size = FONT) {
  context.font = `${size}px system-ui, "DejaVu Sans", sans-serif`;
  context.fillStyle = theme.ink;
  context.textAlign = align;
}

/** Borders, ticks, labels, and the line of the Fermi level. */
function drawAxes(context, view, theme) {
  const { bands, dos } = view;
  const frames = [bands, dos].filter(Boolean).map((panel) => panel.frame);
  frames.forEach((frame, i) => {
    if (view.relative && frame.energy.low < 0 && frame.energy.high > 0) {
      strokeLine(context, frame.atEnergy(0), { colour: "ink", width: 1, dash: [4, 3] }, theme);
    }
    drawEnergies(context, frame, theme, i === 0 && view.relative, i === 0);
  });
  if (bands) drawCorners(context, bands, theme);
  if (dos) drawDensities(context, dos, theme);
  for (const { box } of frames) {
    setLine(context, { colour: "ink", width: 1 }, theme);
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.stroke();
  }
}

function drawEnergies(context, frame, theme, isRelative, isLabelled) {
  const { box, energy, upright } = frame;
  const { ticks, decimals } = energy.ticks(upright ? box.height / 50 : box.width / 80);
  for (const tick of ticks) {
    for (const [x, y] of frame.atEnergy(tick)) drawTick(context, x, y, frame, upright, theme);
    if (!isLabelled) continue;
    setFont(context, theme, upright ? "right" : "center");
    const [x, y] = frame.atEnergy(tick)[0];
    context.fillText(number(tick, decimals), upright ? x - 7 : x, upright ? y + 0.36 * FONT : y + FONT + 7);
  }
  if (isLabelled) drawEnergyName(context, frame, theme, isRelative);
}

/** A short line inwards, at a border of the frame. */
function drawTick(context, x, y, { box }, isAcross, theme) {
  const [dx, dy] = isAcross ? [x > box.x + 1 ? -5 : 5, 0] : [0, y > box.y + 1 ? -5 : 5];
  strokeLine(context, [[x, y], [x + dx, y + dy]], { colour: "ink", width: 1 }, theme);
}

/** `E − E_F (eV)` along the axis. */
function drawEnergyName(context, { box, upright }, theme, isRelative) {
  const parts = isRelative ? [["E − E", FONT, 0], ["F", 0.75 * FONT, 3], [" (eV)", FONT, 0]] : [["E (eV)", FONT, 0]];
  const widths = parts.map(([text, size]) => {
    setFont(context, theme, "left", size);
    return context.measureText(text).width;
  });
  const middle = widths.reduce((sum, width) => sum + width, 0) / 2;
  context.save();
  if (upright) {
    context.translate(FONT + 2, box.y + box.height / 2);
    context.rotate(-Math.PI / 2);
  } else {
    context.translate(box.x + box.width / 2, box.y + box.height + 38);
  }
  let at = -middle;
  parts.forEach(([text, size, drop], i) => {
    setFont(context, theme, "left", size);
    context.fillText(text, at, drop);
    at += widths[i];
  });
  context.restore();
}

/** Labels of the path below the frame; those without room are left out. */
function drawCorners(context, { frame, data }, theme) {
  setFont(context, theme, "center");
  let free = -Infinity;
  for (const [distance, label] of data.ticks) {
    if (distance < frame.other.low - 1e-9 || distance > frame.other.high + 1e-9) continue;
    const x = frame.ofOther(distance);
    const half = context.measureText(label).width / 2;
    if (x - half < free) continue;
    context.fillText(label, x, frame.box.y + frame.box.height + FONT + 7);
    free = x + half + 4;
  }
}

function drawDensities(context, { frame, isMirrored }, theme) {
  const { box, other, upright } = frame;
  const { ticks, decimals } = other.ticks(upright ? box.width / 60 : box.height / 50);
  for (const tick of ticks) {
    for (const [x, y] of frame.atOther(tick)) drawTick(context, x, y, frame, !upright, theme);
    setFont(context, theme, upright ? "center" : "right");
    const [x, y] = frame.atOther(tick)[0];
    const text = number(isMirrored ? Math.abs(tick) : tick, decimals);
    context.fillText(text, upright ? x : x - 7, upright ? y + FONT + 7 : y + 0.36 * FONT);
  }
  setFont(context, theme, "center");
  context.save();
  if (upright) context.translate(box.x + box.width / 2, box.y + box.height + 38);
  else {
    context.translate(FONT + 2, box.y + box.height / 2);
    context.rotate(-Math.PI / 2);
  }
  context.fillText("states / eV", 0, 0);
  context.restore();
}
