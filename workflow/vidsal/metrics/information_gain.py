r"""Information gain over a baseline, in bits per fixation: what a map adds to what is known anyway.

$$ IG = \frac{1}{n} \sum_{i=1}^{n} \log_2 \frac{S_{x_i} + \epsilon}{B_{x_i} + \epsilon} $$

with S the map and B the baseline, both divided by their sum, and x_i the n fixations, repeated ones
counted. The baseline is the density of the fixations of the other videos (`against: others`), so
that a map that only knows of the centre bias gains nothing; or the uniform distribution
(`against: uniform`), so that IG is the information of the map itself. A map with negative pixels is
shifted up by its smallest value.

Epsilon bounds what a single fixation on a pixel of zero costs to about 35 bits; with `floor: 0` it
is the definition itself, and the score of such a map is minus infinity. The measure takes the map
at its word: maps that were not made as densities lose for being too flat or too steep.

Range: unbounded; 0 = as good as the baseline, 1 = one bit per fixation better.

- constant map (zero included): taken as the uniform distribution, so defined
- no fixation: NaN
- no fixation of other videos on this grid (only `against: others`): NaN
- a pixel that is NaN or infinite: NaN

Source: Kuemmerer, Wallis and Bethge, PNAS 112(52), 2015.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from vidsal.metrics._frames import fixated, mass, total


def information_gain(
    saliency: np.ndarray,
    fixations: np.ndarray,
    baseline: np.ndarray,
    *,
    against: Literal["others", "uniform"] = "others",
    floor: float = 2.2204e-16,
) -> np.ndarray:
    """Mean gain in bits per fixation, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        baseline: float64 (H,W), density of the fixations of other videos.
        against: what the map is compared with.
        floor: epsilon, the probability that every pixel has in both.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    known = np.asarray(baseline, dtype=np.float64)
    if against == "uniform":
        known = np.ones_like(known)
    if not known.any():
        return scores
    known = known / known.sum()
    for frame, pixels, where in fixated(saliency, fixations):
        given, whole = mass(pixels, total(pixels), float(pixels.min()))
        # A pixel of zero is minus infinity where there is no floor, and means it.
        with np.errstate(divide="ignore"):
            own = np.log2(given[where].astype(np.float64) / whole + floor)
            scores[frame] = np.mean(own - np.log2(known[where] + floor))
    return scores
