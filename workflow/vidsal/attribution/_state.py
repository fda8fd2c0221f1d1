"""A network evaluated as it is, and given back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def untouched(net: nn.Module) -> Iterator[None]:
    """Evaluate with frozen parameters; put modes, flags and random state back afterwards."""
    modes = [(module, module.training) for module in net.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in net.parameters()]
    devices = sorted({p.device.index for p, _ in flags if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        try:
            net.eval()
            net.requires_grad_(False)
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            for parameter, flag in flags:
                parameter.requires_grad_(flag)


@contextmanager
def backward_through_rnn(net: nn.Module) -> Iterator[None]:
    """Run recurrent layers without cuDNN, whose backward refuses networks in evaluation mode.

    Only these layers: convolutions keep cuDNN, and training mode, the usual way around, would
    switch batch normalisation and dropout as well.
    """
    with ExitStack() as stack:
        for module in net.modules():
            if isinstance(module, nn.RNNBase):
                stack.enter_context(_without_cudnn(module))
        yield


@contextmanager
def _without_cudnn(module: nn.Module) -> Iterator[None]:
    """Switch cuDNN off whenever this module runs."""
    with ExitStack() as running:

        def enter(module: nn.Module, inputs: tuple) -> None:
            running.enter_context(torch.backends.cudnn.flags(enabled=False))

        def leave(module: nn.Module, inputs: tuple, output: object) -> None:
            running.close()

        before = module.register_forward_pre_hook(enter)
        after = module.register_forward_hook(leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()
