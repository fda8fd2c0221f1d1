"""Input x gradient: the contribution of each voxel to the score, to first order.

P(t,y,x) = sum_c x(c,t,y,x) ds/dx(c,t,y,x), s = logit of the target, signed and summed over
channels, so that sum P = s for a network without biases; M = |P| by default. Shrikumar et al., "Not
Just a Black Box: Learning Important Features Through Propagating Activation Differences", 2016
(arXiv 1605.01713). x is the normalised input: voxels of the mean colour get 0 whatever they mean to
the network.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True


def input_x_gradient(
    model: VideoModel, clip: Tensor, target: int, *, absolute: bool = True
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        absolute: the size of a contribution, for or against; else signed, for the class positive.
    """
    product = (clip * capture(model, clip, target).gradient).sum(dim=0)
    return product.abs() if absolute else product
