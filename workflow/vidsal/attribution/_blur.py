"""Gaussian blur of a clip's frames, as two small matrices."""

from __future__ import annotations

import torch
from torch import Tensor

# Beyond four standard deviations a kernel is cut off: less than 1e-4 of its mass.
REACH = 4


def blur(clip: Tensor, sigma: float) -> Tensor:
    """Return a clip (...,H,W) blurred in space by a Gaussian of `sigma` px, frame by frame.

    Separable: rows, then columns. At the border the picture is mirrored with its edge pixel
    repeated (c b a | a b c), so that a constant stays what it is and, for a wide kernel, a frame
    turns into its mean. With sigma 0 nothing happens. Matrices instead of a convolution: any width
    fits, and every device gives the same values each time.
    """
    if sigma <= 0:
        return clip
    rows, columns = (_matrix(size, sigma, clip) for size in clip.shape[-2:])
    return rows @ clip @ columns.T


def _matrix(size: int, sigma: float, like: Tensor) -> Tensor:
    """Return what each place (first axis) takes from each other: (size, size), rows add up to 1."""
    radius = int(REACH * sigma + 0.5)
    steps = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    places = (torch.arange(size)[:, None] + steps.long()) % (2 * size)
    mirrored = torch.where(places < size, places, 2 * size - 1 - places)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    matrix.scatter_add_(1, mirrored, (kernel / kernel.sum()).expand(size, -1))
    return matrix.to(like)
