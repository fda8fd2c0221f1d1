"""Excitation backprop: where a winner ends up that walks down from the class along excitations.

A walk starts at the class and goes from a unit k to one of its inputs j with the probability

    P(j|k) = x_j w_jk^+ / sum_i x_i w_ik^+,

x >= 0 the inputs' activations (marginal winning probability), and M(t,y,x) = sum_c P of a layer's
units: M >= 0, sum M = 1. Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV
2016 (arXiv 1608.00507). `contrastive`: minus the map of the class that the last layer's weights
turned around would make, positive where the class is spoken for more than its contrary; sum M = 0.

Conventions: biases excite nothing, norms are folded into the convolution before them, negative
inputs count as 0, the largest of a max-pool takes all. Where nothing excites a unit, its inputs are
taken as equally active, so that nothing is lost but where no weight is positive.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vidsal.attribution._flow import Rules, Step
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._relevance import refuse_without_rules, send_back
from vidsal.models import VideoModel

# Added to every input: nothing beside an activation, and equal shares where there is none.
HAIR = 1e-30


def excitation_backprop(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    contrastive: bool = False,
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), as coarse as the layer.

    Args:
        model: the network, of convolutions, linear layers, norms, pools and ReLUs.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: a layer with feature maps: its module path, or a number in the model's own list
            (0 the last and coarsest, its choice when not given; 1 the one before, finer; ...).
        contrastive: minus the map of the contrary class, at the cost of a second pass.
    """
    refuse_without_rules(model, "excitation_backprop")
    layer = pick_layer(model, layer)
    how = {"method": "excitation_backprop", "layer": layer}
    rules = Rules(_weighted, _shared)
    sent = send_back(model, clip, target, rules, **how)
    heatmap = sent.relevance.sum(dim=0)
    if contrastive:
        # The layer that makes the logits is the last with weights.
        contrary = send_back(model, clip, target, rules, **how, negate=sent.steps)
        heatmap = heatmap - contrary.relevance.sum(dim=0)
    return heatmap


def _weighted(step: Step, probability: Tensor) -> Tensor:
    weight = step.weight.clamp(min=0)
    return _winners(lambda x: step.call(x, weight, None), [step.leaf.detach()], probability)[0]


def _shared(
    call: Callable, inputs: list[Tensor], constant: object, probability: Tensor
) -> list[Tensor]:
    return _winners(call, inputs, probability)


def _winners(call: Callable, inputs: list[Tensor], probability: Tensor) -> list[Tensor]:
    """Return P of the inputs of a linear f without negative weights, given P of what it makes."""
    with torch.enable_grad():
        leaves = [(value.clamp(min=0) + HAIR).detach().requires_grad_() for value in inputs]
        made = call(*leaves)
    ratio = torch.where(made == 0, 0.0, probability / made.detach())
    slopes = torch.autograd.grad(made, leaves, ratio)
    return [leaf.detach() * slope for leaf, slope in zip(leaves, slopes, strict=True)]
