// Plots are drawn when they come into view, in the colours of the page's scheme, and all of them before it is printed.
"use strict";
const root = document.documentElement, plots = [...document.querySelectorAll(".plot")], drawn = new Set();
const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
const PAPER = 640; // pixels: as wide as a plot can be on A4

const colour = name => getComputedStyle(root).getPropertyValue(name).trim();

function theme() {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
  return { layout: {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", xaxis: axis, yaxis: axis,
    font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 13 },
    hoverlabel: { bgcolor: colour("--panel"), font: { color: colour("--ink") } },
    modebar: { bgcolor: "transparent", color: colour("--quiet"), activecolor: colour("--ink") },
  } };
}

function draw(plot) {
  if (!window.Plotly) return; // the text does without
  const text = document.getElementById(`${plot.id}-figure`).textContent;
  const figure = JSON.parse(text.replace(/var\((--[\w-]+)\)/g, (_, name) => colour(name)));
  const layout = { ...figure.layout, template: theme(), uirevision: "as zoomed" };
  if ("print" in root.dataset) layout.width = PAPER;
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false; // a finger scrolls the page
  const names = layout.xaxis.ticktext ?? [], longest = Math.max(0, ...names.map(name => name.split("<br>")[0].length));
  if (names.length * longest * 8 > plot.clientWidth - 70) layout.xaxis.showticklabels = false; // the table names them
  drawn.add(plot);
  Plotly.react(plot, figure.data.map(trace => trace.meta === "seed" ? { ...trace, visible: everySeed(plot) } : trace),
               layout, CONFIG);
}

function everySeed(plot) {
  return Boolean(document.querySelector(`[data-seeds-of="${plot.id}"]`)?.checked);
}

const folded = new Set();
function print(on) {
  if (on === ("print" in root.dataset)) return;
  if (on) {
    root.dataset.print = "";
    document.querySelectorAll("details:not([open])").forEach(each => { folded.add(each); each.open = true; });
  } else {
    delete root.dataset.print;
    folded.forEach(each => { each.open = false; });
    folded.clear();
  }
  (on ? plots : [...drawn]).forEach(draw);
  if (!on) drawn.forEach(plot => Plotly.Plots.resize(plot)); // as wide as the window again
}

document.addEventListener("change", event => {
  const plot = document.getElementById(event.target.dataset?.seedsOf);
  if (plot) draw(plot);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
matchMedia("print").addEventListener("change", event => print(event.matches));
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));

const observer = new IntersectionObserver(entries => entries.filter(entry => entry.isIntersecting).forEach(entry => {
  observer.unobserve(entry.target);
  draw(entry.target);
}), { rootMargin: "300px" });
plots.forEach(plot => observer.observe(plot));
