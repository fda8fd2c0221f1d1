"""What is kept of a forward pass while it runs: outputs of layers, and what collectors find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from torch import Tensor, nn

from vidsal.errors import InputError
from vidsal.models import VideoModel


class Keep(Protocol):
    """What a collector calls for each tensor that it wants to have after the pass."""

    def __call__(self, name: str, value: Tensor, gradient: bool = True) -> Tensor:
        """Keep a tensor (of several of a name the last) and return what the network goes on with.

        Args:
            name: a key of `Pass.extra`.
            value: the tensor.
            gradient: whether ds/dvalue is wanted.
        """


# Opened around the forward pass of `capture`; sets hooks or puts functions in place that call
# `keep`, and takes them away again. On networks where there is nothing to collect it keeps nothing:
# the method that misses it refuses, and those that share the pass go on. It is known by itself: a
# function of a module, so that the same pass can be found again.
Collector = Callable[[VideoModel, Keep], AbstractContextManager]


class Taps:
    """What is kept of a forward pass while it runs."""

    def __init__(self, recorded: bool) -> None:
        """Say whether gradients will be asked for."""
        self.recorded = recorded
        self.layers: dict[str, Tensor] = {}
        self.extra: dict[str, Tensor] = {}
        self.wanted: dict[str, None] = {}

    def keep(self, name: str, value: Tensor, gradient: bool = True) -> Tensor:
        """Keep a tensor for a collector, see `Keep`."""
        self.wanted.pop(name, None)
        if gradient:
            value = self._start(value)
            self.wanted[name] = None
        self.extra[name] = value
        return value

    def hook(self, layer: str) -> Callable:
        """Return a forward hook that keeps what a layer puts out."""

        def hook(module: nn.Module, inputs: tuple, output: object) -> object:
            value = first(output)
            self.layers.pop(layer, None)
            if value is None:
                return output
            self.layers[layer] = self._start(value)
            # A copy goes on: in-place layers that follow would overwrite what was just kept.
            copy = self.layers[layer].clone()
            return (copy, *output[1:]) if isinstance(output, tuple) else copy

        return hook

    def check(self, layers: Sequence[str]) -> None:
        """Refuse layers that gave nothing."""
        for layer in layers:
            if layer not in self.layers:
                raise InputError(
                    f"layer {layer!r}: gives nothing, so it has no feature map; choose a "
                    "convolutional layer"
                )

    def _start(self, value: Tensor) -> Tensor:
        """Return the tensor with a way back to it; it starts here when nothing before has one."""
        if not self.recorded or value.requires_grad:
            return value
        return value.detach().requires_grad_()


def first(output: object) -> Tensor | None:
    """Return what a module puts out, the first of several; None when that is no tensor."""
    value = output[0] if isinstance(output, tuple) and output else output
    return value if isinstance(value, Tensor) else None


@contextmanager
def listening(
    model: VideoModel, layers: Sequence[str], extra: Sequence[Collector], recorded: bool
) -> Iterator[Taps]:
    """Keep what layers put out, and what collectors collect.

    Args:
        model: the network.
        layers: module paths in it.
        extra: the collectors.
        recorded: whether gradients will be asked for.

    Raises:
        InputError: there is no such layer.
    """
    modules = dict(model.net.named_modules())
    taps = Taps(recorded)
    with ExitStack() as stack:
        for layer in layers:
            if layer not in modules or not layer:
                raise InputError(
                    f"layer {layer!r} in the options of a method: {model.name} has no such module; "
                    f"its feature maps are at {', '.join(model.cam_layers) or 'no known layer'}"
                )
            stack.callback(modules[layer].register_forward_hook(taps.hook(layer)).remove)
        for collector in extra:
            stack.enter_context(collector(model, taps.keep))
        yield taps
