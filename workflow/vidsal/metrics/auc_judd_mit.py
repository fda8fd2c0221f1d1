r"""AUC-Judd as the MIT benchmark computes it: for comparison with published numbers.

The thresholds are the values $t_1 \ge \dots \ge t_n$ of the map at the n fixated pixels, and the
curve runs through

$$ TP_i = \frac{i}{n}, \quad FP_i = \frac{\#\{p: S_p \ge t_i\} - i}{N - n} $$

from (0,0) to (1,1); the area is found by the trapezoid rule. Before that, uniform noise of 1e-7 is
added against ties (`jitter`) and the map is stretched to 0 to 1. Fixations on one pixel count once.

Biased upward: chance is 0.5 + 1/(2(n+1)), 0.75 for one fixation. The noise is absolute: a map whose
values are of that size is destroyed by it. Without it, ties make the curve run backwards. Use
``auc`` for new work.

Range 0 to 1.

- constant map: NaN without jitter; with it, the score of noise
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/cvzoya/saliency, AUC_Judd.m; Judd, Ehinger, Durand and Torralba, ICCV 2009.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, jittered


def auc_judd_mit(
    saliency: np.ndarray, fixations: np.ndarray, *, jitter: bool = True, seed: int = 0
) -> np.ndarray:
    """AUC-Judd of the MIT benchmark, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        jitter: whether noise is added against ties, as the benchmark does.
        seed: of the noise.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations, constant=jitter):
        scores[frame] = _area(jittered(pixels, where, seed) if jitter else pixels, where)
    return scores


def _area(pixels: np.ndarray, where: tuple[np.ndarray, np.ndarray]) -> float:
    ordered, hits = np.sort(pixels, axis=None), np.sort(pixels[where])[::-1]
    count = np.arange(1, len(hits) + 1)
    above = len(ordered) - np.searchsorted(ordered, hits)
    true = np.concatenate([[0.0], count / len(hits), [1.0]])
    false = np.concatenate([[0.0], (above - count) / max(1, len(ordered) - len(hits)), [1.0]])
    return float(np.trapezoid(true, false))
