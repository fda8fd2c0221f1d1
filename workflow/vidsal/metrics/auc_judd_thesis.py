r"""AUC-Judd as in a thesis on action recognition (TSM): to compare with its numbers.

As ``auc_judd_mit`` without noise, but every value that occurs at a fixated pixel is a threshold
once, so that ties are handled, and both rates are rounded to 4 digits, which loses up to 0.001 on
large frames. Fixations on one pixel count once.

Range 0 to 1; biased upward as every AUC-Judd. Use ``auc`` for new work.

- constant map: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/guidovalla/Master_Thesis, after github.com/tarunsharma1/saliency_metrics.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, rounded_auc_judd, stretched


def auc_judd_thesis(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """AUC-Judd with rounded rates, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        scores[frame] = rounded_auc_judd(stretched(pixels), where)
    return scores
