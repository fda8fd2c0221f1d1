"""LRP: layer-wise relevance propagation, the score shared out layer by layer down to the voxels.

A unit z_k = sum_j x_j w_jk + b_k that has the relevance R_k gives to its inputs

    epsilon: R_j = sum_k x_j w_jk / (z_k + epsilon sign(z_k)) R_k
    z+:      R_j = sum_k (x_j w_jk)^+ / (sum_i (x_i w_ik)^+ + b_k^+ + epsilon) R_k

and M = sum over colours of what the clip gets: positive speaks for the class. Bach et al., "On
Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation",
PLOS ONE 2015 (10.1371/journal.pone.0130140); `epsilon_plus` (epsilon on linear layers, z+ on
convolutions) as in Kohlbrenner et al., "Towards Best Practice in Explaining Neural Network
Decisions with LRP", IJCNN 2020 (arXiv 1910.09840).

Conventions: a norm right behind a convolution is folded into it; where two tensors are added, as in
a residual block, each gets the part that it has in the sum, a / (a + b); averages likewise; the
largest of a max-pool takes all; ReLUs pass on. Biases keep their share, which is taken to come from
no voxel, so that sum M + share of the biases = start. How far that is missed is noted as
`conservation_error_relative`, and the biases' share as `bias_relevance_relative`, both as parts of
the start. With epsilon -> 0 and `start: logit` the epsilon rule is input x gradient (signed).
Recurrent layers, attention, layer norms and smooth activations have no such rule: refused.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vidsal.attribution._flow import Rules, Step
from vidsal.attribution._notes import note
from vidsal.attribution._relevance import send_back
from vidsal.errors import InputError
from vidsal.models import VideoModel

RULES = ("epsilon", "epsilon_plus")
STARTS = ("logit", "one")


def lrp(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    rule: str = "epsilon",
    start: str = "logit",
    epsilon: float = 1e-6,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), negative where it speaks against the class.

    Args:
        model: the network, of convolutions, linear layers, norms, pools and ReLUs.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        rule: "epsilon", or "epsilon_plus": z+ on convolutions, smoother and nearly without
            negative values.
        start: what is shared out, the "logit" or "one".
        epsilon: keeps the division away from 0; a larger one takes away weak and contradictory
            relevance, which then is missing in the sum.
    """
    return relevance(model, clip, target, rule=rule, start=start, epsilon=epsilon).sum(dim=0)


def relevance(
    model: VideoModel, clip: Tensor, target: int, *, rule: str, start: str, epsilon: float
) -> Tensor:
    """Return the relevance (C,T,H,W) of every number of a clip; the arguments are those of `lrp`.

    Raises:
        InputError: an option is unknown, or the network has a layer without a rule.
    """
    _check(rule, start, epsilon)
    kept: list[Tensor] = []
    sent = send_back(
        model, clip, target, _rules(rule, epsilon, kept), method="lrp", from_logit=start == "logit"
    )
    _note_conservation(sent.relevance, sent.start, kept)
    return sent.relevance


def _check(rule: str, start: str, epsilon: float) -> None:
    for name, value, known in (("rule", rule, RULES), ("start", start, STARTS)):
        if value not in known:
            raise InputError(
                f"{name} {value!r} in the options of lrp: unknown; take {' or '.join(known)}"
            )
    if epsilon <= 0:
        raise InputError(f"epsilon {epsilon} in the options of lrp: give a number above 0")


def _rules(rule: str, epsilon: float, kept: list[Tensor]) -> Rules:
    """Return the rules; what biases and other constants keep is added to `kept`."""

    def quotient(relevance: Tensor, z: Tensor, constant: Tensor | float) -> Tensor:
        ratio = relevance / (z + torch.where(z < 0, -epsilon, epsilon))
        kept.append((ratio * constant).sum())
        return ratio

    def weighted(step: Step, relevance: Tensor) -> Tensor:
        if rule == "epsilon_plus" and not step.linear:
            return _positive(step, lambda z, bias: quotient(relevance, z, bias))
        return step.leaf.detach() * step.pull(quotient(relevance, step.z, step.lifted()))

    def shared(
        call: Callable, inputs: list[Tensor], constant: object, relevance: Tensor
    ) -> list[Tensor]:
        with torch.enable_grad():
            leaves = [value.detach().requires_grad_() for value in inputs]
            made = call(*leaves)
        ratio = quotient(relevance, made.detach() + constant, constant)
        slopes = torch.autograd.grad(made, leaves, ratio)
        return [value * slope for value, slope in zip(inputs, slopes, strict=True)]

    return Rules(weighted, shared)


def _positive(step: Step, quotient: Callable) -> Tensor:
    """Return the relevance of x by the z+ rule; quotient is of (z+, b+)."""
    value = step.leaf.detach()
    bias = None if step.bias is None else step.bias.clamp(min=0)
    with torch.enable_grad():
        positive = value.clamp(min=0).requires_grad_()
        negative = value.clamp(max=0).requires_grad_()
        made = step.call(positive, step.weight.clamp(min=0), bias)
        made = made + step.call(negative, step.weight.clamp(max=0), None)
    lifted = 0.0 if bias is None else step.lifted().clamp(min=0)
    slopes = torch.autograd.grad(made, (positive, negative), quotient(made.detach(), lifted))
    return positive.detach() * slopes[0] + negative.detach() * slopes[1]


def _note_conservation(relevance: Tensor, start: Tensor, kept: list[Tensor]) -> None:
    whole, biases = start.item(), torch.stack(kept).double().sum().item()
    if whole:
        arrived = relevance.double().sum().item()
        note("conservation_error_relative", (arrived + biases - whole) / whole)
        note("bias_relevance_relative", biases / whole)
