r"""AUC-Borji as in a thesis on action recognition (TSM): to compare with its numbers.

As ``auc_borji_mit``, but thresholds are 0.1, 0.2, ..., 0.9, a negative must exceed a threshold that
a fixated pixel need only reach, and rates are rounded to 4 digits.

Range 0 to 1; 0.5 is chance, but for the coarse thresholds.

- constant map: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/guidovalla/Master_Thesis, after github.com/tarunsharma1/saliency_metrics.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, generator, stretched

THRESHOLDS = np.arange(9, 0, -1) / 10


def auc_borji_thesis(
    saliency: np.ndarray, fixations: np.ndarray, *, splits: int = 100, seed: int = 0
) -> np.ndarray:
    """AUC-Borji of the thesis, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        splits: how often negatives are drawn.
        seed: of the drawing.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        values = stretched(pixels)
        rng = generator(seed, *where)
        negatives = values.reshape(-1)[rng.integers(0, values.size, (len(where[0]), splits))]
        scores[frame] = _area(values[where], negatives)
    return scores


def _area(hits: np.ndarray, negatives: np.ndarray) -> float:
    true = np.array([(hits >= each).mean() for each in THRESHOLDS]).round(4)
    false = np.stack([(negatives > each).mean(axis=0) for each in THRESHOLDS]).round(4)
    areas = []
    for own in false.T:
        # Points are ordered by the true rate alone, those of one rate as they come.
        order = np.argsort(true[::-1], kind="stable")
        points = (np.concatenate([[0.0], each[::-1][order], [1.0]]) for each in (true, own))
        areas.append(np.trapezoid(*points))
    return float(np.mean(areas))
