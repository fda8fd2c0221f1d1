"""Length of the optical flow: how fast each pixel moves, whatever it shows.

Dense flow by polynomial expansion on grey frames; the map is the length of the flow vector in
pixels per frame. Frame t holds the flow from frame t-1 to frame t; frame 0, which has none before
it, repeats frame 1; a video of one frame is zero everywhere.

Motion draws the eye and carries most action classes, so this is the control that a video method
has to beat before its map says more than "something moves here".

Source: Farneback, Two-frame motion estimation based on polynomial expansion, SCIA 2003 (OpenCV's
implementation).
"""

from __future__ import annotations

import cv2
import numpy as np


def optical_flow(
    frames: np.ndarray,
    *,
    pyramid_scale: float = 0.5,
    levels: int = 3,
    window: int = 15,
    iterations: int = 3,
    neighbourhood: int = 5,
    smoothing: float = 1.2,
) -> np.ndarray:
    """Length of the Farneback flow, in pixels per frame.

    Args:
        frames: uint8 (T,H,W,3), RGB.
        pyramid_scale: size of each level of the pyramid relative to the one below it, below 1.
        levels: levels of the pyramid.
        window: side of the averaging window in pixels; larger = smoother.
        iterations: iterations per level.
        neighbourhood: side of the neighbourhood that the polynomial is fitted to, 5 or 7.
        smoothing: standard deviation of the Gaussian weight in that neighbourhood; 1.1 for 5,
            1.5 for 7 are usual.

    Returns:
        float32 (T,H,W), not negative.
    """
    lengths = np.zeros(frames.shape[:3], dtype=np.float32)
    options = (pyramid_scale, levels, window, iterations, neighbourhood, smoothing, 0)
    before = None
    for frame, picture in enumerate(frames):
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        if before is not None:
            flow = cv2.calcOpticalFlowFarneback(before, grey, None, *options)
            lengths[frame] = np.hypot(flow[..., 0], flow[..., 1])
        before = grey
    lengths[:1] = lengths[1:2] if len(lengths) > 1 else 0
    return lengths
