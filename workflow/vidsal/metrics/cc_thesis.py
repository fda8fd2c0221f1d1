r"""CC against fixated pixels, as in a thesis on action recognition: to compare with its numbers.

Pearson's correlation of the map with the binary map of the fixated pixels (0 or 255). Against so
few pixels it stays near zero whatever the map; ``cc`` compares with a density.

Range -1 to 1; 0 is chance.

- constant map, or every pixel fixated: NaN
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/guidovalla/Master_Thesis, after github.com/tarunsharma1/saliency_metrics.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames


def cc_thesis(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """Correlation of the map and the binary fixation map, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations):
        share = len(where[0]) / pixels.size
        if share < 1:
            # Of a binary map the correlation is the height of the map at its pixels.
            height = (pixels[where].mean() - pixels.mean()) / pixels.std()
            scores[frame] = height * np.sqrt(share / (1 - share))
    return scores
