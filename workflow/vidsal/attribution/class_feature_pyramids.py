"""Class feature pyramids: the activations that a class rests on, some convolutions back.

The channels of the last feature map whose class weight, brought to 0..1 over channels, reaches a
threshold are followed back through `depth` convolutions: of what a followed kernel k reads, channel
i counts v_i = mean(k_i) mean(A_i), divided by the sum over i and brought to 0..1, and is followed
when that reaches the threshold. M is the sum of the activations followed at the end; depth 0 is the
last feature map, and maps of growing depth are the pyramid. Stergiou et al., "Class Feature
Pyramids for Video Explanation", ICCV workshops 2019 (arXiv 1909.08611). Of grouped kernels only the
channels of their own group count; of a shortcut and what it goes around, the one with the nearer
convolution is followed; maps of branches that differ in size are added at the largest.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.nn import functional

from vidsal.attribution._convolutions import Convolution, feeding
from vidsal.attribution._head import class_weights, head
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._maps import unfold
from vidsal.attribution._pass import record
from vidsal.errors import InputError
from vidsal.models import VideoModel


@dataclass
class Followed:
    """A feature map and which of its channels are followed.

    Attributes:
        values: (N,C,...) as the network has it.
        before: where it comes from.
        chosen: bool (C,).
    """

    values: Tensor
    before: Node | None
    chosen: Tensor


def class_feature_pyramids(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    depth: int = 3,
    threshold: float = 0.6,
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), as coarse as the maps at that depth.

    Args:
        model: the network; its last linear layer must read averages of its last feature map.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        depth: convolutions that the map lies behind the last feature map.
        threshold: part of the range of weights, or of shares, from which on a channel counts.

    Raises:
        InputError: the network does not end like that, or the way back is no convolution.
    """
    if depth < 0 or not 0 <= threshold <= 1:
        raise InputError(
            f"depth {depth}, threshold {threshold} in the options of class_feature_pyramids: give "
            "a depth of 0 or more and a threshold from 0 to 1"
        )
    layer = pick_layer(model, None)
    found, outputs = record(model, clip, target, [layer], extra=[head])
    weights = class_weights(model, found, layer, "class_feature_pyramids")[target]
    last = outputs[layer]
    level = [Followed(last.detach(), last.grad_fn, _scaled(weights) >= threshold)]
    for step in range(depth):
        level = _back(level, threshold) or _refuse(model, step)
    return _added([_seen(model, one, clip) for one in level])


def _back(level: list[Followed], threshold: float) -> list[Followed]:
    """Return what is followed one convolution further back; nothing when there is no way."""
    found: dict[tuple, Followed] = {}
    for one in level:
        sources = feeding(one.before)
        counts = [len(source.weight) for source in sources]
        if sum(counts) != len(one.chosen):
            return []
        for source, kernels in zip(sources, one.chosen.split(counts), strict=True):
            chosen = follow(source, kernels, threshold)
            # Branches that read the same map follow it together.
            place = (source.read.data_ptr(), tuple(source.read.shape))
            if place in found:
                chosen = chosen | found[place].chosen
            found[place] = Followed(source.read, source.before, chosen)
    return list(found.values())


def follow(source: Convolution, kernels: Tensor, threshold: float) -> Tensor:
    """Return which channels (I,) bool a convolution's kernels (O,) bool are followed to."""
    means = source.read.transpose(0, 1).flatten(1).mean(dim=1).view(source.groups, 1, -1)
    inputs = source.weight.flatten(2).mean(dim=2).unflatten(0, (source.groups, -1))
    shares = inputs * means
    # Bringing to 0..1 undoes the division by the sum but for its sign.
    shares = torch.where(shares.sum(dim=-1, keepdim=True) < 0, -shares, shares)
    counts = (_scaled(shares) >= threshold) & kernels.view(source.groups, -1, 1)
    return counts.any(dim=1).flatten()


def _scaled(values: Tensor) -> Tensor:
    """Return values brought to 0..1 along the last axis; 1 where they are all the same."""
    low, high = values.aminmax(dim=-1, keepdim=True)
    return torch.where(high > low, (values - low) / (high - low), 1.0)


def _seen(model: VideoModel, one: Followed, clip: Tensor) -> Tensor:
    maps = unfold(model, "behind the last one", one.values, tuple(clip.shape[1:]))
    return (maps * one.chosen[:, None, None, None]).sum(dim=0)


def _added(maps: list[Tensor]) -> Tensor:
    size = [max(sides) for sides in zip(*(one.shape for one in maps), strict=True)]
    return sum(
        functional.interpolate(one[None, None], size, mode="trilinear")[0, 0] for one in maps
    )


def _refuse(model: VideoModel, step: int) -> list[Followed]:
    raise InputError(
        f"class_feature_pyramids cannot explain {model.name} at this depth: behind step {step} "
        f"there is no convolution whose channels could be followed; take depth {step} or less"
    )
