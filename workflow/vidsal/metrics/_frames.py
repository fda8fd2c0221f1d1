"""The frames of a video on which a metric is defined, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def counts(fixations: np.ndarray, num_frames: int) -> np.ndarray:
    """Number of fixations in each frame.

    Args:
        fixations: int32 (n,3), rows (frame, row, col).
        num_frames: T.

    Returns:
        int64 (T,).
    """
    return np.bincount(fixations[:, 0], minlength=num_frames)


def extent(frame: np.ndarray) -> tuple[float, float]:
    """Smallest and largest value of a frame; both finite exactly when all its pixels are."""
    return float(frame.min()), float(frame.max())


def usable(low: float, high: float, *, constant: bool = True) -> bool:
    """Whether a frame of this extent is finite and, where that matters, not constant.

    Constant is asked of the extent because a variance is rounded and need not be zero.

    Args:
        low: smallest value.
        high: largest value.
        constant: whether a frame of one value will do.
    """
    return np.isfinite(low) and np.isfinite(high) and (constant or low < high)


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """Inner product of two frames (H,W), summed row by row and then in float64.

    Not by BLAS, whose sum depends on the number of threads.
    """
    return float(np.einsum("hw,hw->h", a, b).sum(dtype=np.float64))


def total(frame: np.ndarray) -> float:
    """Sum of a frame (H,W), row by row and then in float64: float32 frames to about 1e-7."""
    return float(frame.sum(axis=1).sum(dtype=np.float64))


def level(frame: np.ndarray, low: float, high: float) -> np.ndarray:
    """The frame, brought to a largest magnitude near 1 where its squares or sums could overflow.

    Gradients of 1e-25 are real heatmaps, and their float32 squares are zero.

    Args:
        frame: float (H,W), finite.
        low: its smallest value.
        high: its largest value.

    Returns:
        float (H,W); the frame itself in the usual case.
    """
    peak = max(high, -low)
    if peak == 0 or 1e-10 < peak < 1e15:
        return frame
    # A power of two: no pixel is rounded, so none becomes equal to another.
    return np.ldexp(frame, -int(np.frexp(peak)[1]))


def fixated(
    saliency: np.ndarray, fixations: np.ndarray, *, constant: bool = True
) -> Iterator[tuple[int, np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Every finite frame with fixations: its number, its pixels, and where people looked.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col), in any order.
        constant: whether constant maps are among them.

    Yields:
        frame number, pixels (H,W) levelled, in float32 for float32 maps and else in float64,
        and index arrays (rows, cols) of its fixations. The pixels may be a view of the argument:
        do not write to them.

    Raises:
        ValueError: a fixation lies outside the map; ``fixations.on_grid`` leaves none there.
    """
    fixations = _checked(saliency, fixations)
    fixations = fixations[np.argsort(fixations[:, 0], kind="stable")]
    per_frame = counts(fixations, len(saliency))
    ends = np.cumsum(per_frame)
    for frame in np.flatnonzero(per_frame):
        pixels = saliency[frame].astype(_working(saliency), copy=False)
        low, high = extent(pixels)
        if usable(low, high, constant=constant):
            own = slice(ends[frame] - per_frame[frame], ends[frame])
            yield frame, level(pixels, low, high), (fixations[own, 1], fixations[own, 2])


def matched(
    saliency: np.ndarray, density: np.ndarray, *, constant: bool = True
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Every finite frame with a density: its number, its pixels, its density.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative; all-zero frames are left out.
        constant: whether constant maps and constant densities are among them.

    Yields:
        frame number, pixels (H,W), density (H,W), both levelled and of one dtype: float32 for
        float32 maps, else float64. They may be views of the arguments: do not write to them.

    Raises:
        ValueError: the two shapes differ.
    """
    if saliency.shape != density.shape:
        raise ValueError(f"saliency is {saliency.shape}, density {density.shape}: not one grid")
    dtype = _working(saliency)
    for frame, (pixels, truth) in enumerate(zip(saliency, density, strict=True)):
        ranges = extent(pixels), extent(truth)
        if ranges[1][1] > 0 and all(usable(*each, constant=constant) for each in ranges):
            pixels, truth = (each.astype(dtype, copy=False) for each in (pixels, truth))
            yield frame, level(pixels, *ranges[0]), level(truth, *ranges[1])


def mass(frame: np.ndarray) -> tuple[np.ndarray, float]:
    """The frame as a distribution that is still to be divided by its sum, and that sum.

    A frame with negative pixels is shifted up by its smallest value; a frame that is zero
    everywhere (also after the shift) says nothing and becomes the uniform distribution.

    Args:
        frame: float (H,W), finite.

    Returns:
        the frame without negative values (H,W), its sum (positive).
    """
    low = frame.min()
    if low < 0:
        frame = frame - low
    whole = total(frame)
    return (frame, whole) if whole > 0 else (np.ones_like(frame), float(frame.size))


def _working(saliency: np.ndarray) -> type:
    """The dtype to work in."""
    return np.float32 if saliency.dtype == np.float32 else np.float64


def _checked(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """The fixations (n,3), after a check that all lie inside (T,H,W)."""
    fixations = np.asarray(fixations).reshape(-1, 3)
    columns = zip(("frame", "row", "col"), fixations.T, saliency.shape, strict=True)
    for name, column, size in columns:
        if column.size and (column.min() < 0 or column.max() >= size):
            raise ValueError(f"a fixation has a {name} outside 0..{size - 1}; use on_grid first")
    return fixations
