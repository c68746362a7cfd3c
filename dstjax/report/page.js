"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

function themeLayout() {
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const axis = { gridcolor: color("--line"), zerolinecolor: color("--line"), linecolor: color("--line") };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false,
    font: { color: color("--text"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    hoverlabel: { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--text") } },
    legend: { bgcolor: "rgba(0,0,0,0)", orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    axis,
  };
}

function merged(layout) {
  const { axis, ...theme } = themeLayout();
  const both = { margin: { l: 58, r: 12, t: 12, b: 46 }, ...theme, ...layout };
  for (const name of ["xaxis", "yaxis"]) both[name] = { automargin: true, ...axis, ...layout[name] };
  return both;
}

function draw(id, traces, layout) {
  return Plotly.react(byId(id), traces, merged(layout), { responsive: true, displaylogo: false, displayModeBar: false });
}

const hidden = new Set();
function drawPanels() {
  const metric = byId("metric").value;
  data.panels.forEach((panel, index) => {
    const traces = panel.traces[metric].map((t) => ({ ...t, visible: !hidden.has(t.name), showlegend: false }));
    const range = data.range[panel.task];
    draw(`panel-${index}`, traces, {
      height: 290, hovermode: "x unified",
      xaxis: { title: { text: "environment steps per member" }, range: range.x },
      yaxis: { title: { text: metric }, range: range.y[metric] },
    });
  });
}

function drawAll() {
  drawPanels();
  for (const [id, figure] of Object.entries(data.figures)) {
    const [first] = figure.data;
    if (first && first.type === "heatmap") byId(id).style.minWidth = `${130 + 44 * first.x.length}px`;
    draw(id, figure.data, figure.layout);
  }
}

function setTheme(theme) {
  root.dataset.theme = theme;
  drawAll();
}

function showPanels() {
  const one = byId("one").getAttribute("aria-pressed") === "true";
  byId("slider").hidden = !one;
  const chosen = Number(byId("level").value);
  byId("level-name").textContent = data.panels[chosen].title;
  data.panels.forEach((_, index) => { byId(`facet-${index}`).hidden = one && index !== chosen; });
  window.dispatchEvent(new Event("resize"));
}

byId("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
byId("metric").addEventListener("change", drawPanels);
byId("level").addEventListener("input", showPanels);
byId("one").addEventListener("click", (event) => {
  const button = event.currentTarget;
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  showPanels();
});
for (const key of document.querySelectorAll(".key")) {
  key.addEventListener("click", () => {
    const name = key.dataset.line, off = !hidden.has(name);
    if (off) hidden.add(name); else hidden.delete(name);
    key.setAttribute("aria-pressed", String(!off));
    drawPanels();
  });
}
const dark = window.matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
setTheme(dark.matches ? "dark" : "light");
showPanels();
