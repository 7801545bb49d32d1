// After the page's own scripts: does what a reader does, and notes what is seen. `STATE` is where to point at.
(async () => {
  const byId = (id) => document.getElementById(id);
  const figure = byId("figure");
  const seen = {};
  const drawn = () => new Promise((done) => setTimeout(done, 50));
  const click = (id) => byId(id).dispatchEvent(new MouseEvent("click", { bubbles: true }));

  /** The drawing as an SVG document. */
  function svg() {
    click("save-svg");
    return new DOMParser().parseFromString(saved.pop(), "image/svg+xml").documentElement;
  }

  /** Texts of the drawing: [text, x, y of the middle]. */
  function texts() {
    return [...svg().querySelectorAll("text")].map((t) => [t.textContent, Number(t.getAttribute("x")), Number(t.getAttribute("y")) - 4.7]);
  }

  const value = (text) => Number(text.replace("−", "-"));

  /** Energies at the ticks with their heights, as a reader takes them from the axis. */
  function energies() {
    const numbers = texts().filter(([text, x]) => x < 62 && /^−?[\d.]+$/.test(text));
    return numbers.map(([text, , y]) => [value(text), y]).sort((a, b) => a[0] - b[0]);
  }

  /** Where an energy is, by the first and the last tick. */
  function height(energy) {
    const ticks = energies();
    const [[low, bottom], [high, top]] = [ticks[0], ticks.at(-1)];
    return bottom + ((energy - low) / (high - low)) * (top - bottom);
  }

  function pointer(type, x, y, more = {}) {
    const { left, top } = figure.getBoundingClientRect();
    const at = { clientX: left + x, clientY: top + y, bubbles: true, cancelable: true, pointerId: 1, pointerType: "mouse" };
    const Kind = { wheel: WheelEvent, dblclick: MouseEvent }[type] ?? PointerEvent;
    byId("marks").dispatchEvent(new Kind(type, { ...at, ...more }));
  }

  const key = (name) => figure.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  const rows = () => [...byId("tooltip").querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent));

  await drawn();
  seen.title = document.title;
  seen.heading = document.querySelector("h1").textContent;
  seen.legend = [...byId("legend").querySelectorAll("label")].map((label) => label.textContent);
  seen.images = document.querySelectorAll("img, iframe, link, script[src]").length;
  seen.labels = texts().map(([text]) => text);

  const label = texts().find(([text]) => text === STATE.label);
  const [x, y] = [label[1], height(STATE.energy)];
  seen.empty = byId("tooltip").hidden;
  pointer("pointermove", x + 2, y - 3);
  seen.tooltip = rows();
  key("ArrowUp");
  seen.above = rows();
  pointer("pointermove", x, 2);
  seen.away = byId("tooltip").hidden;

  seen.ticks = energies().map(([energy]) => energy);
  pointer("wheel", x, y, { deltaY: -400 });
  await drawn();
  seen.zoomed = energies().map(([energy]) => energy);
  seen.moved = height(STATE.energy) - y;
  pointer("dblclick", x, y);
  await drawn();
  seen.reset = energies().map(([energy]) => energy);

  const [from, to] = [height(-1), height(1)];
  pointer("pointerdown", x - 40, from);
  pointer("pointermove", x + 60, to);
  pointer("pointerup", x + 60, to);
  await drawn();
  seen.dragged = energies().map(([energy]) => energy);
  seen.corners = texts().map(([text]) => text).filter((text) => /^[ΓMK|]+$/.test(text));
  click("reset");
  await drawn();

  click("save-csv");
  seen.csv = saved.pop().split("\n").slice(0, 3);
  const before = svg().querySelectorAll("path").length;
  const box = byId("legend").querySelector("input");
  box.click();
  await drawn();
  seen.hidden = before - svg().querySelectorAll("path").length;
  box.click();

  const canvas = byId("curves");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  seen.inked = pixels.filter((_, i) => i % 4 === 3).reduce((sum, alpha) => sum + (alpha > 0), 0) / (pixels.length / 4);
  seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.wrong = wrong;
  return seen;
})()
  .catch((error) => ({ wrong: [...wrong, String(error.stack)] }))
  .then((seen) => {
    const note = document.createElement("pre");
    note.id = "seen";
    note.textContent = JSON.stringify(seen);
    document.body.append(note);
  });
