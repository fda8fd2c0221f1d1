"""Grad-CAM: a layer's feature maps, each weighted by its mean gradient over time and space.

M = ReLU(sum_c w_c A_c), w_c = mean_{t,h,w} G_c, with A the layer's activation (C,T',h,w) and G =
ds/dA. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017 (arXiv 1610.02391), carried over to clips with one weight per channel, as
captum and pytorch-grad-cam do; `grad_cam_per_frame` has the other convention.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "layers"


def grad_cam(
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
    weights = found.gradients[layer].mean(dim=(1, 2, 3), keepdim=True)
    return weighted_sum(weights, found.activations[layer], relu)
