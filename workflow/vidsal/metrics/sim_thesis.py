r"""SIM against fixated pixels, as in a thesis on action recognition: to compare with its numbers.

$$ SIM = \sum_{p: F_p > 0} \min( s_p, f_p ) $$

with s the map, stretched to 0 to 1 and divided by its sum, and f the binary map of the fixated
pixels (0 or 255, so the fixation map of the thesis), divided by its sum. Against so few pixels no
map reaches a value of note; ``sim`` compares with a density.

Range 0 to 1.

- constant map: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/guidovalla/Master_Thesis, after github.com/tarunsharma1/saliency_metrics.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, stretched


def sim_thesis(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """SIM of the map and the binary fixation map, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        given = stretched(pixels)
        scores[frame] = np.minimum(given[where] / given.sum(), 1 / len(where[0])).sum()
    return scores
