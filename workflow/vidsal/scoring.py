"""Scores of one video's maps on a grid of source pixels, per frame or for the whole clip."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vidsal import histograms, registry
from vidsal.densities import density, on_grid, smoothed
from vidsal.errors import InputError
from vidsal.grids import Grid, comparison_grid, masks_on, resample
from vidsal.heatmaps import Heatmap
from vidsal.metrics._frames import sharing
from vidsal.metrics._reasons import reasons

COLUMNS = ("video", "frame", "metric", "value", "n", "outside", "reason")
WHOLE_CLIP = -1
SIGMA = 12.74 / 360
"""Width of the density's Gaussian as a fraction of the picture's height, as DHF1K made its maps."""
PIXELS_AT_ONCE = 2**22

Metrics = dict[str, tuple[Callable[..., np.ndarray], dict[str, object]]]


def score_video(
    video: str,
    heatmap: Heatmap,
    metrics: Metrics,
    *,
    fixations: pd.DataFrame | None = None,
    masks: np.ndarray | None = None,
    other: np.ndarray | None = None,
    frames: np.ndarray | None = None,
    sigma: float = SIGMA,
    max_side: int = 512,
) -> pd.DataFrame:
    """Score the maps of one video.

    Maps per frame (T,H,W) give one row per frame and metric, and one row with frame -1: the mean
    over the frames in which the metric is defined. A map of the whole clip (H,W) gives the row
    with frame -1 only: it is scored against all fixations of the clip, pooled, against the density
    of the pooled fixations, and inside the union of the masks over time.

    What a metric needs is read from the names of its arguments. A metric whose needs are not given
    (None) is not run; a table without rows is given, and says that nobody looked.

    Args:
        video: name of the video, for the table.
        heatmap: saliency (T,H,W) or (H,W), transform, frame_index of the clip's frames, and
            attributes source_size [H, W] and seen [x0, y0, x1, y1].
        metrics: name -> (function, options).
        fixations: tidy table on the clip's clock (frame 0 = its first frame), source pixels.
        masks: uint8 or bool (T,h,w) on the clip's clock, not zero inside; it covers the whole
            source picture.
        other: float64 (512,512), ``vidsal.histograms`` of the fixations on all other videos.
        frames: float64 (m,4), rows (video, frame, u, v) of some frames of other videos.
        sigma: standard deviation of the density's Gaussian as a fraction of the source's height.
        max_side: longest side of the grid.

    Returns:
        columns video, frame (number in the clip, -1 = whole clip), metric, value (NaN where
        undefined), n (fixations used, or pixels of the mask; the sum over the defined frames in
        the row of the whole clip), outside (fixations on parts that the model did not see, which
        were not used; their sum in the row of the whole clip; 0 for metrics that need no
        fixations), reason (why a value is undefined, else "").
        ``attrs["fixations"]`` counts kept, outside, frame_outside.

    Raises:
        InputError: masks and frames differ in number, or a metric needs what nobody can give.
    """
    grid = comparison_grid(heatmap.attrs["source_size"], heatmap.attrs["seen"], max_side=max_side)
    width = sigma * heatmap.attrs["source_size"][0] * grid.matrix[1, 1]
    truth = _truth(video, heatmap, grid, fixations, masks, _others(heatmap, grid, other, frames))
    needs = {name: _needs(name, function) for name, (function, _) in metrics.items()}
    runnable = {name: metrics[name] for name in metrics if needs[name] <= truth.available()}
    wanted = set().union(*(needs[name] for name in runnable))
    if "baseline" in wanted:
        truth.others["baseline"] = smoothed(truth.others["other_fixations"], width)
    found: dict[str, list[_Scores]] = {name: [] for name in runnable}
    for frames, given in _pieces(heatmap, grid, truth, wanted, width):
        with sharing():
            for name, (function, options) in runnable.items():
                found[name].append(_scored(frames, function, options, given, needs[name]))
    tables = [_table(video, name, pieces) for name, pieces in found.items()]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    table.attrs["fixations"] = truth.counts
    return table


@dataclass(frozen=True)
class _Truth:
    """What the maps of one video are compared with, as far as it is given."""

    source_size: tuple[int, int]
    num_frames: int
    points: np.ndarray | None
    outside: np.ndarray | None
    counts: dict[str, int]
    masks: np.ndarray | None
    others: dict[str, np.ndarray]

    def available(self) -> set[str]:
        """The needs that can be met."""
        met = {"fixations", "density"} if self.points is not None else set()
        met |= {"mask"} if self.masks is not None else set()
        met |= {"baseline"} if "other_fixations" in self.others else set()
        return met | set(self.others)


@dataclass(frozen=True)
class _Scores:
    """One metric on some frames: their numbers, values, n, fixations outside, and reasons."""

    frames: np.ndarray
    values: np.ndarray
    n: np.ndarray
    outside: np.ndarray
    reasons: list[str]


def _truth(
    video: str,
    heatmap: Heatmap,
    grid: Grid,
    fixations: pd.DataFrame | None,
    masks: np.ndarray | None,
    others: dict[str, np.ndarray],
) -> _Truth:
    source_size = tuple(int(side) for side in heatmap.attrs["source_size"])
    num_frames = len(heatmap.frame_index)
    if masks is not None and len(masks) != num_frames:
        raise InputError(
            f"masks of {video}: {len(masks)} frames, the clip has {num_frames}; check start and end"
        )
    points, outside, counts = None, None, {}
    if fixations is not None:
        points, counts = on_grid(fixations, grid.matrix, grid.shape, num_frames)
        outside = _per_frame(fixations["frame"], num_frames) - _per_frame(points[:, 0], num_frames)
    return _Truth(source_size, num_frames, points, outside, counts, masks, others)


def _others(
    heatmap: Heatmap, grid: Grid, other: np.ndarray | None, frames: np.ndarray | None
) -> dict[str, np.ndarray]:
    """What is known of other videos, on the grid of this one."""
    size, found = heatmap.attrs["source_size"], {}
    if other is not None:
        found["other_fixations"] = histograms.on_grid(other, grid, size)
    if frames is not None:
        found["other_frames"] = histograms.frames_on_grid(frames, grid, size)
    return found


def _per_frame(frames: np.ndarray | pd.Series, num_frames: int) -> np.ndarray:
    """How many of these frame numbers are 0, 1, ... num_frames - 1, int64 (T,)."""
    frames = np.asarray(frames, dtype=np.int64)
    return np.bincount(frames[(frames >= 0) & (frames < num_frames)], minlength=num_frames)


def _needs(name: str, function: Callable[..., np.ndarray]) -> set[str]:
    """The names of the arguments behind ``saliency`` that are not options."""
    known = {"fixations", "density", "mask", *registry.OF_OTHER_VIDEOS}
    parameters = list(inspect.signature(function).parameters.values())[1:]
    needs = {each.name for each in parameters if each.kind is not each.KEYWORD_ONLY}
    if needs - known:
        unknown = ", ".join(sorted(needs - known))
        raise InputError(f"metric {name}: needs {unknown}; known are {', '.join(sorted(known))}")
    return needs


def _pieces(
    heatmap: Heatmap, grid: Grid, truth: _Truth, wanted: set[str], sigma: float
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Frame numbers and metric inputs, piece by piece, so that a long video fits into memory."""
    saliency = heatmap.saliency
    if saliency.ndim == 2:
        made = resample(saliency[None], heatmap.transform, grid)
        yield np.array([WHOLE_CLIP]), _given(made, grid, _pooled(truth, grid), 0, wanted, sigma)
        return
    step = max(1, PIXELS_AT_ONCE // (grid.height * grid.width))
    for start in range(0, len(saliency), step):
        made = resample(saliency[start : start + step], heatmap.transform, grid)
        frames = np.arange(start, start + len(made))
        yield frames, _given(made, grid, truth, start, wanted, sigma)


def _pooled(truth: _Truth, grid: Grid) -> _Truth:
    """The truth of the whole clip as that of a single frame."""
    points, outside, masks = truth.points, truth.outside, truth.masks
    if points is not None:
        points = points * np.array([0, 1, 1], dtype=np.int32)
        outside = outside.sum(keepdims=True)
    if masks is not None:
        union = np.zeros((1, *masks.shape[1:]), dtype=bool)
        for frame in range(len(masks)):
            union[0] |= masks[frame] != 0
        masks = union
    return _Truth(truth.source_size, 1, points, outside, truth.counts, masks, truth.others)


def _given(
    saliency: np.ndarray, grid: Grid, truth: _Truth, start: int, wanted: set[str], sigma: float
) -> dict[str, np.ndarray]:
    """The inputs of the metrics for the frames from ``start`` on; only what is wanted."""
    given, count = {"saliency": saliency}, len(saliency)
    if wanted & {"fixations", "density"}:
        frames = truth.points[:, 0]
        points = truth.points[(frames >= start) & (frames < start + count)]
        given["fixations"] = points - np.array([start, 0, 0], dtype=np.int32)
        given["outside"] = truth.outside[start : start + count]
    if "density" in wanted:
        given["density"] = density(given["fixations"], grid.shape, count, sigma)
    if "mask" in wanted:
        given["mask"] = masks_on(truth.masks[start : start + count], grid, truth.source_size)
    return given | {name: truth.others[name] for name in wanted & registry.OF_OTHER_VIDEOS}


def _scored(
    frames: np.ndarray,
    function: Callable[..., np.ndarray],
    options: dict[str, object],
    given: dict[str, np.ndarray],
    needs: set[str],
) -> _Scores:
    """One metric on one piece."""
    inputs = {name: given[name] for name in sorted(needs)}
    values = function(given["saliency"], **inputs, **options)
    undefined, codes = np.isnan(values), [""] * len(values)
    if undefined.any():
        found = reasons(given["saliency"], **inputs)
        codes = [(found[i] or "undefined") if undefined[i] else "" for i in range(len(values))]
    outside = given["outside"] if needs & {"fixations", "density"} else np.zeros_like(frames)
    return _Scores(frames, values, _sizes(given, needs), outside, codes)


def _sizes(given: dict[str, np.ndarray], needs: set[str]) -> np.ndarray:
    """The number of fixations, or of mask pixels, of each frame, int64 (T,)."""
    if "mask" in needs:
        return given["mask"].sum(axis=(1, 2))
    if needs & {"fixations", "density"}:
        return np.bincount(given["fixations"][:, 0], minlength=len(given["saliency"]))
    return np.zeros(len(given["saliency"]), dtype=np.int64)


def _table(video: str, metric: str, pieces: list[_Scores]) -> pd.DataFrame:
    """The rows of one metric; those of single frames are followed by their mean."""
    frames, values, n, outside = (
        np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("frames", "values", "n", "outside")
    )
    codes = [code for piece in pieces for code in piece.reasons]
    if frames[0] != WHOLE_CLIP:
        defined = ~np.isnan(values)
        frames = np.append(frames, WHOLE_CLIP)
        codes.append("" if defined.any() else _commonest(codes))
        values = np.append(values, values[defined].mean() if defined.any() else np.nan)
        n, outside = np.append(n, n[defined].sum()), np.append(outside, outside.sum())
    counts = (n.astype(np.int64), outside.astype(np.int64))
    columns = (video, frames.astype(np.int64), metric, values, *counts, codes)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _commonest(codes: list[str]) -> str:
    """The most frequent code, the first in the alphabet where several are."""
    counts = Counter(codes)
    return min(counts, key=lambda code: (-counts[code], code))
