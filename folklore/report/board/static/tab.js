// The board's first tab. It draws what ./content says, and again whenever that has changed.

const EVERY = 3000; // milliseconds between two looks
const OPTIONS = {displaylogo: false, responsive: true};
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export async function render() {
  document.documentElement.lang = "en";
  for (const href of ["./style.css", "./tab.css"]) {
    await new Promise((ready) => add(document.head, "link", {rel: "stylesheet", href, onload: ready}));
  }
  await new Promise((ready) => add(document.head, "script", {src: "./plotly-basic.min.js", onload: ready}));
  let shown = "";
  const look = async () => {
    const text = await (await fetch("./content")).text();
    if (text !== shown) draw(JSON.parse(text));
    shown = text;
  };
  await look();
  setInterval(() => document.hidden || look().catch(() => {}), EVERY); // TensorBoard may have ended
}

function draw(experiments) {
  const kept = new Map([...document.querySelectorAll(".chart")].map((chart) => [chart.dataset.key, chart]));
  const open = new Set([...document.querySelectorAll("details[open]")].map((details) => details.textContent));
  const scrolled = document.scrollingElement.scrollTop;
  document.body.replaceChildren();
  for (const experiment of experiments) {
    const section = add(document.body, "section", {className: "experiment"});
    heading(section, experiment);
    const cards = add(section, "div", {className: "cards"});
    const [first, ...others] = experiment.charts;
    if (first) legend(card(cards, experiment.name, first, kept), experiment.swatches);
    table(cards, experiment);
    for (const chart of others) card(cards, experiment.name, chart, kept);
    networks(section, experiment);
  }
  document.querySelectorAll("details").forEach((details) => { details.open = open.has(details.textContent); });
  document.scrollingElement.scrollTop = scrolled;
}

function heading(section, {name, claim, state, warnings, verdicts}) {
  add(section, "p", {className: "quiet", textContent: state ? `${name} · ${state}` : name});
  if (claim) add(section, "h1", {textContent: claim});
  for (const warning of warnings) add(section, "p", {className: "beware", textContent: `Beware: ${warning}.`});
  for (const {word, kind, claim: about, said, more} of verdicts) {
    const block = add(section, "div", {className: `block ${kind}`});
    add(block, "span", {className: "word", textContent: word});
    if (about !== claim) add(block, "span", {className: "claim", textContent: `: ${about}`});
    add(block, "p", {textContent: said});
    if (!more) continue;
    const details = add(block, "details");
    add(details, "summary", {textContent: "How we know"});
    add(details, "p", {textContent: more});
  }
}

function card(cards, name, {title, about, said, figure}, kept) {
  const coloured = JSON.stringify(figure).replace(/var\((--[\w-]+)\)/g, (_, colour) => variable(colour));
  const {data, layout} = JSON.parse(coloured);
  const parent = add(cards, "article", {className: "card"});
  add(parent, "h2", {textContent: title});
  add(parent, "p", {className: "quiet", textContent: about});
  const key = `${name}/${title}`;
  const chart = kept.get(key) ?? document.createElement("div"); // what the reader has zoomed into stays
  parent.append(chart);
  chart.className = "chart";
  chart.dataset.key = key;
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", said);
  const axis = {gridcolor: variable("--line"), zerolinecolor: variable("--line")};
  const changes = {
    height: undefined, margin: {l: 48, r: 12, t: 12, b: 36}, uirevision: "kept", font: {...layout.font, color: variable("--ink")},
    paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    xaxis: {...layout.xaxis, ...axis, title: {...layout.xaxis.title, font: {size: 13}}}, yaxis: {...layout.yaxis, ...axis, title: null},
  };
  const visible = new IntersectionObserver(([seen]) => {
    if (!seen.isIntersecting) return;
    visible.disconnect();
    Plotly.react(chart, data, {...layout, ...changes}, OPTIONS);
  });
  visible.observe(chart); // of many experiments, only those on the screen are drawn
  return parent;
}

function legend(parent, swatches) {
  const list = document.createElement("ul");
  list.className = "legend";
  parent.querySelector(".chart").before(list);
  for (const [arm, swatch] of Object.entries(swatches)) {
    add(list, "li", {textContent: arm}).insertAdjacentHTML("afterbegin", swatch);
  }
}

function table(cards, {arms, swatches, about}) {
  if (!arms.length) return;
  const parent = add(cards, "article", {className: "card table"});
  const rows = add(parent, "table");
  const names = Object.keys(arms[0]);
  const head = add(rows, "tr");
  for (const name of names) add(head, "th", {textContent: name, scope: "col"});
  for (const arm of arms) {
    const row = add(rows, "tr");
    for (const name of names) add(row, "td", {textContent: arm[name]});
    row.firstChild.insertAdjacentHTML("afterbegin", swatches[arm.arm]);
  }
  add(parent, "p", {className: "quiet", textContent: about});
}

function networks(section, {networks: drawn}) {
  for (const {arm, svg} of drawn) {
    const details = add(section, "details", {className: "drawn"});
    add(details, "summary", {textContent: `Network of ${arm}`});
    add(details, "img", {alt: `The layers of ${arm}`, src: `data:image/svg+xml,${encodeURIComponent(svg)}`});
  }
}

function add(parent, tag, given = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), given));
}
