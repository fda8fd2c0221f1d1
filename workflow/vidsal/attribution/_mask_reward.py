"""What masks are asked: does the network still know the class from what they leave of a clip?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from vidsal.attribution import _pass, _precision, _variants
from vidsal.attribution._mask_perturbation import Perturbation
from vidsal.attribution._state import backward_through_rnn, untouched
from vidsal.errors import InputError
from vidsal.models import VideoModel

VARIANTS = ("preserve", "delete", "dual")


@contextmanager
def reward(
    model: VideoModel, seen: Perturbation, target: int, variant: str
) -> Iterator[Callable[[Tensor], tuple[Tensor, Tensor]]]:
    """Give a function: masks (n,T,H,W) -> loss (n,) and its derivative in the masks (n,T,H,W).

    The loss is -log p of the target where the mask shows ("preserve"), -log (1 - p) where it hides
    ("delete": the mask is what is taken away), or the sum of both ("dual", twice the passes). Masks
    go through the network in batches of the size in force. The network stays frozen and in
    evaluation mode until the context ends.

    Raises:
        InputError: another variant, or the network has no such class.
    """
    if variant not in VARIANTS:
        raise InputError(
            f"variant {variant!r} in the options of a method: unknown; take {', '.join(VARIANTS)}"
        )

    def ask(masks: Tensor, kept: bool) -> tuple[Tensor, Tensor]:
        found = [
            _batch(model, seen, part if kept else 1 - part, target, kept)
            for part in masks.split(_variants.batch_size())
        ]
        loss, slope = (torch.cat(values) for values in zip(*found, strict=True))
        return loss, slope if kept else -slope

    def both(masks: Tensor) -> tuple[Tensor, Tensor]:
        masks = masks.detach()
        if variant != "dual":
            return ask(masks, variant == "preserve")
        (shown, up), (hidden, down) = ask(masks, True), ask(masks, False)
        return shown + hidden, up + down

    with untouched(model.net), backward_through_rnn(model.net):
        yield both


def _batch(
    model: VideoModel, seen: Perturbation, masks: Tensor, target: int, kept: bool
) -> tuple[Tensor, Tensor]:
    masks = masks.clone().requires_grad_()
    with torch.enable_grad():
        with _precision.trunk(model):
            logits = model.net(seen(masks))
        _pass.check_target(logits, target)
        loss = _loss(logits, target, kept)
        # In evaluation mode a clip's logits depend on that clip alone.
        (slope,) = torch.autograd.grad(loss.sum(), masks)
    _pass.PASSES.forward += len(masks)
    _pass.PASSES.backward += len(masks)
    return loss.detach(), slope


def _loss(logits: Tensor, target: int, kept: bool) -> Tensor:
    whole = logits.logsumexp(dim=1)
    if kept:
        return whole - logits[:, target]
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1)
    return whole - others.logsumexp(dim=1)
