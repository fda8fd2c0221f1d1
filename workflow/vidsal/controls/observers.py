r"""Gaze density of one half of the observers: the ceiling, how well people predict people.

$$ S_t(x, y) = \sum_{f \in A_t} \frac{1}{2 \pi \sigma^2}
   \exp\Big( -\frac{(x - x_f)^2 + (y - y_f)^2}{2 \sigma^2} \Big) $$

over the fixations $A_t$ of a random half of the observers in frame t. It is scored against the
other half alone: the file records whose gaze the map was made of, and scoring leaves them out. A
half knows less than the whole, so the ceiling is a low estimate.

Source: Wilming et al., Measures and limits of models of fixation selection, PLoS ONE 6(9), 2011.
"""

from __future__ import annotations

import numpy as np

from vidsal.densities import density
from vidsal.errors import InputError

SIGMA = 12.74 / 360
CEILING = True


def observers(frames: np.ndarray, fixations: np.ndarray, *, sigma: float = SIGMA) -> np.ndarray:
    """Density of the given fixations, frame by frame.

    Args:
        frames: uint8 (T,H,W,3); only the shape is used.
        fixations: int32 (n,3), rows (frame, row, col) of one half of the observers.
        sigma: standard deviation as a fraction of the height, positive.

    Returns:
        float32 (T,H,W), sum 1 in every frame with fixations, else 0.

    Raises:
        InputError: sigma is not positive.
    """
    if sigma <= 0:
        raise InputError(
            f"sigma: {sigma} of the control observers: must be positive, such as 0.035"
        )
    return density(fixations, frames.shape[1:3], len(frames), sigma * frames.shape[1])
