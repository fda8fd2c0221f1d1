r"""KL as pysaliency computes it by default: for comparison with published numbers.

$$ KL = \sum_p G_p \log \frac{G_p}{S_p} $$

Both maps get 1e-20 added to every pixel before they are divided by their sum, and no other
epsilon. A pixel of zero where people looked thus costs up to 46 nats times its mass, ten more than
``kl``; everywhere else the two agree.

Range 0 (equal distributions) to about 46.

- constant map (zero included): the uniform distribution, so defined
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/matthias-k/pysaliency, SaliencyMapModel.image_based_kl_divergence.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import matched

LEAST = 1e-20
LOWER_IS_BETTER = True


def kl_pysaliency(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """KL of pysaliency, in nats, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative, all-zero frame = no fixation.

    Returns:
        float64 (T,), smaller is better, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, *_ in matched(saliency, density):
        given, wanted = (_distribution(each[frame]) for each in (saliency, density))
        scores[frame] = (wanted * np.log(wanted / given)).sum()
    return scores


def _distribution(pixels: np.ndarray) -> np.ndarray:
    # As it is given: what is added is not small everywhere.
    pixels = pixels.astype(np.float64) - min(0.0, pixels.min()) + LEAST
    return pixels / pixels.sum()
