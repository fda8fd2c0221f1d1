"""What other programs do to a map before they show it, to compare with their pictures."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional


def pytorch_grad_cam(heatmap: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """ReLU, 0..1, cubic splines to the clip's shape, cut at 0, 0..1: as pytorch-grad-cam."""
    enlarged = splines(_unit(torch.relu(heatmap).numpy()), shape)
    return _unit(np.maximum(enlarged, 0))


def splines(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarge by scipy's splines of order 3."""
    factors = [whole / part for whole, part in zip(shape, values.shape, strict=True)]
    return ndimage.zoom(values, factors, order=3)


def trilinear(heatmap: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Enlarge by trilinear interpolation of cells' centres."""
    return functional.interpolate(heatmap[None, None], shape, mode="trilinear")[0, 0]


def minmax(values: torch.Tensor) -> torch.Tensor:
    """Bring to 0..1 over the whole clip."""
    return (values - values.min()) / (values.max() - values.min())


def _unit(values: np.ndarray) -> np.ndarray:
    shifted = values - values.min()
    return shifted / (1e-7 + shifted.max())
