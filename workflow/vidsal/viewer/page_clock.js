// The clock: the film decides which frame is shown, and everything follows it.
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
