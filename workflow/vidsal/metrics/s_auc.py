r"""Shuffled AUC: fixated pixels against the places where people look in other videos.

As ``auc``, but the negatives are not all pixels: they are the fixations of all other videos, each
as often as it occurred. A map that only knows that people look at the centre is at chance here:

$$ sAUC = \frac{1}{n \sum_p c_p} \sum_{i=1}^{n} \sum_p c_p \Big( [S_p < S_{x_i}]
          + \tfrac12 [S_p = S_{x_i}] \Big) $$

with n fixations x_i of this frame and c_p the number of other videos' fixations on pixel p. The
sum runs over every negative, so nothing is sampled and no seed is needed; because the negatives are
a histogram, the cost does not grow with the number of videos. Negatives are taken from other
videos, never from other frames of the same one.

Range 0 to 1; 0.5 is chance.

- constant map: 0.5
- no fixation, or no fixation of other videos on this grid: NaN
- a pixel that is NaN or infinite: NaN

Source: Tatler, Baddeley and Gilchrist, Vision Research 45(5), 2005; Zhang et al., Journal of Vision
8(7), 2008.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import extent, fixated


def s_auc(saliency: np.ndarray, fixations: np.ndarray, other_fixations: np.ndarray) -> np.ndarray:
    """Exact AUC with the fixations of other videos as negatives, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        other_fixations: float64 (H,W), how many fixations of other videos fell on each pixel.

    Returns:
        float64 (T,), 0 to 1, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    weights = np.asarray(other_fixations, dtype=np.float64).reshape(-1)
    places = np.flatnonzero(weights)
    if not places.size:
        return scores
    weights = weights[places]
    for frame, pixels, where in fixated(saliency, fixations):
        negatives = pixels.reshape(-1)[places]
        scores[frame] = _weighted_mann_whitney(negatives, weights, pixels[where])
    return scores


def _weighted_mann_whitney(negatives: np.ndarray, weights: np.ndarray, hits: np.ndarray) -> float:
    """Mean share of the negatives' weight that a hit exceeds, ties one half."""
    won, close = _settled(negatives, weights, hits)
    order = close[np.argsort(negatives[close])]
    ordered, weight_up_to = negatives[order], np.zeros(len(order) + 1)
    np.cumsum(weights[order], out=weight_up_to[1:])
    below = weight_up_to[np.searchsorted(ordered, hits, side="left")]
    not_above = weight_up_to[np.searchsorted(ordered, hits, side="right")]
    return float((2 * won + (below + not_above).sum()) / (2 * weights.sum() * len(hits)))


def _settled(
    negatives: np.ndarray, weights: np.ndarray, hits: np.ndarray
) -> tuple[float, np.ndarray]:
    """Settle the negatives that are far from every hit, so that only the others are sorted.

    Values stand on steps; a negative on whose step no hit stands is below all hits of higher
    steps, and above the others.

    Returns:
        the settled weight below a hit, summed over the hits; the numbers of the close negatives.
    """
    low, high = extent(negatives)
    # Values on one side of zero are measured from the smallest on, where steps are narrow.
    shift = 0.0 if low < 0 < high else 0.0 - low
    steps, of_hits = _steps(negatives, shift), _steps(hits, shift)
    least = of_hits.min() - 1
    # One step below all hits and one above: `clip` sends there what lies further out.
    standing = np.bincount(of_hits - least, minlength=of_hits.max() - least + 2)
    higher = (len(hits) - np.cumsum(standing)).astype(np.float64)
    higher[standing > 0] = -1
    beaten_by = higher.take(steps - least, mode="clip")
    close = np.flatnonzero(beaten_by < 0)
    beaten_by[close] = 0
    return float(np.einsum("i,i->", weights, beaten_by)), close


def _steps(values: np.ndarray, shift: float) -> np.ndarray:
    """Numbers int64 that never fall where the values rise: the first 16 bits of their float32.

    A step spans at most 1/128 of the shifted value. The shift is not -0.0, so that 0.0 and -0.0
    stand on one step.
    """
    steps = (values + shift).astype(np.float32, copy=False).view(np.int32) >> 16
    steps ^= (steps >> 16) & 0x7FFF  # the bits of negative floats grow as they fall
    return steps.astype(np.int64)
