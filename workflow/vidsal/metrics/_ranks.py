"""How many fixated values lie above each pixel: what both areas under the ROC curve add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidsal.metrics import _frames

TOP = 2**15 - 1  # the largest number of 15 bits: those of a positive number, but for its sign


@dataclass(frozen=True)
class _Stairs:
    """Steps of values, and the hits that stand on some of them.

    Attributes:
        above: (steps), how many hits are above a step; minus the number of the stand and 1 where
            hits stand on it.
        from_here: (stands), how many hits are on or above.
        here: (stands), how many hits are on.
        lowest, highest: (stands), the values of the hits on it.
        hits: (n,) all hits, in order.
    """

    above: np.ndarray
    from_here: np.ndarray
    here: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    hits: np.ndarray


def beaten_of(saliency: np.ndarray, frame: int, pixels: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """``beaten`` of a frame of an array by its fixated values; found once while sharing."""
    name = ("beaten", hits.tobytes())
    return _frames.once(name, saliency, frame, pixels, lambda made: beaten(made, hits))


def beats(saliency: np.ndarray, frame: int, pixels: np.ndarray, hits: np.ndarray) -> float:
    """How often a hit exceeds a pixel of a frame, ties one half: the sum of ``beaten``.

    Where that is not known yet, sorts of pieces cost less, and several short ones less than a long
    one.
    """
    found = _frames.known(("beaten", hits.tobytes()), saliency, frame, pixels.dtype)
    if found is not None:
        return _frames.total(found)
    flat, won = pixels.reshape(-1), 0
    for start in range(0, flat.size, _frames.PIECE):
        ordered = np.sort(flat[start : start + _frames.PIECE])
        won += int(np.searchsorted(ordered, hits, side="left").sum())
        won += int(np.searchsorted(ordered, hits, side="right").sum())
    return won / 2


def beaten(pixels: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """How many hits exceed each pixel, ties one half; exact, and without a sort of the pixels.

    Values stand on narrow steps. Most steps are without a hit, and say at once how many hits are
    above; only pixels on the others are compared with hits.

    Args:
        pixels: float, of any shape, finite.
        hits: (n,) values of the same dtype, at least one.

    Returns:
        as the pixels: multiples of 1/2, in float32 where sums of rows are exact, else in float64.
    """
    exact = 2 * len(hits) * pixels.shape[-1] < 2**24
    shift = _shift(hits)
    stairs = _stairs(hits, shift, np.float32 if exact else np.float64)
    flat = pixels.reshape(-1)
    found, close = np.empty(flat.size, stairs.above.dtype), []
    for start in range(0, flat.size, _frames.PIECE):
        piece = flat[start : start + _frames.PIECE]
        above = stairs.above.take(_steps(piece, shift, len(stairs.above) - 1))
        found[start : start + _frames.PIECE] = above
        close.append(np.flatnonzero(above < 0) + start)
    near = np.concatenate(close)
    found[near] = _compared(flat[near], found[near], stairs)
    return found.reshape(pixels.shape)


def _shift(hits: np.ndarray) -> np.floating:
    """What is added to all values, so that the lowest hit is just above zero, where steps are fine.

    It is not zero, so that 0.0 and -0.0 stand on one step.
    """
    lowest = float(hits.min())
    return hits.dtype.type(max(1e-6 * abs(lowest), 1e-30) - lowest)


def _steps(values: np.ndarray, shift: np.floating, last: int) -> np.ndarray:
    """Numbers int64, 0 to last, that never fall where the values rise; above 0 for hits.

    The first 16 bits of the shifted value: a step spans at most 1/128 of the way from the lowest
    hit. Steps further out are clipped to the first, below all hits, and the last, above all.
    """
    steps = (values + shift).astype(np.float32, copy=False).view(np.int32) >> 16
    np.maximum(steps, 0, out=steps)
    return np.minimum(steps, last, out=steps).astype(np.int64)


def _stairs(hits: np.ndarray, shift: float, dtype: type) -> _Stairs:
    hits = np.sort(hits)
    steps, first, here = np.unique(_steps(hits, shift, TOP), return_index=True, return_counts=True)
    levels = np.empty(2 * len(steps) + 1, dtype)
    lengths = np.ones(len(levels), np.int64)
    levels[0], levels[1::2], levels[2::2] = len(hits), -1 - np.arange(len(steps)), len(hits)
    levels[2::2] -= first + here
    lengths[0], lengths[2:-1:2] = steps[0], np.diff(steps) - 1
    above = np.repeat(levels, lengths)
    last = first + here - 1
    return _Stairs(above, len(hits) - first, here, hits[first], hits[last], hits)


def _compared(values: np.ndarray, marks: np.ndarray, stairs: _Stairs) -> np.ndarray:
    """How many hits exceed values on steps where hits stand, ties one half."""
    at = (-1 - marks).astype(np.int64)
    low, high = stairs.lowest[at], stairs.highest[at]
    over = (values > low).astype(marks.dtype) + (values >= low)
    found = stairs.from_here[at] - over * stairs.here[at] / 2
    several = np.flatnonzero(low < high)
    if several.size:
        # Ordered first: a search for each of many values in any order waits for memory.
        several = several[np.argsort(values[several])]
        own = values[several]
        sides = (np.searchsorted(stairs.hits, own, side=side) for side in ("left", "right"))
        found[several] = len(stairs.hits) - sum(sides) / 2
    return found
