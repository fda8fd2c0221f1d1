// Panels: one canvas for each tile of the clip, their grid, and the switches of the methods.
function families() {
  const groups = new Map();
  for (const tile of clip().layout.tiles) {
    const name = tile.kind === "map" ? model(tile.name) : "";
    groups.set(name, [...(groups.get(name) || []), tile]);
  }
  const controls = groups.get("none");
  if (controls) { groups.delete("none"); groups.set("none", controls); } // last
  return groups;
}
function title(name) {
  if (!name) return ["Video"];
  if (name === "none") return ["Controls ", make("small", {}, "what any method has to beat; observers: what people reach")];
  const p = clip().predicted?.[name];
  return [`${name} `, ...(p ? verdicts({ label: clip().label, predicted: { predicts: p } }) : [])];
}
function buildPanels() {
  panels = [];
  $("panels").replaceChildren(...[...families()].map(([name, tiles]) => make("div", { className: "family" },
    make("h3", {}, ...title(name)), make("div", { className: "row" }, ...tiles.map(panel)))));
  buildSwitches();
  applyView();
}
function panel(tile) {
  const score = make("div", { className: "score" });
  const canvas = make("canvas", { role: "img", "aria-label": `${tile.name}, coloured by importance` });
  const words = tile.kind === "map" ? method(tile.name) : tile.kind === "mask" ? "ground-truth mask" : tile.name;
  const name = make("div", { className: "name" }, make("span", {}, ...breakable(words)));
  if (tile.kind === "map") {
    const key = draw("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" });
    key.append(draw("line", { x1: 0, x2: 22, y1: 4, y2: 4, "stroke-width": 2.5, ...stroke(tile.name) }));
    name.prepend(key);
  }
  const foot = tile.kind === "map" ? [make("div", { className: "foot" }, score, make("small", { title: "value of full colour: 99.9 % quantile of this map over the video" }, `full ${format(tile.scale)}`))] : [];
  const node = make("figure", { className: "panel", onpointerenter: () => light(tile.name), onpointerleave: () => light(null) },
    canvas, make("figcaption", {}, name, ...foot));
  node.dataset.key = tile.name;
  const small = make("canvas");
  [small.height, small.width] = clip().layout.tile;
  panels.push({ tile, node, canvas, score, small, pen: small.getContext("2d"), picture: new ImageData(small.width, small.height) });
  return node;
}
function buildSwitches() {
  const groups = [...families()].filter(([name]) => name);
  $("switches").replaceChildren(...groups.map(([name, tiles]) => {
    const boxes = tiles.map((t) => make("input", { type: "checkbox", checked: !state.hidden.has(t.name),
      onchange: (e) => { e.target.checked ? state.hidden.delete(t.name) : state.hidden.add(t.name); applyView(); } }));
    const flip = () => { const on = boxes.some((b) => !b.checked); boxes.forEach((b) => { if (b.checked !== on) b.click(); }); };
    return make("fieldset", {}, make("legend", {}, name === "none" ? "controls" : name),
      ...boxes.map((b, i) => make("label", {}, b, " ", method(tiles[i].name))),
      make("button", { type: "button", onclick: flip }, "all / none"));
  }));
}
function columns() { // equal in all families: what fits, and fills the rows of the largest one evenly
  const rows = [...document.querySelectorAll(".family .row")];
  const most = Math.max(...rows.map((row) => [...row.children].filter((p) => !p.hidden).length));
  const least = +$("size").value * (state.view === "beside" ? 1.8 : 1);
  const fit = Math.max(1, Math.floor(($("panels").clientWidth + 10) / (least + 10)));
  return Math.max(1, Math.ceil(most / Math.ceil(most / fit)));
}
function applyView() {
  const look = document.documentElement.style;
  for (const p of panels) p.node.hidden = state.hidden.has(p.tile.name);
  look.setProperty("--panel", `${$("size").value * (state.view === "beside" ? 2 : 1)}px`);
  look.setProperty("--columns", columns());
  const crowd = Math.min(1, Math.max(0.55, (12 / Math.max(...[...keyed.values()].map((v) => v.length), 1)) ** 0.5));
  look.setProperty("--bar", `${document.querySelector(".bar").offsetHeight}px`);
  for (const p of panels) {
    const twice = state.view === "beside" && p.tile.kind === "map" ? 2 : 1;
    const [h, w] = clip().layout.tile, ratio = window.devicePixelRatio || 1;
    const wide = (p.node.clientWidth || 200) / twice; // CSS px of one picture
    p.zoom = Math.min(4, Math.max(1, Math.ceil(1.5 * wide * ratio / w)));
    p.pixel = w / wide; // tile px per CSS px, so that dots and lines have the same size in all panels
    p.dot = Math.min(6, Math.max(2.4, wide / 55)) * crowd;
    [p.canvas.width, p.canvas.height] = [w * p.zoom * twice, h * p.zoom];
  }
  for (const node of document.querySelectorAll(".family")) node.hidden = ![...node.querySelectorAll(".panel")].some((p) => !p.hidden);
  const maps = panels.filter((p) => p.tile.kind === "map");
  $("shown").textContent = `(${maps.filter((p) => !p.node.hidden).length} of ${maps.length})`;
  for (const line of document.querySelectorAll("#curve [data-key]")) line.style.display = state.hidden.has(line.dataset.key) ? "none" : "";
  paintRamp();
  paint();
}
function light(key) {
  state.lit = key;
  $("curve").classList.toggle("focus", style.has(key));
  for (const node of document.querySelectorAll("[data-key]")) node.classList.toggle("lit", key !== null && style.has(key) && node.dataset.key === key);
}
