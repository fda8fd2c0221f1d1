"""Every frame keeps its own heatmap.

$$ S_t = H_t $$
"""

from __future__ import annotations

import numpy as np


def frames(heatmaps: np.ndarray) -> np.ndarray:
    """The heatmaps as they are.

    Args:
        heatmaps: float32 (T,H,W).

    Returns:
        float32 (T,H,W), the same array.
    """
    return heatmaps
