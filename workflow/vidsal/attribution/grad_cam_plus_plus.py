"""Grad-CAM++: feature maps weighted by their positive gradients, with more for small regions.

M = ReLU(sum_c w_c A_c), w_c = sum_{t,h,w} a_c ReLU(G_c), a = G^2 / (2 G^2 + G^3 sum_{t,h,w} A +
1e-6), 0 where G = 0. Chattopadhay et al., "Grad-CAM++: Generalized Gradient-based Visual
Explanations for Deep Convolutional Networks", WACV 2018 (arXiv 1710.11063), whose second and third
derivatives of exp(s) are powers of G; sums run over time as well, the small number is
pytorch-grad-cam's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "layers"
SMALL = 1e-6


def grad_cam_plus_plus(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    relu: bool = True,
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), as coarse as the layer.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: a layer with feature maps: its module path, or a number in the model's own list
            (0 the last and coarsest, its choice when not given; 1 the one before, finer; ...).
        relu: keep only what speaks for the class.
    """
    layer = pick_layer(model, layer)
    found = capture(model, clip, target, [layer], gradient=False)
    activation, gradient = found.activations[layer], found.gradients[layer]
    everywhere = activation.sum(dim=(1, 2, 3), keepdim=True)
    shares = gradient**2 / (2 * gradient**2 + gradient**3 * everywhere + SMALL)
    shares = torch.where(gradient == 0, 0, shares)
    weights = (shares * torch.relu(gradient)).sum(dim=(1, 2, 3), keepdim=True)
    return weighted_sum(weights, activation, relu)
