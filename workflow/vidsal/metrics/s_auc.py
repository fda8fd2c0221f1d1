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

from vidsal.metrics._frames import fixated


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
    for frame, pixels, where in fixated(saliency, fixations):
        negatives = pixels.reshape(-1)[places]
        scores[frame] = _weighted_mann_whitney(negatives, weights[places], pixels[where])
    return scores


def _weighted_mann_whitney(negatives: np.ndarray, weights: np.ndarray, hits: np.ndarray) -> float:
    """Mean share of the negatives' weight that a hit exceeds, ties one half."""
    order = np.argsort(negatives)
    ordered = negatives[order]
    weight_up_to = np.r_[0.0, np.cumsum(weights[order])]
    below = weight_up_to[np.searchsorted(ordered, hits, side="left")]
    not_above = weight_up_to[np.searchsorted(ordered, hits, side="right")]
    return float((below + not_above).sum() / (2 * weight_up_to[-1] * len(hits)))
