// What is drawn on a canvas, as an SVG document.

/** The part of CanvasRenderingContext2D that this page uses. */
class SvgContext {
  constructor(width, height) {
    Object.assign(this, { width, height, parts: [], clips: 0, path: "", box: [0, 0, 0, 0], open: [], dash: [] });
    Object.assign(this, { strokeStyle: "#000", fillStyle: "#000", lineWidth: 1, lineJoin: "miter", globalAlpha: 1 });
    Object.assign(this, { font: "12px sans-serif", textAlign: "left", turn: "" });
  }

  save() {
    this.open.push({ groups: 0, globalAlpha: this.globalAlpha, turn: this.turn });
  }

  restore() {
    const { groups, globalAlpha, turn } = this.open.pop();
    this.parts.push("</g>".repeat(groups));
    Object.assign(this, { globalAlpha, turn });
  }

  rect(x, y, width, height) {
    this.box = [x, y, width, height];
    this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  clip() {
    const id = `clip${(this.clips += 1)}`;
    this.parts.push(`<clipPath id="${id}"><path d="${this.path}"/></clipPath><g clip-path="url(#${id})">`);
    this.open.at(-1).groups += 1;
  }

  /** A turn about a point: the only transformations that the page uses. */
  translate(x, y) {
    this.turn += ` translate(${short(x)} ${short(y)})`;
  }

  rotate(angle) {
    this.turn += ` rotate(${short((angle * 180) / Math.PI)})`;
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `L${short(x)} ${short(y)}`;
  }

  closePath() {
    this.path += "z";
  }

  /** A whole circle. */
  arc(x, y, radius) {
    const [r, twice] = [short(radius), short(2 * radius)];
    this.path += `M${short(x - radius)} ${short(y)}a${r} ${r} 0 1 0 ${twice} 0a${r} ${r} 0 1 0 ${-twice} 0z`;
  }

  setLineDash(dash) {
    this.dash = dash;
  }

  stroke() {
    if (!this.path) return;
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    const line = `stroke="${this.strokeStyle}" stroke-width="${short(this.lineWidth)}" stroke-linejoin="${this.lineJoin}"`;
    this.parts.push(`<path fill="none" ${line}${dash}${this.opacity()} d="${this.path}"/>`);
  }

  fill() {
    if (this.path) this.parts.push(`<path fill="${this.fillStyle}"${this.opacity()} d="${this.path}"/>`);
  }

  fillRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  measureText(text) {
    SvgContext.ruler ??= document.createElement("canvas").getContext("2d");
    SvgContext.ruler.font = this.font;
    return SvgContext.ruler.measureText(text);
  }

  fillText(text, x, y) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const turn = this.turn ? ` transform="${this.turn.trim()}"` : "";
    const place = `x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"`;
    this.parts.push(`<text ${place}${turn} fill="${this.fillStyle}" style="font:${escaped(this.font)};white-space:pre">${escaped(text)}</text>`);
  }

  opacity() {
    return this.globalAlpha < 1 ? ` opacity="${short(this.globalAlpha)}"` : "";
  }

  /** The document. */
  text() {
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${this.parts.join("\n")}</svg>\n`;
  }
}

/** Two decimals. */
function short(value) {
  return Math.round(value * 100) / 100;
}

/** A text inside XML. */
function escaped(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}
