"""Saliency tubes: the last feature maps, weighted as the classifier weights their means.

M = sum_c W[target,c] A_c, with A the activation that is averaged before the last linear layer W; no
ReLU, so that what speaks against the class is negative. Stergiou et al., "Saliency Tubes: Visual
Explanations for Spatio-Temporal Convolutions", ICIP 2019 (arXiv 1902.01078): CAM (Zhou et al.,
"Learning Deep Features for Discriminative Localization", CVPR 2016 (arXiv 1512.04150)) over time as
well. The mean of M is the logit less its bias. Its authors' pictures enlarge M by cubic splines and
bring it to 0..1 over the clip; `saliency_tubes_keras` has their other convention.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution._head import head, tubes
from vidsal.attribution._layer import pick_layer
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "nothing"
COLLECT = head


def saliency_tubes(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    relu: bool = False,
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), as coarse as the layer.

    Args:
        model: the network; its last linear layer must read averages of the layer.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: the layer that is averaged: its module path, or a number in the model's own list
            (0 the last and coarsest, its choice when not given; 1 the one before, finer; ...).
        relu: keep only what speaks for the class.

    Raises:
        InputError: the network does not end like that.
    """
    heatmap = tubes(model, clip, target, pick_layer(model, layer), "saliency_tubes")
    return torch.relu(heatmap) if relu else heatmap
