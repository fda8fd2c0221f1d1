"""Where people look on videos of any size: histograms over the relative picture, which add up."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vidsal.grids import Grid

BINS = 512


class Pool(NamedTuple):
    """Where people looked on many videos.

    Attributes:
        histogram: float64 (512,512), all fixations over the relative picture.
        videos: names of the videos of which frames are here.
        frames: float64 (m,4), rows (number of the video, frame, u, v) of some frames of each.
    """

    histogram: np.ndarray
    videos: np.ndarray
    frames: np.ndarray


def read_pool(path: str | Path) -> Pool:
    """Return where people looked, as `pool` or `gaze_shard` wrote it."""
    with np.load(path) as file:
        return Pool(*(file[name] for name in Pool._fields))


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


def on_grid(counts: np.ndarray, grid: Grid, source_size: tuple[int, int]) -> np.ndarray:
    """A histogram on the grid of one video: each bin's count at the bin's centre.

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


def frames_on_grid(frames: np.ndarray, grid: Grid, source_size: tuple[int, int]) -> np.ndarray:
    """Fixations of single frames of other videos on the grid of one video.

    Args:
        frames: float64 (m,4), rows (video, frame, u, v) over the relative picture.
        grid: the grid of this video.
        source_size: [H, W] of this video.

    Returns:
        int32 (k,4), rows (video, frame, row, col) of those on the grid.
    """
    sides = np.array([source_size[1], source_size[0]], dtype=np.float64)
    places = np.column_stack([frames[:, 2:] * sides - 0.5, np.ones(len(frames))])
    cols, rows = np.floor((grid.matrix @ places.T)[:2] + 0.5)
    inside = (rows >= 0) & (rows < grid.height) & (cols >= 0) & (cols < grid.width)
    return np.column_stack([frames[:, :2], rows, cols])[inside].astype(np.int32)


def _bin_pixels(side: int, scale: float, shift: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The grid pixel of each bin along one side of the picture, and whether there is one."""
    source = (np.arange(BINS) + 0.5) / BINS * side - 0.5
    pixel = np.floor(scale * source + shift + 0.5).astype(np.int64)
    return pixel, (pixel >= 0) & (pixel < size)
