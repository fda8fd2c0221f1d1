r"""Normalised scanpath saliency: height of the map at the fixations, in standard deviations.

$$ NSS = \frac{1}{n} \sum_{i=1}^{n} \frac{S_{x_i} - \mu_S}{\sigma_S} $$

with mu and sigma the mean and the standard deviation of the map over its pixels (ddof = 0), and
x_i the n fixations of the frame; fixations on the same pixel count each.

Range: unbounded; 0 is chance, 1 means one standard deviation above the mean. Not changed by scaling
or shifting the map, but by any other monotone change.

- constant map: NaN (its standard deviation is zero)
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: Peters, Iyer, Itti and Koch, Vision Research 45(18), 2005.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import fixated, moments_of


def nss(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """Mean standardised map value at the fixations, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in fixated(saliency, fixations, constant=False):
        mean, variance, _ = moments_of(saliency, frame, pixels)
        scores[frame] = (pixels[where].mean(dtype=np.float64) - mean) / np.sqrt(variance)
    return scores
