r"""AUC-Judd as SalEMA's evaluation computes it: for comparison with its numbers.

``auc_judd_mit`` on maps and fixations that are first halved in size: fixations in one square of
2 x 2 pixels become one.

Range 0 to 1; biased upward as every AUC-Judd. Use ``auc`` for new work.

- constant map: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/Linardos/SalEMA, evaluation/metric_calculation.py; Linardos, Mohedano, Nieto,
O'Connor, Giro-i-Nieto and McGuinness, BMVC 2019.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, halved, halved_places
from vidsal.metrics.auc_judd_mit import auc_judd_mit


def auc_judd_salema(
    saliency: np.ndarray, fixations: np.ndarray, *, jitter: bool = True, seed: int = 0
) -> np.ndarray:
    """AUC-Judd of SalEMA, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        jitter: whether noise is added against ties.
        seed: of the noise.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        rows, cols = halved_places(where, pixels.shape)
        points = np.column_stack([np.zeros_like(rows), rows, cols])
        scores[frame] = auc_judd_mit(halved(pixels)[None], points, jitter=jitter, seed=seed)[0]
    return scores
