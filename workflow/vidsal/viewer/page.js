"use strict";
// Plays a clip's atlas (picture and grey maps in one video), colours its tiles on canvases, and
// links scores, curve and gaze to the frame that is shown. Numbers come from the page's own data.
(() => {
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
  const value = (key) => clip().scores[state.metric]?.[key]?.[state.shown];

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

  // ---- choosing a clip
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

  // ---- panels
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

  // ---- colouring: grey value -> colour and opacity through a table of 256 entries
  function table() {
    const lut = colours[state.colormap], keep = new Float32Array(256), add = new Float32Array(768);
    for (let v = 0; v < 256; v++) {
      const u = v / 255, on = u >= state.threshold;
      const weight = state.view === "overlay" ? (on ? state.opacity * (1 - (1 - u) ** 2) : 0) : 1;
      keep[v] = 1 - weight;
      for (let c = 0; c < 3; c++) add[3 * v + c] = weight * lut[3 * (on ? v : 0) + c];
    }
    return { keep, add };
  }
  function cut(tile, out) { // copies a tile of the film's frame
    const { width: w, height: h } = out;
    for (let y = 0; y < h; y++) {
      const start = 4 * ((tile.y + y) * sheet.width + tile.x);
      out.data.set(whole.subarray(start, start + 4 * w), 4 * w * y);
    }
    return out;
  }
  function luminance({ data: d }) {
    const grey = new Float32Array(d.length / 4);
    for (let j = 0, i = 0; j < grey.length; j++, i += 4) grey[j] = 0.299 * d[i] + 0.587 * d[i + 1] + 0.114 * d[i + 2];
    return grey;
  }
  function colour(out, grey, { keep, add }) {
    const d = out.data;
    for (let j = 0, i = 0; j < grey.length; j++, i += 4) {
      const v = d[i], k = 3 * v, g = keep[v] * grey[j];
      d[i] = g + add[k]; d[i + 1] = g + add[k + 1]; d[i + 2] = g + add[k + 2];
    }
    return out;
  }
  const onScreen = (node) => { const box = node.getBoundingClientRect(); return box.bottom > 0 && box.top < innerHeight; };
  function paint() { // panels out of sight are painted when they are scrolled into it
    if (state.shown < 0) return;
    const tiles = clip().layout.tiles, base = cut(tiles[0], panels[0].picture), grey = luminance(base), lut = table();
    const mask = panels.find((p) => p.tile.kind === "mask");
    const outline = mask && state.mask ? contour(cut(mask.tile, mask.picture)) : null;
    for (const p of panels.filter((q) => !q.node.hidden && onScreen(q.node))) {
      const pen = p.canvas.getContext("2d"), isMap = p.tile.kind === "map", width = p.small.width * p.zoom;
      const put = (picture) => { p.pen.putImageData(picture, 0, 0); pen.drawImage(p.small, 0, 0, width, p.canvas.height); };
      const beside = isMap && state.view === "beside";
      if (beside) { put(base); dress(pen, p, outline, true); }
      pen.save();
      if (beside) pen.translate(width, 0);
      put(isMap ? colour(cut(p.tile, p.picture), grey, lut) : cut(p.tile, p.picture));
      dress(pen, p, p.tile.kind === "mask" ? null : outline, !isMap);
      pen.restore();
      if (isMap) p.score.textContent = state.metric ? `${state.metric} ${format(value(p.tile.name))}` : "";
    }
    state.draws++;
  }
  function paintRamp() {
    const pen = $("ramp").getContext("2d"), out = pen.createImageData(256, 1), lut = colours[state.colormap];
    for (let v = 0; v < 256; v++) {
      const k = v / 255 >= state.threshold ? v : 0;
      out.data.set([lut[3 * k], lut[3 * k + 1], lut[3 * k + 2], 255], 4 * v);
    }
    pen.putImageData(out, 0, 0);
  }

  // ---- what is drawn on top: mask contour, part seen by the model, gaze
  function contour({ data: d, width: w, height: h }) {
    const path = new Path2D();
    for (let y = 0, i = 0; y < h; y++) for (let x = 0; x < w; x++, i += 4) {
      const inside = d[i] > 127;
      if (x + 1 < w && inside !== d[i + 4] > 127) { path.moveTo(x + 1, y); path.lineTo(x + 1, y + 1); }
      if (y + 1 < h && inside !== d[i + 4 * w] > 127) { path.moveTo(x, y + 1); path.lineTo(x + 1, y + 1); }
    }
    return path;
  }
  function dress(pen, { tile, zoom, pixel, dot }, outline, trail) {
    const [h, w] = clip().layout.tile, [H, W] = clip().layout.canvas;
    pen.save();
    pen.scale(zoom, zoom);
    const trace = (path, colour, px) => { pen.strokeStyle = colour; pen.lineWidth = px * pixel; pen.stroke(path); };
    if (outline) { trace(outline, "rgb(0 0 0 / .7)", 2.4); trace(outline, "#fff", 1); }
    const [x0, y0, x1, y1] = tile.seen || [0, 0, 1, 1];
    if (x0 > 0 || y0 > 0 || x1 < 1 || y1 < 1) {
      const box = new Path2D();
      box.rect(x0 * w, y0 * h, (x1 - x0) * w, (y1 - y0) * h);
      pen.setLineDash([4 * pixel, 3 * pixel]);
      trace(box, "#fff", 1.2);
      pen.setLineDash([]);
    }
    for (let age = state.gaze ? (trail ? TRAIL - 1 : 0) : -1; age >= 0; age--) {
      pen.globalAlpha = 1 - age / TRAIL;
      for (const [x, y] of keyed.get(state.shown - age) || []) {
        const spot = new Path2D();
        spot.arc((x + 0.5) * w / W, (y + 0.5) * h / H, dot * pixel, 0, 2 * Math.PI);
        trace(spot, "#000", trail ? 2 : 3);
        if (trail) { pen.fillStyle = "#00e5ff"; pen.fill(spot); } else trace(spot, "#00e5ff", 1.4);
      }
    }
    pen.restore();
  }

  // ---- the clock
  function show(frame) {
    sheetPen.drawImage(film, 0, 0);
    whole = sheetPen.getImageData(0, 0, sheet.width, sheet.height).data;
    state.frame = state.shown = Math.min(Math.max(frame, 0), clip().frames - 1);
    state.ready = true;
    $("scrub").value = state.frame;
    const text = `frame ${state.frame} / ${clip().frames - 1} \u00b7 ${(state.frame / clip().fps).toFixed(2)} s`;
    $("clock").textContent = text;
    $("scrub").setAttribute("aria-valuetext", text);
    paint();
    moveNow();
  }
  function seek(frame) {
    wanted = state.frame = Math.min(Math.max(Math.round(frame), 0), clip().frames - 1);
    if (seeking || film.readyState < 1) return;
    seeking = true;
    const mine = ++seeks, target = wanted;
    let landed = false, presented = !exact;
    const settle = () => { if (landed && presented && mine === seeks && seeking) settled(); };
    film.addEventListener("seeked", () => {
      landed = true;
      settle();
      // No new picture comes when the old one is the right one.
      setTimeout(() => { presented = true; settle(); }, 300);
    }, { once: true });
    // "seeked" may come before the picture does: a canvas drawn then would hold the old one.
    const watch = (_, meta) => {
      presented = Math.round(meta.mediaTime * clip().fps) === target;
      if (presented) settle(); else if (mine === seeks && seeking) film.requestVideoFrameCallback(watch);
    };
    if (exact) film.requestVideoFrameCallback(watch);
    film.currentTime = (wanted + 0.5) / clip().fps;
  }
  function settled() {
    seeking = false;
    if (wanted !== null && frameAt(film.currentTime) !== wanted) return seek(wanted);
    show(frameAt(film.currentTime));
  }
  const frameAt = (time) => Math.floor(time * clip().fps + 1e-3);
  const exact = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  function follow(mine) { // a newer play ends the chain of an older one
    if (film.paused || mine !== chain) return;
    const next = (frame) => { if (!seeking && frame !== state.shown) show(frame); follow(mine); };
    if (exact) film.requestVideoFrameCallback((_, meta) => next(Math.round(meta.mediaTime * clip().fps)));
    else requestAnimationFrame(() => next(frameAt(film.currentTime)));
  }
  function fail(reason) {
    state.error = reason;
    $("alarm").hidden = false;
    $("alarm").textContent = `The video of this clip cannot be shown (${reason}); open the page in a browser that plays H.264.`;
  }
  function step(by) { film.pause(); seek((wanted ?? state.frame) + by); }
  function toggle() { film.paused ? film.play().catch((e) => { if (e.name !== "AbortError") fail(e.message); }) : film.pause(); }
  function neighbour(by) {
    const order = ordered().map((r) => r.i), at = order.indexOf(state.clip);
    select(order[(at + by + order.length) % order.length]);
  }
  function playing(on) {
    state.playing = on;
    $("play").classList.toggle("on", on);
    $("play").setAttribute("aria-label", on ? "Pause" : "Play");
    if (on) { wanted = null; follow(++chain); } else seek(state.frame);
  }
  film.addEventListener("loadeddata", () => { film.playbackRate = +$("speed").value; seeking = false; seek(state.frame); });
  film.addEventListener("play", () => playing(true));
  film.addEventListener("pause", () => playing(false));
  film.addEventListener("error", () => fail(film.error.message || `error ${film.error.code}`));

  // ---- the curve of scores per frame
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

  // ---- tables, text, keys
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
})();
