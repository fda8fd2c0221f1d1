"""The grid of source pixels on which maps, gaze and masks of one video are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidsal.errors import InputError


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


def masks_on(masks: np.ndarray, grid: Grid, source_size: tuple[int, int]) -> np.ndarray:
    """Masks on the grid: the value at the centre of each of its pixels.

    Args:
        masks: uint8 or bool (T,h,w) over the whole source picture, not zero inside.
        grid: the grid.
        source_size: [H, W] of the source.

    Returns:
        bool (T,H,W).
    """
    centres = zip(grid.source_centres(), masks.shape[1:], source_size, strict=True)
    rows, cols = (np.floor((at + 0.5) * size / full).astype(int) for at, size, full in centres)
    return (masks != 0)[:, rows][:, :, cols]


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
