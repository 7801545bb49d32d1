// Before the page's own scripts: what goes wrong, and what the page hands over as files.
window.wrong = [];
addEventListener("error", (event) => wrong.push(String(event.message)));
addEventListener("unhandledrejection", (event) => wrong.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => wrong.push(`${event.violatedDirective} ${event.blockedURI}`));
console.error = (...said) => wrong.push(said.join(" "));
window.saved = [];
window.Blob = class {
  constructor(parts) {
    saved.push(parts.join(""));
  }
};
URL.createObjectURL = () => "blob:nothing";
HTMLAnchorElement.prototype.click = () => {};
// Without a screen there are no pictures to wait for.
window.requestAnimationFrame = (draw) => setTimeout(draw, 0);
