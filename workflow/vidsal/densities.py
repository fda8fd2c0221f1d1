"""Fixation points on the grid of a map, and their densities."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

PATCHES = 300
"""Above this many fixated pixels in a frame, filtering the whole frame is faster than patches."""


def on_grid(
    table: pd.DataFrame, matrix: np.ndarray, shape: tuple[int, int], num_frames: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Fixations as pixels of a grid.

    Args:
        table: tidy table in pixels of the source.
        matrix: float64 (3,3), source pixels -> grid pixels.
        shape: (H, W) of the grid.
        num_frames: T; rows of other frames are left out.

    Returns:
        int32 (n,3), rows (frame, row, col), in the order of the table; and how many rows were
        ``kept``, fell ``outside`` the grid, or had their ``frame_outside`` 0..T-1.
    """
    places = np.stack([table["x"], table["y"], np.ones(len(table))]).astype(np.float64)
    col, row = np.floor((np.asarray(matrix) @ places)[:2] + 0.5)
    frame = table["frame"].to_numpy()
    timely = (frame >= 0) & (frame < num_frames)
    inside = (row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1])
    kept = timely & inside
    points = np.column_stack([frame[kept], row[kept], col[kept]]).astype(np.int32)
    counts = {
        "kept": int(kept.sum()),
        "outside": int((timely & ~inside).sum()),
        "frame_outside": int((~timely).sum()),
    }
    return points, counts


def density(
    points: np.ndarray, shape: tuple[int, int], num_frames: int, sigma: float
) -> np.ndarray:
    """Fixation density: the count map of each frame under a Gaussian, divided by its sum.

    Mirrored at the edges (the edge pixel is repeated) and cut off at 4 sigma, as
    scipy.ndimage.gaussian_filter does.

    Args:
        points: int32 (n,3), rows (frame, row, col); duplicates count.
        shape: (H, W).
        num_frames: T.
        sigma: standard deviation in pixels of the grid, positive.

    Returns:
        float32 (T,H,W), sum 1 per frame; all-zero where nobody looked.
    """
    made = np.zeros((num_frames, *shape), dtype=np.float32)
    if not len(points):
        return made
    pixels, weights = np.unique(points, axis=0, return_counts=True)
    frames, starts = np.unique(pixels[:, 0], return_index=True)
    per_frame = (np.split(array, starts[1:]) for array in (pixels[:, 1:], weights))
    for frame, places, counts in zip(frames, *per_frame, strict=True):
        smooth = _smooth(places, counts, shape, float(sigma))
        made[frame] = smooth / smooth.sum()
    return made


def smoothed(counts: np.ndarray, sigma: float) -> np.ndarray:
    """Density of counts on a grid, as ``density`` makes it of points.

    Args:
        counts: float64 (H,W).
        sigma: standard deviation in pixels of the grid, positive.

    Returns:
        float64 (H,W), sum 1; all-zero where there are no counts.
    """
    from scipy.ndimage import gaussian_filter

    made = gaussian_filter(counts, sigma, mode="reflect", truncate=4.0)
    return made / made.sum() if made.any() else made


def _smooth(
    pixels: np.ndarray, weights: np.ndarray, shape: tuple[int, int], sigma: float
) -> np.ndarray:
    """Weighted pixels (n,2) under a Gaussian, float64 (H,W), not yet divided by the sum."""
    made = np.zeros(shape)
    if len(pixels) > PATCHES:
        from scipy.ndimage import gaussian_filter

        made[tuple(pixels.T)] = weights
        return gaussian_filter(made, sigma, mode="reflect", truncate=4.0)
    down, across = (_responses(size, sigma) for size in shape)
    for (row, col), weight in zip(pixels, weights, strict=True):
        rows, row_profile = down[row]
        cols, col_profile = across[col]
        made[rows, cols] += (weight * row_profile)[:, None] * col_profile
    return made


@lru_cache(maxsize=8)
def _responses(size: int, sigma: float) -> list[tuple[slice, np.ndarray]]:
    """For each pixel of a line: where its Gaussian reaches, and the Gaussian, mirrored there."""
    from scipy.ndimage import gaussian_filter1d

    lines = gaussian_filter1d(np.eye(size), sigma, mode="reflect", truncate=4.0)
    reach = int(4.0 * sigma + 0.5)
    windows = [slice(max(0, at - reach), at + reach + 1) for at in range(size)]
    return [(window, line[window].copy()) for window, line in zip(windows, lines, strict=True)]
