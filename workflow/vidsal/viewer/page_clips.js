// Choosing a clip: their order, what the models said about them, and showing one.
function summary(c) {
  const own = Object.entries(c.video_scores?.[state.metric] || {}).filter(([k, v]) => !isControl(k) && v !== null);
  const values = own.map(([, v]) => v), n = values.length;
  const mean = n ? values.reduce((a, b) => a + b, 0) / n : null;
  const spread = n > 1 ? Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / n) : null;
  const said = Object.values(c.predicted || {});
  const wrong = c.label ? said.filter((p) => p.label !== c.label).length : 0;
  return { mean, spread, wrong };
}
function ordered() {
  const rows = data.clips.map((c, i) => ({ i, name: c.video, ...summary(c) }));
  const sign = lowerIsBetter() ? 1 : -1, last = (v) => (v === null ? Infinity : v);
  const by = {
    name: () => 0, wrong: (r) => -r.wrong, spread: (r) => last(r.spread === null ? null : -r.spread),
    best: (r) => last(r.mean === null ? null : sign * r.mean),
    worst: (r) => last(r.mean === null ? null : -sign * r.mean),
  }[$("order").value];
  const compare = (a, b) => (a === b ? 0 : a < b ? -1 : 1);
  return rows.sort((a, b) => compare(by(a), by(b)) || compare(a.name, b.name));
}
function verdicts(c) {
  return Object.entries(c.predicted || {}).map(([name, p]) => {
    const right = c.label ? p.label === c.label : null;
    const mark = right === null ? "" : right ? "\u2713 " : "\u2717 ";
    return make("small", { className: right === null ? "" : right ? "right" : "wrong" },
      `${mark}${name}: ${p.label} ${p.probability?.toFixed(2) ?? ""}`);
  });
}
function listClips() {
  $("clips").replaceChildren(...ordered().map((r) => {
    const c = data.clips[r.i];
    const score = r.mean === null ? [] : [make("small", {}, `mean ${state.metric} ${format(r.mean)}${r.spread === null ? "" : `, spread ${format(r.spread)}`}`)];
    const button = make("button", { type: "button", onclick: () => select(r.i) }, c.video,
      ...(c.label ? [make("small", {}, `label: ${c.label}`)] : []), ...verdicts(c), ...score);
    button.dataset.clip = r.i;
    if (r.i === state.clip) button.setAttribute("aria-current", "true");
    return make("li", {}, button);
  }));
}
function select(index, frame = 0) {
  film.pause();
  Object.assign(state, { clip: index, frame, shown: -1, ready: false, error: null });
  $("alarm").hidden = true;
  const c = clip(), l = c.layout;
  [sheet.width, sheet.height] = [l.width, l.height];
  $("scrub").max = c.frames - 1;
  $("heading").textContent = c.video;
  $("about").textContent = [c.label && `label ${c.label}`, `${c.frames} frames at ${+c.fps.toPrecision(4)} per second`,
    c.fixations?.length ? `${c.fixations.length} fixations` : "no gaze recorded"].filter(Boolean).join(" \u00b7 ");
  $("gaze").disabled = !c.fixations?.length;
  $("mask").disabled = !l.tiles.some((t) => t.kind === "mask");
  keyed = new Map();
  for (const [f, y, x] of c.fixations || []) keyed.set(f, [...(keyed.get(f) || []), [x, y]]);
  seeking = false;
  film.src = "data:video/mp4;base64," + films[index].textContent.trim();
  buildPanels();
  buildCurve();
  listClips();
  seek(frame);
}
