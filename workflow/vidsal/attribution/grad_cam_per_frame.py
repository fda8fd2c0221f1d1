"""Grad-CAM per frame: a layer's feature maps, weighted by their mean gradient frame by frame.

M_t = ReLU(sum_c w_{c,t} A_{c,t}), w_{c,t} = mean_{h,w} G_{c,t}, with A the layer's activation
(C,T',h,w) and G = ds/dA. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", ICCV 2017 (arXiv 1610.02391), in the convention of SlowFast and
mmaction2, in which every step of time has its own weights; `grad_cam` has one weight per channel
for the whole clip.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "layers"


def grad_cam_per_frame(
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
    weights = found.gradients[layer].mean(dim=(2, 3), keepdim=True)
    return weighted_sum(weights, found.activations[layer], relu)
