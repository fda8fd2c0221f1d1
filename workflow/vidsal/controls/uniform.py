"""The same value everywhere: the score of saying nothing at all.

$$ S = 1 $$

Where a metric is not defined for a constant map (NSS, CC) its row says so; what it gives for one
otherwise (AUC 0.5, SIM and KL of the uniform distribution) is the floor of that metric.
"""

from __future__ import annotations

import numpy as np


def uniform(frames: np.ndarray) -> np.ndarray:
    """One for every frame.

    Args:
        frames: uint8 (T,H,W,3); only the number is used.

    Returns:
        float32 (T,1,1), all 1.
    """
    return np.ones((len(frames), 1, 1), dtype=np.float32)
