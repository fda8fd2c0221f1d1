"""White noise on a coarse grid: the score of a map that knows nothing.

Every cell of every frame is drawn independently and uniformly from [0, 1). The grid is coarse on
purpose, so that the control has about the grain of a real heatmap; noise per pixel would lose its
contrast wherever a map is scaled down. What lies between the centres of the cells is interpolated
when the map is compared, as for every other map.

Expected scores: AUC 0.5, NSS 0, CC 0, relevance mass = the share of the picture in the mask.
"""

from __future__ import annotations

import numpy as np

from vidsal.errors import InputError


def random(frames: np.ndarray, rng: np.random.Generator, *, cell: int = 8) -> np.ndarray:
    """Independent uniform noise per cell and frame.

    Args:
        frames: uint8 (T,H,W,3); only the shape is used.
        rng: source of the noise.
        cell: side of a cell in pixels of ``frames``, at least 1; rounded so that whole cells cover
            the picture.

    Returns:
        float32 (T,h,w) in [0, 1), with h = H / cell and w = W / cell, rounded, at least 1.

    Raises:
        InputError: the cell is smaller than a pixel.
    """
    if cell < 1:
        raise InputError(f"cell: {cell} of the control random: too small; give 1 or more pixels")
    num_frames, height, width = frames.shape[:3]
    shape = (num_frames, max(1, round(height / cell)), max(1, round(width / cell)))
    return rng.random(shape, dtype=np.float32)
