"""What the definitions of other code bases share: binary maps, stretched maps, sampled curves.

They are for comparison with published numbers. Each is defined in float64 on the map as it is
given. Random numbers come from a generator that is keyed by the option `seed` and by where people
looked in the frame, so that a score depends neither on the other frames nor on how a video is cut
up, and so that all maps of a frame meet the same negatives.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from vidsal.metrics._frames import extent, looked_at, usable

EPSILON = 2.2204e-16
JITTER = 1e-7

Places = tuple[np.ndarray, np.ndarray]


def binary_frames(
    saliency: np.ndarray, fixations: np.ndarray, *, constant: bool = False
) -> Iterator[tuple[int, np.ndarray, Places]]:
    """Every finite frame with fixations: its number, its pixels, and which pixels are fixated.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col); repeated ones are one fixated pixel.
        constant: whether constant maps are among them.

    Yields:
        frame number, float64 (H,W), index arrays (rows, cols).
    """
    for frame, (rows, cols) in looked_at(saliency, fixations):
        pixels = saliency[frame].astype(np.float64)
        if usable(*extent(pixels), constant=constant):
            places = np.unique(rows * pixels.shape[1] + cols)
            yield frame, pixels, np.divmod(places, pixels.shape[1])


def stretched(pixels: np.ndarray) -> np.ndarray:
    """The frame stretched to the range 0 to 1; it must not be constant."""
    low, high = extent(pixels)
    return (pixels - low) / (high - low)


def generator(seed: int, *arrays: np.ndarray) -> np.random.Generator:
    """A generator keyed by a seed and by the contents of arrays."""
    codes = [zlib.crc32(np.ascontiguousarray(array).tobytes()) for array in arrays]
    return np.random.default_rng([seed, *codes])


def jittered(pixels: np.ndarray, where: Places, seed: int) -> np.ndarray:
    """The frame plus uniform noise of 1e-7, whatever its scale is."""
    return pixels + JITTER * generator(seed, *where).random(pixels.shape)


def sampled_auc(hits: np.ndarray, negatives: np.ndarray, step: float) -> float:
    """Mean area under the curves of several samples of negatives, with thresholds at steps.

    Args:
        hits: (n,) values at fixations, 0 to 1.
        negatives: (m,splits) values of the samples.
        step: thresholds are its multiples from 0 to 1.
    """
    thresholds = np.arange(int(1 / step + 1e-9), -1, -1) * step
    true = np.array([(hits >= each).mean() for each in thresholds])
    false = np.array([(negatives >= each).mean(axis=0) for each in thresholds])
    ends = np.zeros((1, negatives.shape[1])), np.ones((1, negatives.shape[1]))
    false = np.concatenate([ends[0], false, ends[1]])
    true = np.concatenate([[0.0], true, [1.0]])[:, None]
    return float(np.trapezoid(np.broadcast_to(true, false.shape), false, axis=0).mean())


def picks(places: np.ndarray, count: int, splits: int, rng: np.random.Generator) -> np.ndarray:
    """`splits` samples (min(count, m), splits) of places (m,), each without repetition."""
    count = min(count, len(places))
    return np.stack([rng.permutation(places)[:count] for _ in range(splits)], axis=1)


def shuffled_auc(
    pixels: np.ndarray, where: Places, others: np.ndarray, rng: np.random.Generator, options: dict
) -> float:
    """The shuffled AUC of a frame against samples of other fixated pixels.

    Args:
        pixels: float64 (H,W), not constant.
        where: the fixated pixels.
        others: numbers of the pixels that are fixated elsewhere, at least one.
        rng: draws the samples.
        options: `splits`, how many samples; `step`, from threshold to threshold.
    """
    pixels = stretched(pixels)
    hits = pixels[where]
    chosen = picks(others, len(hits), options["splits"], rng)
    return sampled_auc(hits, pixels.reshape(-1)[chosen], options["step"])


def rounded_auc_judd(pixels: np.ndarray, where: Places) -> float:
    """AUC-Judd with each fixated value once as a threshold, and rates rounded to 4 digits.

    Args:
        pixels: float64 (H,W).
        where: the fixated pixels.
    """
    ordered, hits = np.sort(pixels, axis=None), np.sort(pixels[where])
    thresholds = np.unique(hits)
    above = len(ordered) - np.searchsorted(ordered, thresholds)
    overlap = len(hits) - np.searchsorted(hits, thresholds)
    true = np.round(overlap / len(hits), 4)
    false = np.round((above - overlap) / (len(ordered) - len(hits)), 4)
    order = np.argsort(true, kind="stable")
    points = [np.concatenate([[0.0], each[order], [1.0]]) for each in (true, false)]
    return float(np.trapezoid(*points))


def frames_of_others(
    other_frames: np.ndarray, shape: tuple[int, int], chosen: np.ndarray
) -> np.ndarray:
    """Numbers of the pixels that are fixated in chosen frames of the pool.

    Args:
        other_frames: int32 (m,4), rows (video, frame, row, col).
        shape: (H, W).
        chosen: (k,2), pairs (video, frame).
    """
    keys = {tuple(pair) for pair in chosen.tolist()}
    own = np.array([tuple(pair) in keys for pair in other_frames[:, :2].tolist()], dtype=bool)
    return np.unique(other_frames[own, 2].astype(np.int64) * shape[1] + other_frames[own, 3])


def one_of_each(other_frames: np.ndarray, videos: int, rng: np.random.Generator) -> np.ndarray:
    """One random frame of each of some random videos of the pool, int (k,2) pairs."""
    pool = np.unique(other_frames[:, :2], axis=0)
    names = np.unique(pool[:, 0])
    names = rng.permutation(names)[:videos]
    return np.array([rng.choice(pool[pool[:, 0] == name]) for name in names])


def halved(pixels: np.ndarray) -> np.ndarray:
    """Means of squares of 2 x 2 pixels, as bilinear resizing by one half gives them."""
    for axis in (0, 1):
        size = round(pixels.shape[axis] / 2)
        whole = np.clip(np.arange(2 * size), 0, pixels.shape[axis] - 1)
        pair = pixels.take(whole, axis)
        pixels = (
            pair.take(range(0, 2 * size, 2), axis) + pair.take(range(1, 2 * size, 2), axis)
        ) / 2
    return pixels


def halved_places(where: Places, shape: tuple[int, int]) -> Places:
    """The pixels of a halved map in whose squares a fixated pixel lies."""
    half = halved(np.zeros(shape)).shape
    inside = (where[0] // 2 < half[0]) & (where[1] // 2 < half[1])
    places = np.unique((where[0] // 2 * half[1] + where[1] // 2)[inside])
    return np.divmod(places, half[1])
