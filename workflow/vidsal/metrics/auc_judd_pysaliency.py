r"""AUC-Judd as pysaliency computes it: for comparison with published numbers.

The thresholds are the values at the fixations; at each, TP is the share of fixations and FP the
share of unfixated pixels that are at least as high, and the curve from (0,0) to (1,1) is closed by
the trapezoid rule. Unlike in ``auc_judd_mit``, fixations on one pixel count each, and ties are one
threshold. Before that, normal noise of 1e-7 is added (`jitter`), the same for every frame of one
size. Biased upward as every AUC-Judd: use ``auc`` for new work.

Range 0 to 1.

- constant map: 0.5 without jitter; with it, the score of noise
- no fixation, or no pixel that is not fixated: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/matthias-k/pysaliency, AUC_Judd.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import JITTER
from vidsal.metrics._frames import extent, looked_at, usable


def auc_judd_pysaliency(
    saliency: np.ndarray, fixations: np.ndarray, *, jitter: bool = True, seed: int = 42
) -> np.ndarray:
    """AUC-Judd of pysaliency, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        jitter: whether noise is added against ties, as pysaliency does.
        seed: of the noise, in NumPy's old generator.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, where in looked_at(saliency, fixations):
        pixels = saliency[frame].astype(np.float64)
        if usable(*extent(pixels)):
            noise = np.random.RandomState(seed).randn(*pixels.shape) if jitter else 0.0
            scores[frame] = _area(pixels + JITTER * noise, where)
    return scores


def _area(pixels: np.ndarray, where: tuple[np.ndarray, np.ndarray]) -> float:
    negative = np.ones(pixels.shape, dtype=bool)
    negative[where] = False
    if not negative.any():
        return np.nan
    groups = [np.sort(pixels[where]), np.sort(pixels[negative])]
    thresholds = np.unique(groups[0])[::-1]
    rates = [1 - np.searchsorted(group, thresholds) / len(group) for group in groups]
    return float(np.trapezoid(*(np.concatenate([[0.0], rate, [1.0]]) for rate in rates)))
