r"""Gaussian fitted to the gaze on the other videos: the centre bias of these observers.

$$ S(p) = \exp\Big( -\tfrac12 (p - \mu)^T \Sigma^{-1} (p - \mu) \Big) $$

with the mean and the covariance of the fixations of all other videos, relative to their pictures.
Between ``centre``, which is guessed, and ``other_videos``, which follows every lump of the data.

Source: Tatler, Journal of Vision 7(14):4, 2007; Clarke and Tatler, Vision Research 102, 2014.
"""

from __future__ import annotations

import numpy as np

from vidsal.errors import InputError

LONGEST_SIDE = 64
"""Pixels of the map's longest side; a Gaussian this smooth loses nothing, and files stay small."""


def fitted_centre(frames: np.ndarray, other_fixations: np.ndarray) -> np.ndarray:
    """Static Gaussian with the moments of the given fixations.

    Args:
        frames: uint8 (T,H,W,3); only the shape is used.
        other_fixations: float64 (h,w), fixations of the other videos over the relative picture.

    Returns:
        float32 (T,H',W') in [0, 1], longest side 64.

    Raises:
        InputError: there are too few fixations for a width, or all stand in one line.
    """
    mean, covariance = _moments(other_fixations)
    if np.linalg.matrix_rank(covariance) < 2:
        raise InputError(
            "control fitted_centre: too little gaze on the other videos of this dataset to fit a "
            "width; use centre"
        )
    inverse = np.linalg.inv(covariance)
    num_frames, height, width = frames.shape[:3]
    scale = LONGEST_SIDE / max(height, width)
    sides = (max(1, round(side * scale)) for side in (height, width))
    centres = ((np.arange(side) + 0.5) / side for side in sides)
    offset = np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1) - mean
    one = np.exp(-0.5 * np.einsum("ijk,kl,ijl->ij", offset, inverse, offset)).astype(np.float32)
    return np.repeat(one[None], num_frames, axis=0)


def _moments(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (row, column) and covariance of a histogram, relative to its sides."""
    rows, cols = np.nonzero(counts)
    if not len(rows):
        return np.zeros(2), np.zeros((2, 2))
    places = (np.stack([rows, cols]) + 0.5) / np.array(counts.shape)[:, None]
    weights = counts[rows, cols] / counts.sum()
    mean = places @ weights
    offset = places - mean[:, None]
    return mean, (weights * offset) @ offset.T
