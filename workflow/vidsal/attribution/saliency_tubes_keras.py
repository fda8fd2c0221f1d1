"""Saliency tubes, Keras convention: divided by their maximum, enlarged, and blank where weak.

M = zoom(S / max S) where that is 0.2 or more, else 0; S is the map of `saliency_tubes`, enlarged to
(T,H,W) of the clip by scipy's splines of order 3, whose outermost samples stay outermost. Stergiou
et al., "Saliency Tubes: Visual Explanations for Spatio-Temporal Convolutions", ICIP 2019 (arXiv
1902.01078), as their Keras program has it; their PyTorch program subtracts the minimum after
enlarging, and keeps everything. Splines overshoot, so M may exceed 1.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from vidsal.attribution._head import head, tubes
from vidsal.attribution._layer import pick_layer
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "nothing"
COLLECT = head


def saliency_tubes_keras(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    threshold: float = 0.2,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W); 0 everywhere where no place speaks for it.

    Args:
        model: the network; its last linear layer must read averages of the layer.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: the layer that is averaged: its module path, or a number in the model's own list
            (0 the last and coarsest, its choice when not given; 1 the one before, finer; ...).
        threshold: part of the maximum below which the map is blank.
    """
    raw = tubes(model, clip, target, pick_layer(model, layer), "saliency_tubes_keras")
    peak = raw.amax()
    scaled = torch.where(peak > 0, raw / peak, torch.zeros_like(raw))
    for axis, size in enumerate(clip.shape[1:]):
        scaled = torch.tensordot(_splines(scaled.shape[axis], size).to(clip), scaled, ([1], [axis]))
        scaled = scaled.movedim(0, axis)
    return torch.where(scaled < threshold, 0, scaled)


def _splines(given: int, made: int) -> Tensor:
    """Return what scipy's zoom does along an axis, a matrix (made,given).

    Splines of a volume are products of those of its axes, and linear in its values: three small
    matrices do in a moment what takes `zoom` longer than many a network.
    """
    return torch.from_numpy(ndimage.zoom(np.eye(given), (made / given, 1), order=3))
