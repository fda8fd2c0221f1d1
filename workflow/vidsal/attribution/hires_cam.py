"""HiResCAM: activation times gradient at every place of a layer, summed over channels.

M = ReLU(sum_c G_c A_c). Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful
explanations of convolutional neural networks", 2020 (arXiv 2011.08891): nothing is averaged, so
that the map shows only places that the score really depends on. Where a network averages the layer
and ends in one linear layer, it is Grad-CAM.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "layers"


def hires_cam(
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
    return weighted_sum(found.gradients[layer], found.activations[layer], relu)
