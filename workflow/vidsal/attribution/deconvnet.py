"""Deconvnet: the score sent back with ReLUs applied to what comes back, not to the input.

At a ReLU what comes from above, R, goes on as max(R, 0), whatever went through forward; all else is
the gradient (a maximum returns to the place that held it). M(t,y,x) = sum_c |R(c,t,y,x)| at the
input. Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014 (arXiv
1311.2901). Networks without ReLUs are refused.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution import _relu_rules
from vidsal.models import VideoModel


def deconvnet(model: VideoModel, clip: Tensor, target: int, *, absolute: bool = True) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network, with ReLUs as modules or as functions.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        absolute: sum the sizes over channels; else sum with signs.
    """
    found = _relu_rules.backward(
        "deconvnet", model, clip, target, lambda above, below: above.clamp(min=0)
    )
    return (found.abs() if absolute else found).sum(dim=0)
