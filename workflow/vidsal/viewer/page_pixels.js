// Pixels: grey values into colours, and what is drawn on top (mask contour, part seen, gaze).
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
