r"""Kullback-Leibler divergence of the map from the fixation density, in nats; 0 is best.

$$ KL = \sum_p G_p \log\Big( \epsilon + \frac{G_p}{S_p + \epsilon} \Big), \quad
   \epsilon = 2.2204 \cdot 10^{-16} $$

with G the density and S the map, both divided by their sum. A map with negative pixels is shifted
up by its smallest value before it is divided. The natural logarithm and this epsilon are those of
the MIT benchmark. Places where people looked and where the map is zero are punished hard (by about
36 nats times their mass), so a map stored with few grey levels scores far worse than the same map
in floating point.

Range 0 (equal distributions; rounding may give a value just below) to about 36.

- constant map (zero included): taken as the uniform distribution, so defined
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: Kullback and Leibler, Annals of Mathematical Statistics 22(1), 1951; for saliency: Bylinskii
et al., IEEE PAMI 41(3), 2019, section 4.2.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import inner, mass, matched, summed

EPSILON = 2.2204e-16
LOWER_IS_BETTER = True


def kl(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Divergence of the map from the density, in nats, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative, all-zero frame = no fixation.

    Returns:
        float64 (T,), smaller is better, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, (truth, whole, _) in matched(saliency, density):
        scores[frame] = _divergence(*mass(*pixels), truth, whole)
    return scores


def _divergence(
    given: np.ndarray, given_total: float, truth: np.ndarray, truth_total: float
) -> float:
    """The sum over the pixels, with both divisions by the totals folded into one ratio."""
    factor, least = truth_total / given_total, EPSILON * truth_total

    def terms(given: np.ndarray, truth: np.ndarray) -> np.ndarray:
        ratio = given * factor
        ratio += least
        np.divide(truth, ratio, out=ratio)
        ratio += EPSILON
        return inner(truth, np.log(ratio, out=ratio))

    return float(summed(terms, given, truth)) / truth_total
