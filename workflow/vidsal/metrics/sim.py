r"""Similarity: the mass that the map and the fixation density have in common.

$$ SIM = \sum_p \min\Big( \frac{S_p}{\sum_q S_q}, \frac{G_p}{\sum_q G_q} \Big) $$

also called histogram intersection. Both are divided by their sum and by nothing else: no stretching
to the range 0 to 1 first, which some codes do and which changes the value by up to 0.07. A map with
negative pixels is shifted up by its smallest value before it is divided.

Range 0 (no overlap) to 1 (equal distributions). Has no fixed chance level.

- constant map (zero included): taken as the uniform distribution, so defined
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: Swain and Ballard, IJCV 7(1), 1991; for saliency: Judd, Durand and Torralba, MIT-CSAIL-TR
2012-001.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import mass, matched, summed, sums


def sim(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Histogram intersection of map and density, both with sum 1, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative, all-zero frame = no fixation.

    Returns:
        float64 (T,), 0 to 1, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, (truth, truth_whole, _) in matched(saliency, density):
        given, whole = mass(*pixels)
        scores[frame] = _common(given, truth, whole / truth_whole) / whole
    return scores


def _common(given: np.ndarray, truth: np.ndarray, factor: float) -> float:
    """Sum of the smaller of the two, the truth brought to the total of the map by a factor."""

    def least(given: np.ndarray, truth: np.ndarray) -> np.ndarray:
        wanted = truth * factor
        return sums(np.minimum(given, wanted, out=wanted))

    return float(summed(least, given, truth))
