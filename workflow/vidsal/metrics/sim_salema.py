r"""SIM as SalEMA's evaluation computes it: for comparison with its numbers.

``sim_mit`` of map and density that are first halved in size.

Range 0 to 1.

- constant map, or constant density: NaN
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/Linardos/SalEMA, evaluation/metric_calculation.py; Linardos, Mohedano, Nieto,
O'Connor, Giro-i-Nieto and McGuinness, BMVC 2019.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import halved
from vidsal.metrics._frames import matched
from vidsal.metrics.sim_mit import sim_mit


def sim_salema(saliency: np.ndarray, density: np.ndarray) -> np.ndarray:
    """SIM of SalEMA, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative, all-zero frame = no fixation.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, (pixels, *_), (truth, *_) in matched(saliency, density, constant=False):
        scores[frame] = sim_mit(halved(pixels)[None], halved(truth)[None])[0]
    return scores
