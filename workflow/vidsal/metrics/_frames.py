"""The frames of a video on which a metric is defined, one after the other.

What several metrics ask of a frame (its extent, its sum) is found once inside ``with sharing():``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar

import numpy as np

PIECE = 40000  # pixels worked on at once: a few such arrays fit into the cache of a core


_FOUND: ContextVar[dict[Hashable, object] | None] = ContextVar("_FOUND", default=None)


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Let the metrics called inside share what they find out about the frames of equal arrays.

    The arrays given to them must stay as they are until the end of the block.
    """
    token = _FOUND.set({})
    try:
        yield
    finally:
        _FOUND.reset(token)


def once(name: Hashable, array: np.ndarray, frame: int, made: np.ndarray, find: Callable) -> object:
    """Return find(made), `made` being a frame of an array; found once while sharing."""
    known = _FOUND.get()
    if known is None:
        return find(made)
    key = (name, id(array), frame, made.dtype)
    if key not in known:
        # The array is kept, too: the number of one that is gone may be given to another.
        known[key] = (find(made), array)
    return known[key][0]


def known(name: Hashable, array: np.ndarray, frame: int, dtype: np.dtype) -> object:
    """Return what ``once`` found about a frame of an array while sharing; None when nothing."""
    return (_FOUND.get() or {}).get((name, id(array), frame, dtype), (None, None))[0]


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


def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of the rows of two frames or pieces (h,W), float (h,).

    Each row is too short for BLAS to divide it among threads, on whose number a sum would depend.
    """
    return np.vecdot(a, b)


def summed(rows: Callable[..., np.ndarray], *frames: np.ndarray) -> np.ndarray:
    """Sums over frames of what is made of their pixels, row by row and then in float64.

    A frame goes through in pieces of whole rows that stay in the cache of a core: faster than one
    operation after the other on all of it, and to the bit the same.

    Args:
        rows: pieces (h,W) of the frames -> sums over each of their rows (..., h).
        frames: float (H,W), of one shape.

    Returns:
        float64 (...); of float32 frames right to about 1e-7.
    """
    height, width = frames[0].shape
    step = max(1, PIECE // width)
    starts = range(0, height, step)
    pieces = [rows(*(frame[i : i + step] for frame in frames)) for i in starts]
    return np.concatenate(pieces, axis=-1).sum(axis=-1, dtype=np.float64)


def total(frame: np.ndarray) -> float:
    """Sum of a frame (H,W), row by row and then in float64: float32 frames to about 1e-7."""
    return float(sums(frame).sum(dtype=np.float64))


def total_of(array: np.ndarray, frame: int, levelled: np.ndarray) -> float:
    """Sum of a frame of an array, levelled as ``fixated`` and ``matched`` give it."""
    return once("powers", array, frame, levelled, powers)[0]


def powers(frame: np.ndarray) -> tuple[float, float]:
    """Sums of a frame and of its squares, read in one go."""
    first, second = summed(lambda piece: [sums(piece), inner(piece, piece)], frame)
    return float(first), float(second)


def moments_of(array: np.ndarray, frame: int, levelled: np.ndarray) -> tuple[float, float, bool]:
    """Mean and variance (ddof = 0) of a frame of an array, and whether it had to be centred.

    A frame that lies far from zero is centred first, since float32 squares of it would hold little
    of its variance; where it was, centre it for products, too.
    """
    first, second = (
        each / levelled.size for each in once("powers", array, frame, levelled, powers)
    )
    if second < 11 * (second - first**2):
        return first, second - first**2, False
    about = levelled.dtype.type(first)
    return *once("centred", array, frame, levelled, lambda made: _centred(made, about)), True


def _centred(frame: np.ndarray, about: np.floating) -> tuple[float, float]:
    """Mean and variance of a frame, taken about a number near its mean."""
    rest, second = (each / frame.size for each in powers(frame - about))
    return float(about) + rest, second - rest**2


def sums(frame: np.ndarray) -> np.ndarray:
    """Sums of the rows of a frame or piece (h,W), float (h,); `einsum` is the fastest of all."""
    return np.einsum("hw->h", frame)


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
        ValueError: a fixation lies outside the map; ``densities.on_grid`` leaves none there.
    """
    for frame, where in looked_at(saliency, fixations):
        pixels = saliency[frame].astype(_working(saliency), copy=False)
        low, high = once("extent", saliency, frame, pixels, extent)
        if usable(low, high, constant=constant):
            yield frame, level(pixels, low, high), where


def looked_at(
    saliency: np.ndarray, fixations: np.ndarray
) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """Every frame with fixations: its number, and index arrays (rows, cols) of where people looked.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col), in any order.

    Raises:
        ValueError: a fixation lies outside the map; ``densities.on_grid`` leaves none there.
    """
    fixations = _checked(saliency, fixations)
    fixations = fixations[np.argsort(fixations[:, 0], kind="stable")]
    per_frame = counts(fixations, len(saliency))
    ends = np.cumsum(per_frame)
    for frame in np.flatnonzero(per_frame):
        own = slice(ends[frame] - per_frame[frame], ends[frame])
        yield frame, (fixations[own, 1], fixations[own, 2])


def matched(
    saliency: np.ndarray, density: np.ndarray, *, constant: bool = True
) -> Iterator[tuple[int, tuple[np.ndarray, float, float], tuple[np.ndarray, float, float]]]:
    """Every finite frame with a density: its number, its pixels, its density.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative; all-zero frames are left out.
        constant: whether constant maps and constant densities are among them.

    Yields:
        frame number; pixels (H,W), their sum, and a number of the sign of the smallest; the same
        of the density. Both are levelled and of one dtype: float32 for float32 maps, else float64.
        They may be views of the arguments: do not write to them.

    Raises:
        ValueError: the two shapes differ.
    """
    if saliency.shape != density.shape:
        raise ValueError(f"saliency is {saliency.shape}, density {density.shape}: not one grid")
    dtype = _working(saliency)
    for frame, pair in enumerate(zip(saliency, density, strict=True)):
        given = list(zip((saliency, density), pair, strict=True))
        ranges = [once("extent", array, frame, each, extent) for array, each in given]
        if ranges[1][1] > 0 and all(usable(*each, constant=constant) for each in ranges):
            made = []
            for (array, each), (low, high) in zip(given, ranges, strict=True):
                each = level(each.astype(dtype, copy=False), low, high)
                made.append((each, total_of(array, frame, each), low))
            yield frame, *made


def mass(frame: np.ndarray, whole: float, low: float) -> tuple[np.ndarray, float]:
    """The frame as a distribution that is still to be divided by its sum, and that sum.

    A frame with negative pixels is shifted up by its smallest value; a frame that is zero
    everywhere (also after the shift) says nothing and becomes the uniform distribution.

    Args:
        frame: float (H,W), finite.
        whole: its sum.
        low: its smallest value, at least its sign.

    Returns:
        the frame without negative values (H,W), its sum (positive).
    """
    if low < 0:
        frame = frame - frame.min()
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
