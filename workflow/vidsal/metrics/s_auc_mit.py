r"""Shuffled AUC as the MIT benchmark computes it: for comparison with published numbers.

As ``auc_borji_mit``, but the negatives are drawn without repetition from the pixels that people
fixate on other videos, min(n, number of those pixels) of them. However often a pixel was fixated,
it is one, so that this measure takes away less of the centre bias than ``s_auc``, which counts.
Published code differs in the choice of the other fixations; here it is those of all other videos.

Range 0 to 1; 0.5 is chance.

- constant map: NaN
- no fixation, or no fixation of other videos on this grid: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/cvzoya/saliency, AUC_shuffled.m; Zhang et al., Journal of Vision 8(7), 2008.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, generator, shuffled_auc


def s_auc_mit(
    saliency: np.ndarray,
    fixations: np.ndarray,
    other_fixations: np.ndarray,
    *,
    splits: int = 100,
    step: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Shuffled AUC of the MIT benchmark, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        other_fixations: float64 (H,W), how many fixations of other videos fell on each pixel.
        splits: how often negatives are drawn.
        step: from threshold to threshold.
        seed: of the drawing.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    others, options = np.flatnonzero(other_fixations), {"splits": splits, "step": step}
    if others.size:
        for frame, pixels, where in binary_frames(saliency, fixations):
            rng = generator(seed, *where)
            scores[frame] = shuffled_auc(pixels, where, others, rng, options)
    return scores
