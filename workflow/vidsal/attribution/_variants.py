"""Answers and gradients for many variants of a clip, in batches of a number set from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice

import torch
from torch import Tensor

from vidsal.attribution import _frames, _pass, _precision
from vidsal.attribution._contrast import refuse_contrast
from vidsal.models import VideoModel

_SIZES = [8]


@contextmanager
def batch(size: int) -> Iterator[None]:
    """Let variants run through the network `size` at a time."""
    if size < 1:
        raise ValueError(f"batch size {size}")
    _SIZES.append(size)
    try:
        yield
    finally:
        _SIZES.pop()


def batch_size() -> int:
    """Return how many variants run through the network at a time."""
    return _SIZES[-1]


def scores(
    model: VideoModel, variants: Iterable[Tensor], target: int, batch_size: int | None = None
) -> Tensor:
    """Return the target's logit of each variant (C,T,H,W), as (n,)."""
    found = _answers(model, variants, batch_size or _SIZES[-1], target)
    return torch.cat([logits[:, target] for logits in found]).clone()


def probabilities(
    model: VideoModel, variants: Iterable[Tensor], target: int, batch_size: int | None = None
) -> Tensor:
    """Return the target's softmax probability for each variant (C,T,H,W), as (n,).

    Raises:
        InputError: the target is a contrast of two classes, which has none.
    """
    refuse_contrast(model, "this method", "it asks for probabilities", "occlusion or lime")
    found = _answers(model, variants, batch_size or _SIZES[-1], target)
    return torch.cat([logits.softmax(dim=-1)[:, target] for logits in found]).clone()


def logits(model: VideoModel, variants: Iterable[Tensor], batch_size: int | None = None) -> Tensor:
    """Return all logits of each variant (C,T,H,W), as (n,K)."""
    # A plain tensor, since one made in inference mode is refused by autograd later on.
    return torch.cat(list(_answers(model, variants, batch_size or _SIZES[-1]))).clone()


def gradients(
    model: VideoModel, variants: Iterable[Tensor], target: int, batch_size: int | None = None
) -> Iterator[Tensor]:
    """Yield ds/dx (C,T,H,W) of each variant, in order; only one batch is held."""
    for clips in _batches(variants, batch_size or _SIZES[-1]):
        clips.requires_grad_()
        with (
            _pass.untouched(model.net),
            _pass.backward_through_rnn(model.net),
            torch.enable_grad(),
        ):
            with _precision.trunk(model):
                logits = model.net(clips)
            _pass.check_target(logits, target)
            # In evaluation mode a clip's logits depend on that clip alone, so the gradient of the
            # sum is every clip's own gradient.
            (found,) = torch.autograd.grad(logits[:, target].sum(), clips)
        _pass.PASSES.forward += len(clips)
        _pass.PASSES.backward += len(clips)
        yield from found


def _answers(
    model: VideoModel, variants: Iterable[Tensor], size: int, target: int | None = None
) -> Iterator[Tensor]:
    """Yield the logits (n,K) of each batch, nothing of which is read back from the device."""
    known = _frames.memory(model)
    for clips in _batches(variants, size):
        with _pass.untouched(model.net), torch.inference_mode():
            found = _ask(model, clips) if known is None else _recall(known, clips)
        if target is not None:
            _pass.check_target(found, target)
        yield found


def _ask(model: VideoModel, clips: Tensor) -> Tensor:
    with _precision.trunk(model):
        logits = model.net(clips)
    _pass.PASSES.forward += len(clips)
    return logits


def _recall(known: _frames.Memory, clips: Tensor) -> Tensor:
    before = known.looked
    logits = known.answer(clips)
    # Exact: the sum over batches of sevenths of a pass must not depend on how many there were.
    _pass.PASSES.forward += Fraction(known.looked - before, clips.shape[2])
    return logits


def _batches(variants: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    rest = iter(variants)
    while clips := list(islice(rest, size)):
        yield torch.stack(clips).detach()
