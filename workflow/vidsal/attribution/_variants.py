"""Scores and gradients of many variants of one clip, in batches of a number set from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import torch
from torch import Tensor

from vidsal.attribution import _pass
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


def scores(
    model: VideoModel, variants: Iterable[Tensor], target: int, batch_size: int | None = None
) -> Tensor:
    """Return the target's logit of each variant (C,T,H,W), as (n,)."""
    found = []
    for clips in _batches(variants, batch_size or _SIZES[-1]):
        with _pass.untouched(model.net), torch.inference_mode():
            logits = model.net(clips)
        _pass.check_target(logits, target)
        _pass.PASSES.forward += len(clips)
        found.append(logits[:, target])
    # A plain tensor, since one made in inference mode is refused by autograd later on.
    return torch.cat(found).clone()


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
            logits = model.net(clips)
            _pass.check_target(logits, target)
            # In evaluation mode a clip's logits depend on that clip alone, so the gradient of the
            # sum is every clip's own gradient.
            (found,) = torch.autograd.grad(logits[:, target].sum(), clips)
        _pass.PASSES.forward += len(clips)
        _pass.PASSES.backward += len(clips)
        yield from found


def _batches(variants: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    rest = iter(variants)
    while clips := list(islice(rest, size)):
        yield torch.stack(clips).detach()
