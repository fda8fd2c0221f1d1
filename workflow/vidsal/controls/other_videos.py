r"""Gaze density of the other videos: where people look whatever is shown, as measured.

$$ S(x, y) = \sum_{f \in O} \frac{1}{2 \pi \sigma^2}
   \exp\Big( -\frac{(x - x_f)^2 + (y - y_f)^2}{2 \sigma^2} \Big) $$

over the fixations O of all other videos of the dataset, relative to their pictures, the same in
every frame. It knows the habits of these observers in front of this kind of material and nothing of
the video, so it is the fairest floor; a dataset of one video has none.

Source: Kuemmerer, Wallis and Bethge, PNAS 112(52), 2015 (the baseline model).
"""

from __future__ import annotations

import numpy as np

from vidsal.densities import smoothed
from vidsal.errors import InputError

SIGMA = 12.74 / 360


def other_videos(
    frames: np.ndarray, other_fixations: np.ndarray, *, sigma: float = SIGMA
) -> np.ndarray:
    """Static density of the given fixations.

    Args:
        frames: uint8 (T,H,W,3); only the number is used.
        other_fixations: float64 (h,w), fixations of the other videos over the relative picture.
        sigma: standard deviation as a fraction of each side, positive.

    Returns:
        float32 (T,h,w), sum 1 per frame.

    Raises:
        InputError: sigma is not positive, or there is no fixation.
    """
    if sigma <= 0:
        raise InputError(
            f"sigma: {sigma} of the control other_videos: must be positive, such as 0.035"
        )
    if not other_fixations.any():
        raise InputError("control other_videos: no other video of this dataset has gaze")
    one = smoothed(other_fixations, sigma * other_fixations.shape[0]).astype(np.float32)
    return np.repeat(one[None], len(frames), axis=0)
