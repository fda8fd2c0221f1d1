// Tables, keys, the address, and the wiring of all controls; the last part, it starts the page.
function buildPerClip() {
  const out = $("perclip"), keys = [...style.keys()];
  if (!out) return;
  out.querySelector(".metric").textContent = state.metric;
  const head = (text) => make("th", { scope: "col" }, make("button", { type: "button" }, ...breakable(text)));
  out.tHead.replaceChildren(make("tr", {}, head("clip"), ...keys.map((k) => head(isControl(k) ? method(k) : k.replace("/", " ")))));
  out.tBodies[0].replaceChildren(...data.clips.map((c, i) => make("tr", {},
    make("th", { scope: "row", "data-value": c.video }, make("button", { type: "button", onclick: () => { select(i); $("viewer").scrollIntoView(); } }, c.video)),
    ...keys.map((k) => { const v = c.video_scores?.[state.metric]?.[k]; return make("td", { "data-value": v ?? "" }, v === undefined ? "" : format(v)); }))));
}
function sort(button) {
  const th = button.parentElement, body = th.closest("table").tBodies[0], at = th.cellIndex;
  const down = th.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of th.parentElement.children) other.removeAttribute("aria-sort");
  th.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
  const read = (row) => { const v = row.cells[at].dataset.value; return v === "" || v === "nan" || v === "None" ? null : isNaN(v) ? v : +v; };
  const compare = (a, b) => (a === null ? 1 : b === null ? -1 : down * (typeof a === "string" || typeof b === "string"
    ? String(a).localeCompare(String(b), "en") : a - b));
  body.append(...[...body.rows].sort((a, b) => (read(a) === read(b) ? 0 : compare(read(a), read(b)))));
}
async function copy() {
  const text = $("methodstext"), range = document.createRange();
  range.selectNodeContents(text);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  const done = await (navigator.clipboard?.writeText(text.textContent).then(() => true, () => false) ?? false);
  $("copied").textContent = done || document.execCommand("copy") ? "copied" : "selected: press Ctrl+C";
}
const press = (id) => () => { $(id).checked = !$(id).checked; $(id).dispatchEvent(new Event("change")); };
const cycle = (id) => () => { const s = $(id); s.selectedIndex = (s.selectedIndex + 1) % s.length; s.dispatchEvent(new Event("change")); };
const keys = {
  " ": toggle, ArrowLeft: (e) => step(e.shiftKey ? -10 : -1), ArrowRight: (e) => step(e.shiftKey ? 10 : 1),
  Home: () => step(-1e9), End: () => step(1e9), ArrowUp: () => neighbour(-1), ArrowDown: () => neighbour(1),
  v: cycle("view"), c: cycle("colormap"), g: press("gaze"), m: press("mask"),
};
function onkey(e) {
  const t = e.target, act = keys[e.key];
  if (!act || e.ctrlKey || e.metaKey || e.altKey || t.matches?.("select, input[type=range]:not(#scrub)")) return;
  if (e.key === " " && t.matches?.("button, summary, input")) return;
  e.preventDefault();
  act(e);
}
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const id of ["view", "colormap", "metric", "opacity", "threshold", "size", "order"]) if (asked.has(id)) {
    if ($(id).options && ![...$(id).options].some((o) => o.value === asked.get(id))) continue;
    $(id).value = asked.get(id);
    $(id).dispatchEvent(new Event($(id).tagName === "SELECT" ? "change" : "input"));
  }
  const index = data.clips.findIndex((c) => c.video === asked.get("clip"));
  return [index < 0 ? Math.max(state.clip, 0) : index, +(asked.get("frame") || 0) || 0];
}
function wire() {
  $("display").open = innerWidth > 760;
  $("play").onclick = toggle;
  $("back").onclick = () => step(-1);
  $("forth").onclick = () => step(1);
  $("scrub").oninput = () => { film.pause(); seek(+$("scrub").value); };
  $("speed").onchange = () => { film.playbackRate = +$("speed").value; };
  $("order").onchange = listClips;
  for (const id of ["view", "colormap"]) $(id).onchange = () => { state[id] = $(id).value; if (state.clip >= 0) applyView(); };
  for (const id of ["gaze", "mask"]) $(id).onchange = () => { state[id] = $(id).checked; paint(); };
  $("opacity").oninput = () => { state.opacity = +$("opacity").value; paint(); };
  $("threshold").oninput = () => { state.threshold = +$("threshold").value; $("level").textContent = state.threshold; paintRamp(); paint(); };
  $("size").oninput = () => { if (state.clip >= 0) applyView(); };
  $("metric").onchange = () => { state.metric = $("metric").value; buildPerClip(); if (state.clip >= 0) { listClips(); buildCurve(); applyView(); } };
  $("curve").addEventListener("pointerdown", drag);
  $("curve").addEventListener("pointermove", drag);
  addEventListener("resize", () => { $("display").open ||= innerWidth > 760; applyView(); buildCurve(); applyView(); });
  addEventListener("scroll", paint, { passive: true });
  addEventListener("hashchange", () => select(...fromAddress()));
  document.addEventListener("keydown", onkey);
}

document.addEventListener("click", (e) => {
  const button = e.target.closest?.("table.sortable thead button"), link = e.target.closest?.("a[data-goto]");
  if (button) sort(button);
  if (link) { e.preventDefault(); $(link.dataset.goto).scrollIntoView(); } // no hash: pages live in iframes, too
});
$("copy").onclick = copy;
if (data.clips.length) { wire(); buildPerClip(); select(...fromAddress()); }
window.vidsal = { // for tests and for the console
  state: () => ({ ...state, clip: clip()?.video ?? null, hidden: [...state.hidden], panels: panels.filter((p) => !p.node.hidden).map((p) => p.tile.name), seeking }),
  seek, select, toggle,
};
