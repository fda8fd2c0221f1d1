"""Eigen-CAM: the pattern over time and space that a layer's feature maps have most in common.

The activations are C-dimensional points, one per place; with their mean over places taken off, M is
their coordinate along the first principal component. Muhammad and Yeasin, "Eigen-CAM: Class
Activation Map using Principal Components", IJCNN 2020 (arXiv 2008.00299), centred as
pytorch-grad-cam does. A component has no sign of its own: here M correlates positively with the
mean activation over channels. It knows nothing of the class, and asks the network for no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import observe
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "nothing"


def eigen_cam(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    relu: bool = False,
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), as coarse as the layer.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: a class of the network; the map is the same for all of them.
        layer: a layer with feature maps: its module path, or a number in the model's own list
            (0 the last and coarsest, its choice when not given; 1 the one before, finer; ...).
        relu: cut what lies below the mean place.
    """
    layer = pick_layer(model, layer)
    activation = observe(model, clip, target, [layer]).activations[layer]
    # In double precision: the sums of squares of hundreds of channels lose too much in single.
    points = activation.flatten(1).double()
    heatmap = principal(points).to(activation.dtype).view(activation.shape[1:])
    return torch.relu(heatmap) if relu else heatmap


def principal(points: Tensor) -> Tensor:
    """Return the coordinates (n,) of points (C,n) along their first principal component."""
    centred = points - points.mean(dim=1, keepdim=True)
    # The same component from whichever side gives the smaller matrix.
    if len(points) <= points.shape[1]:
        _, axes = torch.linalg.eigh(centred @ centred.T)
        found = axes[:, -1] @ centred
    else:
        sizes, axes = torch.linalg.eigh(centred.T @ centred)
        found = axes[:, -1] * sizes[-1].clamp(min=0).sqrt()
    alike = found @ centred.mean(dim=0)
    return torch.where(alike < 0, -found, found)
