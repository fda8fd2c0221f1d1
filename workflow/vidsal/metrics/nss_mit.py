r"""NSS as the MIT benchmark computes it: for comparison with published numbers.

$$ NSS = \frac{1}{n} \sum_{i=1}^{n} \frac{S_{x_i} - \mu_S}{\sigma_S} $$

over the n fixated pixels, each counted once however often it was fixated, with the standard
deviation of a sample (ddof = 1). ``nss`` counts every fixation, with ddof = 0.

Range: unbounded; 0 is chance.

- constant map: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/cvzoya/saliency, NSS.m; Peters, Iyer, Itti and Koch, Vision Research 45(18),
2005.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames


def nss_mit(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """NSS of the MIT benchmark, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        scores[frame] = (pixels[where].mean() - pixels.mean()) / pixels.std(ddof=1)
    return scores
