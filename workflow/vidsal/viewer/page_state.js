// What the page knows and shows now, small helpers, and how a method looks in the curve.
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const films = [...document.querySelectorAll("script.film")];
const TRAIL = 5; // frames for which a fixation stays visible, as in the overlay videos
const INKS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#8C5A3C", "#7A5CD6"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4"];
const state = {
  clip: -1, frame: 0, shown: -1, playing: false, draws: 0, ready: false, error: null,
  view: "overlay", colormap: "inferno", opacity: 0.75, threshold: 0, gaze: true, mask: true,
  metric: data.metrics[0] || "", hidden: new Set(), lit: null,
};
const film = $("film"), sheet = document.createElement("canvas");
const sheetPen = sheet.getContext("2d", { willReadFrequently: true });
const colours = Object.fromEntries(
  Object.entries(data.palettes).map(([k, v]) => [k, Uint8Array.from(atob(v), (c) => c.charCodeAt(0))]));
const clip = () => data.clips[state.clip];
let panels = [], seeking = false, wanted = null, keyed = new Map(), chain = 0, seeks = 0, whole = null;

// ---- small helpers
function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) k in node ? (node[k] = v) : node.setAttribute(k, v);
  node.append(...children);
  return node;
}
function draw(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  if (text !== undefined) node.textContent = text;
  return node;
}
const breakable = (words) => words.split("_").flatMap((word, i) => (i ? ["_", make("wbr"), word] : [word]));
const format = (v) => (v === null || v === undefined ? "undefined" : Math.abs(v) >= 1e4 || (v && Math.abs(v) < 1e-3)
  ? v.toExponential(1) : Math.abs(v) >= 100 ? v.toFixed(0) : v.toPrecision(3));
const model = (key) => key.slice(0, key.indexOf("/"));
const method = (key) => key.slice(key.indexOf("/") + 1);
const isControl = (key) => model(key) === "none";
const lowerIsBetter = () => data.lower.includes(state.metric);
function value(key) { // of the frame shown; of the clip where frames have no scores of their own
  const own = clip().scores[state.metric];
  return own ? own[key]?.[state.shown] : clip().video_scores[state.metric]?.[key];
}

// ---- how a method is drawn in the curve: colour by method, dashes by model, controls grey
function styles() {
  const keys = [...new Set(data.clips.flatMap((c) => c.layout.tiles.filter((t) => t.kind === "map").map((t) => t.name)))];
  const own = keys.filter((k) => !isControl(k));
  const models = [...new Set(own.map(model))], methods = [...new Set(own.map(method))];
  const controls = keys.filter(isControl);
  return new Map(keys.map((k) => [k, isControl(k)
    ? { ink: "#8a8a94", dash: DASHES[controls.indexOf(k) % DASHES.length] }
    : { ink: INKS[methods.indexOf(method(k)) % INKS.length], dash: DASHES[models.indexOf(model(k)) % DASHES.length] }]));
}
const style = styles();
const stroke = (key) => ({ stroke: style.get(key).ink, "stroke-dasharray": style.get(key).dash });
