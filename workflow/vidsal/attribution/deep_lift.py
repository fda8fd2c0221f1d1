"""DeepLIFT: the change of the score against a baseline, shared out layer by layer.

P(t,y,x) = sum_c (x - b) m, m the multiplier of the input: the gradient of the score in which every
nonlinearity has its slope between baseline and clip, (f(x) - f(x0)) / (x - x0), in place of its
derivative. M = |P| by default. Shrikumar et al., "Learning Important Features Through Propagating
Activation Differences", ICML 2017 (arXiv 1704.02685), rescale rule; a max-pool hands the change of
its maximum to the place that made it (`_deep_lift`). sum P = s(x) - s(b) exactly, for two passes
forward and one backward. Over several baselines the mean (DeepSHAP).

Layers in which activations multiply each other (LSTM, attention, norms of single clips) have no
such slope: networks with them are refused, and so are sums that miss the change of the score. In
float32 whatever the precision: slopes are quotients of small differences. Notes
`completeness_error` and `completeness_error_relative`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution import _deep_lift, _pass
from vidsal.attribution._clips import baselines
from vidsal.attribution._completeness import note_error
from vidsal.errors import InputError
from vidsal.models import VideoModel

# Rounding stays far below: parts of the change itself, and of all that adds up to it.
PART, PART_OF_ALL = 0.01, 1e-4


def deep_lift(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    baseline: str = "black",
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network; not one with an LSTM or attention.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        baseline: what the clip is compared with: "black", "mean" (the mean colour, 0 in network
            space), "blurred", "temporal_mean" or "frozen_frame" of the clip itself; or the path of
            another clip, or of a folder of clips: videos, folders of pictures, or .npy files with
            frames uint8 (T,H,W,3) or a preprocessed clip (C,T,H,W). Over several clips P is the
            mean.
        absolute: the size of a contribution, for or against; else signed, for the class positive.
    """
    starts = baselines(model, clip, baseline)
    try:
        _deep_lift.refuse_modules(model.net)
        found = [_contributions(model, clip, start, target) for start in starts]
    except _deep_lift.NotRescaled as reason:
        raise InputError(_refusal(model, str(reason))) from reason
    total = torch.stack([one for one, _ in found]).mean(dim=0)
    expected = sum(change for _, change in found) / len(found)
    product = total.sum(dim=0)
    error = note_error(product, expected)
    if abs(error) > PART * abs(expected) + PART_OF_ALL * total.abs().sum().item():
        off = f"contributions add up to {expected + error:.4g}, the score changes by {expected:.4g}"
        raise InputError(_refusal(model, f"{off}: it has a nonlinearity without a rule"))
    return product.abs() if absolute else product


def _contributions(
    model: VideoModel, clip: Tensor, start: Tensor, target: int
) -> tuple[Tensor, float]:
    """Return (x - b) times the multipliers (C,T,H,W), and s(x) - s(b)."""
    batch, watching = clip.detach()[None].requires_grad_(), _deep_lift.Watching()
    with _pass.untouched(model.net):
        with torch.no_grad(), watching:
            before = model.net(start[None].contiguous())
        _pass.check_target(before, target)
        with torch.enable_grad(), _deep_lift.Rescaling(watching.entered):
            after = model.net(batch)
        (multipliers,) = torch.autograd.grad(after[0, target], batch)
    _pass.PASSES.forward += 2
    _pass.PASSES.backward += 1
    change = (after[0, target] - before[0, target]).item()
    return (clip - start) * multipliers[0], change


def _refusal(model: VideoModel, reason: str) -> str:
    return f"deep_lift cannot explain {model.name}: {reason}; take integrated_gradients"
