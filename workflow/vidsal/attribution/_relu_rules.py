"""One backward pass in which every ReLU follows another rule than the derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vidsal.attribution import _pass, _precision
from vidsal.errors import InputError
from vidsal.models import VideoModel

# (what arrives from above, what the derivative makes of it) -> what goes on
Rule = Callable[[Tensor, Tensor], Tensor]


def backward(name: str, model: VideoModel, clip: Tensor, target: int, rule: Rule) -> Tensor:
    """Return what arrives at the input (C,T,H,W) when the score is sent back by the rule.

    The rule is applied where autograd takes the derivative of a ReLU, so that it holds for modules
    and functions, in place or not, used once or often, and nothing is hung into the network.

    Args:
        name: method to be named in a refusal.
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class whose logit is the score.
        rule: applied at every ReLU.

    Raises:
        InputError: the network has no ReLU, or no such class.
    """
    batch, ruled = clip.detach()[None].requires_grad_(), _Ruled(rule)
    with _pass.untouched(model.net), _pass.backward_through_rnn(model.net), torch.enable_grad():
        with _precision.trunk(model):
            logits = model.net(batch)
        _pass.check_target(logits, target)
        with ruled:
            (found,) = torch.autograd.grad(logits[0, target], batch)
    _pass.PASSES.forward += 1
    _pass.PASSES.backward += 1
    if not ruled.met:
        raise InputError(
            f"{name} cannot explain {model.name}: it has no ReLU, the only thing that the method "
            "changes; take gradient or integrated_gradients"
        )
    return found[0]


class _Ruled(TorchDispatchMode):
    """While open, derivatives of ReLUs go through the rule; counts them."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule, self.met = rule, 0

    def __torch_dispatch__(
        self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        made = func(*args, **(kwargs or {}))
        if func is not torch.ops.aten.threshold_backward.default:
            return made
        self.met += 1
        return self.rule(args[0], made)
