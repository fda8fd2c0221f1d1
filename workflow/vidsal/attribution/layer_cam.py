"""LayerCAM: activation times positive gradient at every place of a layer, summed over channels.

M = ReLU(sum_c ReLU(G_c) A_c). Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps
for Localization", IEEE TIP 2021 (DOI 10.1109/TIP.2021.3089943): weights of their own for every
place make maps of early, fine layers usable. Where no gradient is negative it is HiResCAM.
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


def layer_cam(
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
    return weighted_sum(torch.relu(found.gradients[layer]), found.activations[layer], relu)
