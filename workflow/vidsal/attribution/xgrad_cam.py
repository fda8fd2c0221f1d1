"""XGrad-CAM: feature maps weighted by the gradient where each of them is active.

M = ReLU(sum_c w_c A_c), w_c = sum_{t,h,w} G_c A_c / sum_{t,h,w} A_c. Fu et al., "Axiom-based
Grad-CAM: Towards Accurate Visualization and Explanation of CNNs", BMVC 2020 (arXiv 2008.02312): the
weights under which the map's sum comes closest to the score. 1e-7 in the denominator is
pytorch-grad-cam's.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "layers"
SMALL = 1e-7


def xgrad_cam(
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
    weights = (gradient * activation / (everywhere + SMALL)).sum(dim=(1, 2, 3), keepdim=True)
    return weighted_sum(weights, activation, relu)
