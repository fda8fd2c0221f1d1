"""Guided backpropagation: the gradient, of which every ReLU lets only positive values through.

At a ReLU y = max(x, 0) what comes from above, R, goes on as 1[x > 0] max(R, 0); all else is the
gradient. M(t,y,x) = sum_c |R(c,t,y,x)| at the input. Springenberg et al., "Striving for Simplicity:
The All Convolutional Net", ICLR 2015 workshop (arXiv 1412.6806). It draws sharp edges, and hardly
depends on the class or on the upper weights (Adebayo et al., "Sanity Checks for Saliency Maps",
NeurIPS 2018 (arXiv 1810.03292)): a picture of what the first layers see. Networks without ReLUs are
refused.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution import _relu_rules
from vidsal.models import VideoModel


def guided_backprop(
    model: VideoModel, clip: Tensor, target: int, *, absolute: bool = True
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network, with ReLUs as modules or as functions.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        absolute: sum the sizes over channels; else sum with signs.
    """
    found = guided(model, clip, target, "guided_backprop")
    return (found.abs() if absolute else found).sum(dim=0)


def guided(model: VideoModel, clip: Tensor, target: int, name: str) -> Tensor:
    """Return R at the input, (C,T,H,W); `name` is the method that is named in a refusal."""
    return _relu_rules.backward(name, model, clip, target, lambda above, below: below.clamp(min=0))
