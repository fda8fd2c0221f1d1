r"""Information gain as the MIT benchmark computes it: for comparison with published numbers.

$$ IG = \frac{1}{n} \sum_{i=1}^{n} \log_2(\epsilon + s_{x_i}) - \log_2(\epsilon + b_{x_i}), \quad
   \epsilon = 2^{-52} $$

over the n fixated pixels, each once. Map and baseline are stretched to begin at zero before they
are divided by their sum; that alone can turn the sign of the score. ``information_gain`` does not.

Range: unbounded; 0 = as good as the baseline.

- constant map: NaN
- no fixation, or no fixation of other videos on this grid: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/cvzoya/saliency, InfoGain.m; Kuemmerer, Wallis and Bethge, PNAS 112(52), 2015.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, stretched

EPSILON = 2.0**-52


def information_gain_mit(
    saliency: np.ndarray, fixations: np.ndarray, baseline: np.ndarray
) -> np.ndarray:
    """Information gain of the MIT benchmark in bits, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        baseline: float64 (H,W), density of the fixations of other videos.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    baseline = np.asarray(baseline, dtype=np.float64)
    if baseline.min() == baseline.max():
        return scores
    known = stretched(baseline)
    known /= known.sum()
    for frame, pixels, where in binary_frames(saliency, fixations):
        given = stretched(pixels)
        given /= given.sum()
        gain = np.log2(EPSILON + given[where]) - np.log2(EPSILON + known[where])
        scores[frame] = gain.mean()
    return scores
