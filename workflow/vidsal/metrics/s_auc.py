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

from vidsal.metrics._frames import PIECE, fixated
from vidsal.metrics._ranks import beaten, beaten_of

FEW = 0.25  # negatives on a smaller part of the pixels than this are looked up by themselves


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
    weights = np.asarray(other_fixations, dtype=np.float64)
    places = np.flatnonzero(weights)
    if not places.size:
        return scores
    few = places.size < FEW * weights.size
    weights = weights.reshape(-1)[places] if few else weights.reshape(-1)
    whole = weights.sum()
    for frame, pixels, where in fixated(saliency, fixations):
        hits = pixels[where]
        if few:
            found = beaten(pixels.reshape(-1).take(places), hits)
        else:
            found = beaten_of(saliency, frame, pixels, hits).reshape(-1)
        scores[frame] = _weighted(found, weights) / (whole * len(hits))
    return scores


def _weighted(found: np.ndarray, weights: np.ndarray) -> float:
    """How often the negatives are beaten: the sum over pixels, each as often as it is one."""
    starts = range(0, len(found), PIECE)
    pieces = ((found[i : i + PIECE].astype(np.float64), weights[i : i + PIECE]) for i in starts)
    return float(sum(np.einsum("i,i->", *piece) for piece in pieces))
