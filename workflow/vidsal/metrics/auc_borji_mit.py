r"""AUC-Borji as the MIT benchmark computes it: for comparison with published numbers.

The map is stretched to 0 to 1. Negatives are n pixels drawn at random, n being the number of
fixated pixels; thresholds are 1, 0.9, ..., 0; the area under the curve of

$$ TP(t) = \frac{\#\{i: S_{x_i} \ge t\}}{n}, \quad FP(t) = \frac{\#\{j: S_{r_j} \ge t\}}{n} $$

is found by the trapezoid rule and averaged over 100 drawings. The coarse thresholds take up to 0.09
from a peaky map. Use ``auc`` for new work.

Range 0 to 1; 0.5 is chance.

- constant map: NaN
- no fixation, or only one fixated pixel: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/cvzoya/saliency, AUC_Borji.m; Borji, Tavakoli, Sihite and Itti, ICCV 2013.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, generator, sampled_auc, stretched


def auc_borji_mit(
    saliency: np.ndarray,
    fixations: np.ndarray,
    *,
    splits: int = 100,
    step: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """AUC-Borji of the MIT benchmark, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        splits: how often negatives are drawn.
        step: from threshold to threshold.
        seed: of the drawing.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        count = len(where[0])
        if count > 1:
            values = stretched(pixels)
            chosen = generator(seed, *where).integers(0, values.size, (count, splits))
            scores[frame] = sampled_auc(values[where], values.reshape(-1)[chosen], step)
    return scores
