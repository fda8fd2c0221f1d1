"""Score-CAM: feature maps weighted by the score of the clip seen through each of them alone.

M = ReLU(sum_c w_c A_c), w = softmax over c of s(x * m_c), m_c = A_c enlarged to the clip by
trilinear interpolation and brought to 0..1. Wang et al., "Score-CAM: Score-Weighted Visual
Explanations for Convolutional Neural Networks", CVPR workshops 2020 (arXiv 1910.01279, algorithm
1); the score of the empty clip that they take off drops out of the softmax. No gradients, but one
forward pass per channel: `samples` asks only those that vary most, an idea known as
Faster-ScoreCAM.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from vidsal.attribution import _variants
from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import observe
from vidsal.errors import InputError
from vidsal.models import VideoModel


def score_cam(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    samples: int | None = None,
    relu: bool = True,
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), as coarse as the layer.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: a layer with feature maps: its module path, or a number in the model's own list
            (0 the last and coarsest, its choice when not given; 1 the one before, finer; ...).
        samples: channels that are asked, those with the largest variance, at one forward pass each;
            all of them when not given.
        relu: keep only what speaks for the class.
    """
    if samples is not None and samples < 1:
        raise InputError(
            f"samples {samples} in the options of score_cam: no channel would be asked; give 1 or "
            "more, or leave it out to ask all"
        )
    layer = pick_layer(model, layer)
    activation = observe(model, clip, target, [layer]).activations[layer]
    spread = activation.flatten(1).var(dim=1, unbiased=False)
    chosen = spread.argsort(descending=True, stable=True)[:samples]
    asked = _variants.scores(model, _masked(clip, activation, chosen), target).softmax(dim=0)
    weights = torch.zeros_like(spread).index_copy(0, chosen, asked.to(spread))
    return weighted_sum(weights[:, None, None, None], activation, relu)


def _masked(clip: Tensor, activation: Tensor, chosen: Tensor) -> Iterator[Tensor]:
    """Yield the clip (C,T,H,W) seen through each channel (T',h,w); a flat channel hides all."""
    for number in chosen:
        channel = activation[None, None, number]
        mask = functional.interpolate(channel, clip.shape[1:], mode="trilinear")[0]
        mask = mask - mask.amin()
        yield clip * (mask / mask.amax().clamp(min=torch.finfo(mask.dtype).tiny))
