r"""Every frame gets the heatmap of another frame, to ask whether it matters when a network looks.

$$ S_t = H_{\pi(t)} $$

with a random permutation that moves every frame, the same for all methods on a video. A method
whose ``shuffled`` scores as well as its ``frames`` follows where things happen in the video, but
not when.
"""

from __future__ import annotations

import numpy as np


def shuffled(heatmaps: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """The heatmaps in another order.

    Args:
        heatmaps: float32 (T,H,W).
        seed: of the order.

    Returns:
        float32 (T,H,W); of a single frame the same.
    """
    count = len(heatmaps)
    if count < 2:
        return heatmaps
    order = np.random.default_rng([seed, count]).permutation(count)
    made = np.empty_like(heatmaps)
    # Along the random order every frame takes the map of the next one: none keeps its own.
    made[order] = heatmaps[np.roll(order, -1)]
    return made
