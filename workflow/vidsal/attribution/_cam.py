"""What the Grad-CAM family shares: the layer, the weighted sum, the ReLU."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_sum(weights: Tensor, activation: Tensor, relu: bool) -> Tensor:
    """Return sum_c w_c A_c as (T',h,w), negative values cut when `relu`.

    Args:
        weights: (C,1,1,1), (C,T',1,1) or (C,T',h,w).
        activation: (C,T',h,w).
        relu: keep only what speaks for the class.
    """
    heatmap = (weights * activation).sum(dim=0)
    return torch.relu(heatmap) if relu else heatmap
