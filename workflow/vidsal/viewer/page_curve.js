// The curve of scores per frame; dragging in it scrubs.
let axis = null;
function ticks(low, high) {
  const raw = (high - low) / 4 || 1, unit = 10 ** Math.floor(Math.log10(raw));
  const gap = [1, 2, 5, 10].find((m) => m * unit >= raw) * unit, out = [];
  for (let t = Math.ceil(low / gap - 1e-9) * gap; t <= high + gap * 1e-9; t += gap) out.push(+t.toPrecision(12));
  return out;
}
function buildCurve() {
  const svg = $("curve"), scores = clip().scores[state.metric] || {}, n = clip().frames;
  const all = Object.values(scores).flat().filter((v) => v !== null);
  svg.parentElement.hidden = !all.length;
  $("curvetitle").textContent = `${state.metric} per frame (${lowerIsBetter() ? "lower" : "higher"} is better)`;
  if (!all.length) { axis = null; return svg.replaceChildren(); }
  const width = svg.clientWidth || 600, height = 240, low = Math.min(...all), high = Math.max(...all);
  const pad = (high - low || 1) * 0.05, [bottom, top] = [low - pad, high + pad];
  const x = (f) => 44 + (width - 56) * f / Math.max(1, n - 1), y = (v) => 8 + (height - 34) * (top - v) / (top - bottom);
  axis = { x, width, n };
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const parts = ticks(bottom, top).flatMap((t) => [draw("line", { class: "grid", x1: 44, x2: width - 12, y1: y(t), y2: y(t) }),
    draw("text", { x: 38, y: y(t) + 4, "text-anchor": "end" }, t)]);
  parts.push(...ticks(0, n - 1).filter(Number.isInteger).map((t) => draw("text", { x: x(t), y: height - 10, "text-anchor": "middle" }, t)));
  parts.push(...Object.entries(scores).filter(([key]) => style.has(key)).flatMap(([key, values]) => lines(key, values, x, y)));
  parts.push(draw("line", { class: "now", id: "now", y1: 4, y2: height - 24 }));
  svg.replaceChildren(...parts);
  moveNow();
}
function lines(key, values, x, y) { // a frame between two undefined ones is a point
  const known = (f) => values[f] !== null && values[f] !== undefined, d = [], points = [];
  values.forEach((v, f) => {
    if (!known(f)) return;
    if (!known(f - 1) && !known(f + 1)) points.push(draw("circle", { class: "point", "data-key": key, cx: x(f), cy: y(v), r: 2.5, fill: style.get(key).ink }));
    d.push(`${known(f - 1) ? "L" : "M"}${x(f).toFixed(1)} ${y(v).toFixed(1)}`);
  });
  const path = draw("path", { class: "line", "data-key": key, d: d.join(""), ...stroke(key) });
  path.append(draw("title", {}, key));
  path.addEventListener("pointerenter", () => light(key));
  path.addEventListener("pointerleave", () => light(null));
  return [path, ...points];
}
function moveNow() {
  if (!axis) return;
  for (const end of ["x1", "x2"]) $("now").setAttribute(end, axis.x(state.shown < 0 ? state.frame : state.shown));
}
function drag(event) {
  if (!axis || !(event.buttons & 1)) return;
  const box = $("curve").getBoundingClientRect(), share = ((event.clientX - box.left) * axis.width / box.width - 44) / (axis.width - 56);
  film.pause();
  seek(share * (axis.n - 1));
}
