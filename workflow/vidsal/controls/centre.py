r"""Gaussian at the centre of the picture: people look there whatever is shown.

$$ S(x, y) = \exp\Big( -\frac{(x - c_x)^2}{2 (\sigma W)^2} - \frac{(y - c_y)^2}{2 (\sigma H)^2}
   \Big) $$

the same in every frame, as wide as the picture is. The picture's centre is both where observers
rest and where camera operators put things, so a map of gaze means little until it beats this one.

Source: Tatler, Journal of Vision 7(14):4, 2007.
"""

from __future__ import annotations

import numpy as np

from vidsal.errors import InputError

LONGEST_SIDE = 64
"""Pixels of the map's longest side; a Gaussian this smooth loses nothing, and files stay small."""


def centre(frames: np.ndarray, *, sigma: float = 0.25) -> np.ndarray:
    """Static Gaussian at the centre.

    Args:
        frames: uint8 (T,H,W,3); only the shape is used.
        sigma: standard deviation as a fraction of the height (vertically) and of the width
            (horizontally), positive.

    Returns:
        float32 (T,h,w) in [0, 1], longest side 64.

    Raises:
        InputError: sigma is not positive.
    """
    if sigma <= 0:
        raise InputError(f"sigma: {sigma} of the control centre: must be positive, such as 0.25")
    num_frames, height, width = frames.shape[:3]
    scale = LONGEST_SIDE / max(height, width)
    rows, cols = (_profile(max(1, round(side * scale)), sigma) for side in (height, width))
    one = np.outer(rows, cols).astype(np.float32)
    return np.repeat(one[None], num_frames, axis=0)


def _profile(size: int, sigma: float) -> np.ndarray:
    """Gaussian over ``size`` pixel centres, float64 (size,)."""
    offset = (np.arange(size) + 0.5) / size - 0.5
    return np.exp(-0.5 * (offset / sigma) ** 2)
