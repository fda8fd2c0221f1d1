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

from vidsal.metrics._frames import inner, matched, moments_of, summed


def cc(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Pearson correlation of map and density, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), all-zero frame = no fixation.

    Returns:
        float64 (T,), -1 to 1, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, (pixels, *_), (truth, *_) in matched(saliency, density, constant=False):
        first, second = moments_of(saliency, frame, pixels), moments_of(density, frame, truth)
        means, (variance, other), centred = zip(first, second, strict=True)
        scores[frame] = _covariance(pixels, truth, means, any(centred)) / np.sqrt(variance * other)
    return scores


def _covariance(
    pixels: np.ndarray, truth: np.ndarray, means: tuple[float, float], centred: bool
) -> float:
    """Mean product of two frames minus the product of their means, of the centred ones if asked."""
    if centred:
        about = [pixels.dtype.type(mean) for mean in means]
        pixels, truth = pixels - about[0], truth - about[1]
        means = [mean - float(near) for mean, near in zip(means, about, strict=True)]
    return float(summed(inner, pixels, truth)) / pixels.size - means[0] * means[1]
