// Begins.

byId("subtitle").textContent = data.subtitle;
fillLegend(byId("legend"), allSeries, groups, () => {
  point(null);
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
// Begins with the first size that the figure gets.
new ResizeObserver(drawAll).observe(figure);
