"""One pass of a clip whose way back carries relevance in place of derivatives."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from vidsal.attribution._flow import Flow, Rules
from vidsal.attribution._maps import unfold
from vidsal.attribution._pass import PASSES, check_target
from vidsal.attribution._state import untouched
from vidsal.attribution._taps import listening
from vidsal.errors import InputError
from vidsal.models import VideoModel

# Modules known beforehand to have no rule.
REFUSED = (
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.ELU,
    nn.Softplus,
)


def send_back(
    model: VideoModel,
    clip: Tensor,
    target: int,
    rules: Rules,
    *,
    method: str,
    layer: str | None = None,
    from_logit: bool = False,
    negate: int = 0,
) -> SimpleNamespace:
    """Run a clip and send relevance back from the target's logit.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        rules: how relevance is shared.
        method: for messages.
        layer: module path to which relevance is sent, the clip when not given.
        from_logit: start with the logit, else with 1.
        negate: which affine layer (1, 2, ... in the order of the run) to turn around, 0 none.

    Returns:
        relevance (C,T',h,w), start (), steps (how many affine layers there were).

    Raises:
        InputError: for some part of the network there is no rule.
    """
    refuse_without_rules(model, method)
    refuse = _refusing(model, method)
    batch = clip.detach()[None].requires_grad_()
    flow = Flow(refuse, rules, negate)
    with untouched(model.net), torch.enable_grad():
        with listening(model, [layer] if layer else [], (), True) as taps, flow:
            logits = model.net(batch)
        check_target(logits, target)
        taps.check([layer] if layer else [])
        score = logits[0, target]
        start = score.detach() if from_logit else torch.ones_like(score)
        place = taps.layers[layer] if layer else batch
        (found,) = torch.autograd.grad(score, place, start, allow_unused=True)
    PASSES.forward += 1
    PASSES.backward += 1
    if found is None:
        raise refuse(f"its logits do not depend on {layer or 'the clip'}")
    found = unfold(model, layer, found, tuple(clip.shape[1:])) if layer else found[0]
    return SimpleNamespace(relevance=found, start=start, steps=flow.steps)


def refuse_without_rules(model: VideoModel, method: str) -> None:
    """Refuse a network that shows beforehand that it has layers without a rule.

    Raises:
        InputError: it has recurrent layers, attention, layer norms or smooth activations.
    """
    found = {type(module).__name__ for module in model.net.modules() if isinstance(module, REFUSED)}
    if found:
        reason = f"there is no rule for its {', '.join(sorted(found))}"
        raise _refusing(model, method)(reason)


def _refusing(model: VideoModel, method: str) -> Callable[[str], InputError]:
    def refuse(reason: str) -> InputError:
        return InputError(
            f"{method} cannot explain {model.name}: {reason}; take integrated_gradients or "
            "grad_cam, or for a transformer attention_relevance"
        )

    return refuse
