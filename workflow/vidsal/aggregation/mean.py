r"""One map for the clip: the sum of its heatmaps over their number.

$$ S = \frac{1}{T} \sum_{t=1}^{T} H_t $$

No frame is normalised first, so a frame with strong evidence weighs more than one with weak
evidence. This is how per-frame Grad-CAM heatmaps were summed into one saliency map per video
before they were compared with the gaze of all observers.
"""

from __future__ import annotations

import numpy as np


def mean(heatmaps: np.ndarray) -> np.ndarray:
    """Mean over the frames.

    Args:
        heatmaps: float32 (T,H,W), T at least 1.

    Returns:
        float32 (H,W), summed in float64.
    """
    return heatmaps.mean(axis=0, dtype=np.float64).astype(np.float32)
