"""How exactly a network calculates while it is explained: float32, or a bfloat16 trunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vidsal.errors import InputError
from vidsal.models import VideoModel

KINDS = ("fp32", "bf16")
_OPEN = ["fp32"]


@contextmanager
def precision(kind: str) -> Iterator[None]:
    """Let networks calculate in "fp32", or in "bf16" up to their last feature layer.

    Raises:
        InputError: another kind.
    """
    if kind not in KINDS:
        raise InputError(f"numerics.precision {kind!r}: unknown; take {' or '.join(KINDS)}")
    _OPEN.append(kind)
    try:
        yield
    finally:
        _OPEN.pop()


def current() -> str:
    """Return the kind that is in force, "fp32" where nothing was said."""
    return _OPEN[-1]


@contextmanager
def trunk(model: VideoModel) -> Iterator[None]:
    """Calculate one forward pass of `model.net` in the precision in force; fp32 changes nothing.

    With "bf16" matrix products and convolutions run in bfloat16 (torch.autocast) up to the layer
    `model.cam_layers[0]`. Its output, and with it everything behind it and the logits, is float32:
    pooling and the last linear layer add up many numbers, and small differences of the score are
    what methods live on. Gradients of float32 inputs and layers are float32.
    """
    if _OPEN[-1] == "fp32":
        yield
        return
    kind = model.device.type
    hooks = _hooks(model, kind)
    try:
        # The cache of cast weights would outlive a change of the weights inside.
        with torch.autocast(kind, dtype=torch.bfloat16, cache_enabled=False):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def arranged(batch: Tensor) -> Tensor:
    """Return a batch (N,C,T,H,W) or (N,C,H,W) in the order of memory that bfloat16 is fast in."""
    if _OPEN[-1] == "fp32":
        return batch
    order = torch.channels_last_3d if batch.ndim == 5 else torch.channels_last
    return batch.to(memory_format=order)


def _hooks(model: VideoModel, kind: str) -> list:
    """Arrange the input, leave bfloat16 behind the last feature layer, give float32 logits."""
    # Before the hooks of those who listen to the layer, so that they get float32 as well.
    hooks = [
        model.net.register_forward_pre_hook(_arrange, prepend=True),
        model.net.register_forward_hook(_float, prepend=True),
    ]
    if model.cam_layers:
        last = model.net.get_submodule(model.cam_layers[0])
        hooks.append(last.register_forward_hook(_leaving(kind), prepend=True))
    return hooks


def _arrange(module: nn.Module, inputs: tuple) -> tuple:
    return tuple(arranged(value) if isinstance(value, Tensor) else value for value in inputs)


def _float(module: nn.Module, inputs: tuple, output: object) -> object:
    return output.float() if isinstance(output, Tensor) else output


def _leaving(kind: str) -> Callable:
    def hook(module: nn.Module, inputs: tuple, output: object) -> object:
        torch.set_autocast_enabled(kind, False)
        return _float(module, inputs, output)

    return hook
