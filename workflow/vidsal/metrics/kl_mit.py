r"""KL as the MIT benchmark computes it: for comparison with published numbers.

$$ KL = \sum_p G_p \log\Big( \epsilon + \frac{G_p}{S_p + \epsilon} \Big), \quad
   \epsilon = 2^{-52} $$

with both maps divided by their sum, the map as it is: it is not shifted where it is negative (the
real part of the logarithm is taken there, so that the value means nothing), and one that is zero
everywhere stays zero. Otherwise this is ``kl``.

Range 0 (equal distributions) to about 36.

- constant map: taken as the uniform distribution; zero: about 30, as the benchmark has it
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/cvzoya/saliency, KLdiv.m; Bylinskii et al., IEEE PAMI 41(3), 2019, section 4.2.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import matched

EPSILON = 2.0**-52
LOWER_IS_BETTER = True


def kl_mit(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """KL of the MIT benchmark, in nats, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative, all-zero frame = no fixation.

    Returns:
        float64 (T,), smaller is better, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, (pixels, *_), (truth, *_) in matched(saliency, density):
        given, wanted = pixels.astype(np.float64), truth.astype(np.float64)
        given, wanted = given / (given.sum() or 1.0), wanted / wanted.sum()
        with np.errstate(divide="ignore"):
            logarithm = np.log(np.abs(EPSILON + wanted / (given + EPSILON)))
        scores[frame] = (wanted * logarithm).sum()
    return scores
