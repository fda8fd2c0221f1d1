"""Pictures of the shown videos: panels, dimmed frames, flow beside maps, what each frame adds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import h5py
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vidsal import exchange, heatmaps
from vidsal.controls.optical_flow import optical_flow
from vidsal.plotting import STYLE
from vidsal.sheets import shard_of
from vidsal.video import encode, pictures
from vidsal.video.overlay import palette
from vidsal.video.stored import StoredFrames

THUMBNAILS = 12


def draw(config: dict, dataset: str, count: int, shown: Path, clip: Path, out: Path) -> None:
    """Draw every configured picture of one slot into a folder; an empty one for an empty slot.

    Args:
        config: the whole config.
        dataset: name of the dataset.
        count: number of shards that the frames of this split are in.
        shown: the slot's table, written by `choose`.
        clip: the slot's record, written by `film`.
        out: folder to write: `time.png`, `{model}.{method}.panels.png`, ...
    """
    out.mkdir(parents=True, exist_ok=True)
    index = pd.read_csv(shown, sep="\t", dtype=str, keep_default_na=False)
    if index.empty:
        return
    record = json.loads(clip.read_text(encoding="utf-8"))
    shard = shard_of(record["video"], config["explain"]["split"], count)
    with heatmaps.open_file(Path("results") / dataset / "frames" / f"{shard}.h5") as file:
        group = file[record["video"]]
        maps = {f"{row['model']}.{row['method']}": _read(row) for row in index.to_dict("records")}
        _draw_all(config["show"], group, record, maps, out)


def _read(row: dict) -> heatmaps.Heatmap:
    with heatmaps.open_file(row["file"]) as file:
        return heatmaps.read(file, row["video"])


def _draw_all(
    show: dict, group: h5py.Group, record: dict, maps: dict[str, heatmaps.Heatmap], out: Path
) -> None:
    frames = StoredFrames(group)
    if "time" in show["pictures"]:
        found = {name: heatmap.saliency for name, heatmap in maps.items()}
        save(time_figure(frames, found, record["video"]), out / "time.png")
    flow = optical_flow(np.asarray(frames)) if "flow" in show["pictures"] else None
    for name, heatmap in maps.items():
        title = _title(record, name, heatmap)
        place = exchange.placing(heatmap)
        own = pictures.Shown(frames, heatmap.saliency, place, show["colormap"], title)
        for picture in show["pictures"]:
            if picture in DRAWN:
                DRAWN[picture](own, out / f"{name}.{picture}", record["fps"], flow)


def _title(record: dict, name: str, heatmap: heatmaps.Heatmap) -> str:
    """Return what stands above a picture: the map, and of a network class and probability."""
    model, _, method = name.partition(".")
    told = record["predicted"].get(model)
    words = [method if model == "none" else f"{model} {method}"]
    words += [f"{told['label']} {told['probability']:.2f}"] if told else []
    explained = str(heatmap.attrs.get("target_label", ""))
    words += [f"explained: {explained}"] if told and explained != told["label"] else []
    return "   ".join(words)


def _panels(shown: pictures.Shown, stem: Path, fps: float, flow: np.ndarray | None) -> None:
    _write(stem, pictures.panels(shown))


def _gif(shown: pictures.Shown, stem: Path, fps: float, flow: np.ndarray | None) -> None:
    encode.write_gif(stem, pictures.animation(shown), fps)


def _focus(shown: pictures.Shown, stem: Path, fps: float, flow: np.ndarray | None) -> None:
    _write(stem, pictures.focus_panels(shown))


def _flow(shown: pictures.Shown, stem: Path, fps: float, flow: np.ndarray | None) -> None:
    _write(stem, pictures.beside_flow(shown, flow))


def _film(shown: pictures.Shown, stem: Path, fps: float, flow: np.ndarray | None) -> None:
    encode.write_h264(f"{stem}.mp4", pictures.film(shown), fps)


def _write(stem: Path, picture: np.ndarray) -> None:
    _, stored = cv2.imencode(".png", picture[..., ::-1])
    Path(f"{stem}.png").write_bytes(stored)


DRAWN: dict[str, Callable] = {
    "panels": _panels,
    "gif": _gif,
    "focus": _focus,
    "flow": _flow,
    "film": _film,
}


def contributions(saliency: np.ndarray) -> np.ndarray:
    """Return how much each frame of a map (T,h,w) adds, float64 (T,): sum |M_t|, the largest 1."""
    mass = np.abs(saliency.astype(np.float64)).sum(axis=(1, 2))
    return mass / (mass.max() or 1.0)


def time_figure(
    frames: Sequence[np.ndarray], maps: dict[str, np.ndarray], title: str = ""
) -> Figure:
    """Return a figure: a strip of frames, and below it what each frame adds to each map.

    Args:
        frames: uint8 RGB (T,H,W,3).
        maps: name -> (T,h,w).
        title: stands above.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 1.5 + 0.24 * len(maps)), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[1.1, 0.1 + 0.24 * len(maps)])
        above.imshow(_strip(frames), extent=(-0.5, len(frames) - 0.5, 0, 1), aspect="auto")
        above.set_axis_off()
        above.set_title(title, fontsize=10)
        shares = np.stack([contributions(saliency) for saliency in maps.values()])
        image = below.imshow(shares, aspect="auto", cmap="viridis", vmin=0, vmax=1)
        below.set_yticks(range(len(maps)), maps, fontsize=8)
        below.set_xlabel("frame")
        below.tick_params(axis="y", length=0)
        figure.colorbar(image, ax=below, label="share of the largest", pad=0.01)
    return figure


def _strip(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Return frames side by side, each from the middle of an equal part of the video."""
    count = min(THUMBNAILS, len(frames))
    middles = ((np.arange(count) + 0.5) * len(frames) / count).astype(int)
    height, width = frames[0].shape[:2]
    size = (96, max(1, round(96 * height / width)))
    return np.concatenate(
        [cv2.resize(frames[int(n)], size, interpolation=cv2.INTER_AREA) for n in middles], axis=1
    )


def explanation_figure(
    frames: Sequence[np.ndarray],
    heatmap: heatmaps.Heatmap,
    *,
    most: int = 16,
    colormap: str = "inferno",
    title: str = "",
) -> Figure:
    """Return a figure of one map: rows of 8 frames above their maps, and what each frame adds."""
    shown = pictures.Shown(frames, heatmap.saliency, exchange.placing(heatmap), colormap)
    picture = pictures.panels(shown, most)[pictures.HEAD :]
    wide = 11.0
    tall = wide * picture.shape[0] / picture.shape[1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(wide, tall + 1.3), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[tall, 0.9])
        above.imshow(picture)
        above.set_axis_off()
        above.set_title(title, fontsize=10)
        colour = palette("inferno")[128] / 255
        below.bar(range(len(heatmap.saliency)), contributions(heatmap.saliency), 1.0, color=colour)
        below.set(xlabel="frame", ylabel="contribution", xlim=(-0.5, len(heatmap.saliency) - 0.5))
    return figure


def features_figure(features: np.ndarray, title: str = "") -> Figure:
    """Return a figure of how much each feature (rows) of each frame (columns) moves the score.

    Args:
        features: |ds/df| (T,D).
        title: stands above.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes, side = figure.subplots(1, 2, width_ratios=[6, 1], sharey=True)
        image = axes.imshow(
            features.T, aspect="auto", cmap="magma", vmin=0, interpolation="nearest"
        )
        axes.set(xlabel="frame", ylabel="feature")
        axes.set_title(title, fontsize=10)
        side.plot(features.sum(axis=0), np.arange(features.shape[1]), lw=0.8)
        side.set_xlabel("sum")
        figure.colorbar(image, ax=side, label="|ds/df|")
    return figure


def text_figure(text: str) -> Figure:
    """Return a figure that says why there is none."""
    figure = Figure(figsize=(8, 1.5))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True, fontsize=9)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, the same bytes for the same figure."""
    figure.savefig(path, dpi=110, metadata={"Software": None})
