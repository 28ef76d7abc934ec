// The board's first tab. It draws what ./content says, and again whenever that has changed.

const EVERY = 3000; // milliseconds between two looks
const LAYOUT = {margin: {l: 48, r: 12, t: 12, b: 40}, legend: {orientation: "h", x: 0, y: -0.2}, uirevision: "kept"};
const OPTIONS = {displaylogo: false, responsive: true};

export async function render() {
  document.documentElement.lang = "en";
  add(document.head, "link", {rel: "stylesheet", href: "./tab.css"});
  await new Promise((ready) => add(document.head, "script", {src: "./plotly.js", onload: ready}));
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
  const scrolled = document.scrollingElement.scrollTop;
  document.body.replaceChildren();
  for (const experiment of experiments) {
    const section = add(document.body, "section", {className: "experiment"});
    heading(section, experiment);
    const cards = add(section, "div", {className: "cards"});
    const [first, ...others] = experiment.charts;
    if (first) card(cards, experiment.name, first, kept, true);
    table(cards, experiment);
    for (const chart of others) card(cards, experiment.name, chart, kept, false);
    networks(section, experiment);
  }
  document.scrollingElement.scrollTop = scrolled;
}

function card(cards, name, {title, about, figure: {data, layout}}, kept, showlegend) {
  const parent = add(cards, "article", {className: "card"});
  add(parent, "h2", {textContent: title});
  add(parent, "p", {className: "about", textContent: about});
  const key = `${name}/${title}`;
  const chart = kept.get(key) ?? document.createElement("div"); // what the reader has zoomed into stays
  parent.append(chart);
  chart.className = "chart";
  chart.dataset.key = key;
  const drawn = {...layout, ...LAYOUT, showlegend, yaxis: {...layout.yaxis, title: null}};
  const plot = () => Plotly.react(chart, data, drawn, OPTIONS);
  const visible = new IntersectionObserver(([seen]) => seen.isIntersecting && (visible.disconnect(), plot()));
  visible.observe(chart); // of many experiments, only those on the screen are drawn
}

function networks(section, {networks: drawn}) {
  for (const {arm, svg} of drawn) {
    const details = add(section, "details", {className: "network"});
    add(details, "summary", {textContent: `Network of ${arm}`});
    add(details, "img", {alt: `The layers of ${arm}`, src: `data:image/svg+xml,${encodeURIComponent(svg)}`});
  }
}

function heading(section, {name, claim, state, verdicts}) {
  add(section, "p", {className: "name", textContent: state ? `${name} · ${state}` : name});
  add(section, "h1", {textContent: claim});
  for (const {word, colour, claim: about, said, more} of verdicts) {
    const block = add(section, "div", {className: "verdict"});
    block.style.borderColor = colour;
    add(block, "span", {className: "word", textContent: word}).style.color = colour;
    if (about !== claim) add(block, "span", {className: "claim", textContent: `: ${about}`});
    add(block, "p", {textContent: said});
    if (!more) continue;
    const details = add(block, "details");
    add(details, "summary", {textContent: "How we know"});
    add(details, "p", {textContent: more});
  }
}

function table(cards, {arms, about}) {
  if (!arms.length) return;
  const parent = add(cards, "article", {className: "card table"});
  const rows = add(parent, "table");
  const names = Object.keys(arms[0]).filter((name) => name !== "colour");
  const head = add(rows, "tr");
  for (const name of names) add(head, "th", {textContent: name, scope: "col"});
  for (const arm of arms) {
    const row = add(rows, "tr");
    for (const name of names) {
      const cell = add(row, "td", {textContent: arm[name]});
      if (name !== "arm") continue;
      const mark = document.createElement("span");
      mark.className = "mark";
      mark.style.background = arm.colour;
      cell.prepend(mark);
    }
  }
  add(parent, "p", {className: "about", textContent: about});
}

function add(parent, tag, given = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), given));
}
