r"""Linear correlation (Pearson) of the map with the fixation density over the pixels.

$$ CC = \frac{\sum_p (S_p - \mu_S)(G_p - \mu_G)}
             {\sqrt{\sum_p (S_p - \mu_S)^2} \sqrt{\sum_p (G_p - \mu_G)^2}} $$

with S the map and G the density of the fixations. Symmetric; depends on the width of the Gaussian
that made the density, so that width belongs to the result.

Range -1 to 1; 0 is chance. Not changed by scaling or shifting either map.

- constant map, or constant density: NaN (a standard deviation is zero)
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: Le Meur, Le Callet and Barba, Vision Research 47(19), 2007; Bylinskii et al., IEEE PAMI
41(3), 2019, section 4.2.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import inner, matched, summed


def cc(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Pearson correlation of map and density, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), all-zero frame = no fixation.

    Returns:
        float64 (T,), -1 to 1, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, truth in matched(saliency, density, constant=False):
        scores[frame] = _correlation(*pixels, *truth)
    return scores


def _correlation(pixels: np.ndarray, whole: float, truth: np.ndarray, truth_whole: float) -> float:
    """Covariance over the root of the variances, each times the number of pixels."""
    means = whole / pixels.size, truth_whole / truth.size

    def products(*pieces: np.ndarray) -> list[np.ndarray]:
        a, b = (piece - mean for piece, mean in zip(pieces, means, strict=True))
        return [inner(a, b), inner(a, a), inner(b, b)]

    both, first, second = summed(products, pixels, truth)
    return both / np.sqrt(first * second)
