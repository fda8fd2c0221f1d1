r"""KL from fixated pixels, as in a thesis on action recognition: to compare with its numbers.

$$ KL = \sum_p F_p \log\Big( \epsilon + \frac{F_p}{S_p + \epsilon} \Big), \quad
   \epsilon = 2.2204 \cdot 10^{-16} $$

with S the map and F the binary map of the fixated pixels (0 or 255), both divided by their sum. It
is large for any map that spreads over more than those pixels; ``kl`` compares with a density.

Range 0 to about 36; smaller is better. A map with negative pixels is shifted up by its smallest
value.

- constant map (zero included): taken as the uniform distribution, so defined
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/guidovalla/Master_Thesis, after github.com/tarunsharma1/saliency_metrics.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import EPSILON, binary_frames
from vidsal.metrics._frames import mass

LOWER_IS_BETTER = True


def kl_thesis(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """Divergence of the map from the binary fixation map, in nats, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), smaller is better, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in binary_frames(saliency, fixations, constant=True):
        given, whole = mass(pixels, pixels.sum(), pixels.min())
        truth = 1 / len(where[0])
        scores[frame] = np.log(EPSILON + truth / (given[where] / whole + EPSILON)).mean()
    return scores
