r"""Area under the ROC curve with the pixels as negatives that nobody looked at.

As ``auc``, exact and with ties one half, but the fixated pixels of the frame are no negatives. The
difference is of the order of n / N; values of code bases that leave them out are met to the digit.

Range 0 to 1; 0.5 is chance.

- constant map: 0.5
- no fixation, or no pixel that is not fixated: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/matthias-k/pysaliency, AUC with nonfixations "unfixated".
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import fixated
from vidsal.metrics._ranks import beaten


def auc_unfixated(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """Exact AUC with unfixated pixels as negatives, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), 0 to 1, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in fixated(saliency, fixations):
        negative = np.ones(pixels.shape, dtype=bool)
        negative[where] = False
        if negative.any():
            wins = beaten(pixels, pixels[where])[negative]
            scores[frame] = wins.mean(dtype=np.float64) / len(where[0])
    return scores
