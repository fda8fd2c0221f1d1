r"""Area under the ROC curve: how well the map separates fixated pixels from all pixels.

A fixated pixel is drawn at random, and any pixel of the frame is drawn at random: AUC is the
probability that the map is higher at the first, plus half the probability of a tie,

$$ AUC = \frac{1}{n N} \sum_{i=1}^{n} \Big( \#\{p: S_p < S_{x_i}\}
         + \tfrac12 \#\{p: S_p = S_{x_i}\} \Big) $$

with n fixations x_i and N pixels p. That is the Mann-Whitney statistic, so every value of the map
is a threshold and nothing is sampled, jittered or quantised. Only the order of the pixels matters.

Range 0 to 1; 0.5 is chance, whatever the number of fixations. (AUC-Judd, which takes the fixated
values as its only thresholds, has chance 0.5 + 1/(2(n+1)): 0.75 for one fixation; values of the two
cannot be compared.) All N pixels are negatives, the fixated ones too, and fixations on the same
pixel count each.

- constant map: 0.5
- no fixation: NaN
- a pixel that is NaN or infinite: NaN

Source: Mann and Whitney, Annals of Mathematical Statistics 18(1), 1947; as a measure of gaze
prediction with uniform negatives: Kuemmerer, Wallis and Bethge, PNAS 112(52), 2015.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import fixated
from vidsal.metrics._ranks import beats


def auc(saliency: np.ndarray, fixations: np.ndarray) -> np.ndarray:
    """Exact AUC with all pixels as negatives, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).

    Returns:
        float64 (T,), 0 to 1, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, where in fixated(saliency, fixations):
        hits = pixels[where]
        won = beats(saliency, frame, pixels, hits)
        scores[frame] = won / (pixels.size * len(hits))
    return scores
