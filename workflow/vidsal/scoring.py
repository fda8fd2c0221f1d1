"""Scores of one video's maps on a grid of source pixels, per frame or for the whole clip."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vidsal.densities import density, on_grid
from vidsal.errors import InputError
from vidsal.heatmaps import Heatmap
from vidsal.metrics._frames import sharing
from vidsal.metrics._reasons import reasons

COLUMNS = ("video", "frame", "metric", "value", "n", "outside", "reason")
WHOLE_CLIP = -1
SIGMA = 12.74 / 360
"""Width of the density's Gaussian as a fraction of the picture's height, as DHF1K made its maps."""
BINS = 512
PIXELS_AT_ONCE = 2**22

Metrics = dict[str, tuple[Callable[..., np.ndarray], dict[str, object]]]


@dataclass(frozen=True)
class Grid:
    """Where maps and gaze are compared: the source's own pixels, as far as the model saw them.

    Attributes:
        height: rows.
        width: columns.
        matrix: float64 (3,3), source pixels -> grid pixels.
        box: the source pixels under the grid, (first col, first row, end col, end row).
    """

    height: int
    width: int
    matrix: np.ndarray
    box: tuple[int, int, int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height, self.width

    def source_centres(self) -> tuple[np.ndarray, np.ndarray]:
        """Source rows (H,) and columns (W,) of the centres of the grid's pixels, float64."""
        inverse = np.linalg.inv(self.matrix)
        rows = inverse[1, 1] * np.arange(self.height) + inverse[1, 2]
        return rows, inverse[0, 0] * np.arange(self.width) + inverse[0, 2]


def comparison_grid(
    source_size: tuple[int, int], seen: tuple[float, ...] | None = None, *, max_side: int = 512
) -> Grid:
    """The grid of one video: the source pixels whose centres the model saw, scaled down if large.

    Args:
        source_size: [H, W] of the source.
        seen: [x0, y0, x1, y1] of the part of the source that the model saw, pixel edges from 0;
            None = all of it.
        max_side: the grid is scaled down where its longest side exceeds this.

    Raises:
        InputError: no pixel of the source was seen.
    """
    height, width = (int(side) for side in source_size)
    x0, y0, x1, y1 = (0, 0, width, height) if seen is None else (float(edge) for edge in seen)
    left, right = (int(np.clip(np.ceil(edge - 0.5), 0, width)) for edge in (x0, x1))
    top, bottom = (int(np.clip(np.ceil(edge - 0.5), 0, height)) for edge in (y0, y1))
    if left >= right or top >= bottom:
        raise InputError(f"seen region {seen} of a {width}x{height} video: empty; nothing to score")
    scale = min(1.0, max_side / max(right - left, bottom - top))
    cols, rows = (max(1, round(side * scale)) for side in (right - left, bottom - top))
    sx, sy = cols / (right - left), rows / (bottom - top)
    matrix = np.array(
        [[sx, 0, (0.5 - left) * sx - 0.5], [0, sy, (0.5 - top) * sy - 0.5], [0, 0, 1.0]]
    )
    return Grid(rows, cols, matrix, (left, top, right, bottom))


def resample(saliency: np.ndarray, transform: np.ndarray, grid: Grid) -> np.ndarray:
    """Maps on the grid: bilinear between pixel centres, the edge pixel repeated outwards.

    Exact in the position (OpenCV rounds it to 1/32 pixel, which makes steps of coarse maps), and a
    constant map stays constant.

    Args:
        saliency: float32 (T,h,w).
        transform: float64 (3,3), source pixels -> map pixels; scale and shift only.
        grid: the grid.

    Returns:
        float32 (T,H,W).

    Raises:
        ValueError: the transform rotates or shears.
    """
    if transform[0, 1] or transform[1, 0]:
        raise ValueError("the transform of a map may only scale and shift")
    centres = grid.source_centres()
    tall = _along(saliency, 1, transform[1, 1] * centres[0] + transform[1, 2])
    return _along(tall, 2, transform[0, 0] * centres[1] + transform[0, 2])


def score_video(
    video: str,
    heatmap: Heatmap,
    metrics: Metrics,
    *,
    fixations: pd.DataFrame | None = None,
    masks: np.ndarray | None = None,
    other: np.ndarray | None = None,
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
        other: float64 (512,512), ``histogram`` of the fixations on all other videos.
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
    truth = _truth(video, heatmap, grid, fixations, masks, other)
    needs = {name: _needs(name, function) for name, (function, _) in metrics.items()}
    runnable = {name: metrics[name] for name in metrics if needs[name] <= truth.available()}
    wanted = set().union(*(needs[name] for name in runnable))
    width = sigma * truth.source_size[0] * grid.matrix[1, 1]
    found: dict[str, list[_Scores]] = {name: [] for name in runnable}
    for frames, given in _pieces(heatmap, grid, truth, wanted, width):
        with sharing():
            for name, (function, options) in runnable.items():
                found[name].append(_scored(frames, function, options, given, needs[name]))
    tables = [_table(video, name, pieces) for name, pieces in found.items()]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    table.attrs["fixations"] = truth.counts
    return table


def histogram(places: np.ndarray) -> np.ndarray:
    """Fixations of many videos of any size in one histogram over the relative picture.

    Histograms add up: that of all other videos is that of all videos minus that of this one.

    Args:
        places: float64 (n,2), columns u = (x + 0.5) / width and v = (y + 0.5) / height, 0 to 1.

    Returns:
        float64 (512,512), counts, rows v, columns u.
    """
    bins = np.floor(np.asarray(places, dtype=np.float64).reshape(-1, 2) * BINS)
    u, v = bins[((bins >= 0) & (bins < BINS)).all(axis=1)].astype(np.int64).T
    counts = np.bincount(v * BINS + u, minlength=BINS * BINS)
    return counts.reshape(BINS, BINS).astype(np.float64)


def other_histogram(counts: np.ndarray, grid: Grid, source_size: tuple[int, int]) -> np.ndarray:
    """Other videos' fixations on the grid of this video: each bin's count at the bin's centre.

    Args:
        counts: float64 (512,512), from ``histogram``.
        grid: the grid of this video.
        source_size: [H, W] of this video.

    Returns:
        float64 (H,W); bins outside of what the model saw are left out.
    """
    rows, row_ok = _bin_pixels(source_size[0], grid.matrix[1, 1], grid.matrix[1, 2], grid.height)
    cols, col_ok = _bin_pixels(source_size[1], grid.matrix[0, 0], grid.matrix[0, 2], grid.width)
    made = np.zeros(grid.shape)
    np.add.at(made, (rows[row_ok, None], cols[None, col_ok]), counts[np.ix_(row_ok, col_ok)])
    return made


@dataclass(frozen=True)
class _Truth:
    """What the maps of one video are compared with, as far as it is given."""

    source_size: tuple[int, int]
    num_frames: int
    points: np.ndarray | None
    outside: np.ndarray | None
    counts: dict[str, int]
    masks: np.ndarray | None
    other: np.ndarray | None

    def available(self) -> set[str]:
        """The needs that can be met."""
        met = {"fixations", "density"} if self.points is not None else set()
        met |= {"mask"} if self.masks is not None else set()
        return met | ({"other_fixations"} if self.other is not None else set())


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
    other: np.ndarray | None,
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
    if other is not None:
        other = other_histogram(other, grid, source_size)
    return _Truth(source_size, num_frames, points, outside, counts, masks, other)


def _per_frame(frames: np.ndarray | pd.Series, num_frames: int) -> np.ndarray:
    """How many of these frame numbers are 0, 1, ... num_frames - 1, int64 (T,)."""
    frames = np.asarray(frames, dtype=np.int64)
    return np.bincount(frames[(frames >= 0) & (frames < num_frames)], minlength=num_frames)


def _needs(name: str, function: Callable[..., np.ndarray]) -> set[str]:
    """The names of the arguments behind ``saliency`` that are not options."""
    known = {"fixations", "density", "mask", "other_fixations"}
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
    return _Truth(truth.source_size, 1, points, outside, truth.counts, masks, truth.other)


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
        given["mask"] = _on_grid(truth.masks[start : start + count], grid, truth.source_size)
    if "other_fixations" in wanted:
        given["other_fixations"] = truth.other
    return given


def _on_grid(masks: np.ndarray, grid: Grid, source_size: tuple[int, int]) -> np.ndarray:
    """Masks bool (T,H,W): the value at the centre of each pixel of the grid."""
    centres = zip(grid.source_centres(), masks.shape[1:], source_size, strict=True)
    rows, cols = (np.floor((at + 0.5) * size / full).astype(int) for at, size, full in centres)
    return (masks != 0)[:, rows][:, :, cols]


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


def _along(maps: np.ndarray, axis: int, at: np.ndarray) -> np.ndarray:
    """Maps (T,h,w) interpolated at positions ``at`` along one axis."""
    last = maps.shape[axis] - 1
    at = np.clip(at.round(9), 0, last)
    low = np.floor(at).astype(np.int64)
    part = np.expand_dims((at - low).astype(np.float32), tuple(range(1, 3 - axis)))
    near = maps.take(low, axis)
    step = maps.take(np.minimum(low + 1, last), axis)
    step -= near
    step *= part
    near += step
    return near


def _bin_pixels(side: int, scale: float, shift: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The grid pixel of each bin along one side of the picture, and whether there is one."""
    source = (np.arange(BINS) + 0.5) / BINS * side - 0.5
    pixel = np.floor(scale * source + shift + 0.5).astype(np.int64)
    return pixel, (pixel >= 0) & (pixel < size)
