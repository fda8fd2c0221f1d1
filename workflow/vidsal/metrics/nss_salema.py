r"""NSS as SalEMA's evaluation computes it: for comparison with its numbers.

``nss_mit`` on maps and fixations that are first halved in size, with the standard deviation of the
whole map (ddof = 0). Fixations in one square of 2 x 2 pixels become one.

Range: unbounded; 0 is chance.

- constant map: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/Linardos/SalEMA, evaluation/metric_calculation.py; Linardos, Mohedano, Nieto,
O'Connor, Giro-i-Nieto and McGuinness, BMVC 2019.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, halved, halved_places


def nss_salema(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """NSS of SalEMA, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        small, own = halved(pixels), halved_places(where, pixels.shape)
        if small.min() < small.max() and len(own[0]):
            scores[frame] = (small[own].mean() - small.mean()) / small.std()
    return scores
