r"""One map for the clip: the strongest that each pixel ever was.

$$ S = \max_{t} H_t $$

Shows everything that mattered at any moment, however short; one noisy frame is enough to mark a
pixel.
"""

from __future__ import annotations

import numpy as np


def maximum(heatmaps: np.ndarray) -> np.ndarray:
    """Maximum over the frames.

    Args:
        heatmaps: float32 (T,H,W), T at least 1.

    Returns:
        float32 (H,W).
    """
    return heatmaps.max(axis=0)
