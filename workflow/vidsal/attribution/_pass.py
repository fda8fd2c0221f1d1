"""One forward and one backward pass of a clip, shared by every method that needs no more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vidsal.errors import InputError
from vidsal.models import VideoModel


@dataclass
class Passes:
    """How many clips went forward and backward through a network, whatever the batch size."""

    forward: int = 0
    backward: int = 0


PASSES = Passes()


@dataclass(frozen=True)
class Pass:
    """What one forward and one backward pass of a clip yields.

    Attributes:
        logits: (K,).
        score: logit of the target class.
        gradient: ds/dx, (C,T,H,W).
        activations: A of each layer asked for, (C,T',h,w).
        gradients: G = ds/dA of each layer, same shape.
    """

    logits: Tensor
    score: float
    gradient: Tensor
    activations: dict[str, Tensor]
    gradients: dict[str, Tensor]


class _Memory:
    """Passes kept while `sharing` is open; the oldest is forgotten first."""

    def __init__(self, model: VideoModel, layers: tuple[str, ...], keep: int) -> None:
        self.model, self.layers, self.keep = model, layers, keep
        # The clip is kept beside its pass: its address is only its own as long as it lives.
        self.passes: OrderedDict[tuple, tuple[Tensor, Pass]] = OrderedDict()

    def find(self, clip: Tensor, target: int, layers: Sequence[str]) -> Pass | None:
        found = self.passes.get((*_place(clip), target))
        return found[1] if found and set(layers) <= set(found[1].activations) else None

    def store(self, clip: Tensor, target: int, made: Pass) -> None:
        self.passes[*_place(clip), target] = (clip, made)
        if len(self.passes) > self.keep:
            self.passes.popitem(last=False)


_OPEN: list[_Memory] = []


@contextmanager
def sharing(model: VideoModel, layers: Sequence[str] = (), keep: int = 64) -> Iterator[None]:
    """Let all `capture` calls for the same clip and target share one pass.

    Args:
        model: calls for other models are left alone.
        layers: layers that any of the calls will ask for, so that one pass holds them all.
        keep: passes held at a time; clips are known by their place in memory, so hand over the
            same tensor (or the same view of it), not a copy.
    """
    _OPEN.append(_Memory(model, tuple(layers), keep))
    try:
        yield
    finally:
        _OPEN.pop()


def capture(model: VideoModel, clip: Tensor, target: int, layers: Sequence[str] = ()) -> Pass:
    """Return logits, input gradient, and activations and gradients of layers, leaving no trace.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed, on the network's device.
        target: class whose logit is the score.
        layers: module paths in `model.net`.

    Raises:
        InputError: a layer or the class does not exist, or a layer has no (C,T',h,w) feature map.
    """
    memory = _OPEN[-1] if _OPEN and _OPEN[-1].model is model else None
    if memory is None:
        return _run(model, clip, target, tuple(layers))
    made = memory.find(clip, target, layers)
    if made is None:
        made = _run(model, clip, target, tuple(dict.fromkeys([*memory.layers, *layers])))
        memory.store(clip, target, made)
    return made


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


def check_target(logits: Tensor, target: int) -> None:
    """Refuse a class number that the logits (N,K) do not have.

    Raises:
        InputError: it is negative or too large.
    """
    if logits.ndim != 2 or not 0 <= target < logits.shape[1]:
        raise InputError(
            f"target class {target}: the network gives {tuple(logits.shape)} logits (N,K); "
            "take a class from 0 to K - 1"
        )


def _place(clip: Tensor) -> tuple:
    """Return what tells a clip from all others that live, and from itself after a change."""
    version = -1 if clip.is_inference() else clip._version
    return (clip.device, clip.data_ptr(), tuple(clip.shape), clip.stride(), version)


def _run(model: VideoModel, clip: Tensor, target: int, layers: tuple[str, ...]) -> Pass:
    batch = clip.detach()[None].requires_grad_()
    with untouched(model.net), backward_through_rnn(model.net), torch.enable_grad():
        with _listening(model, layers) as seen:
            logits = model.net(batch)
        check_target(logits, target)
        maps = [_single(seen, layer) for layer in layers]
        score = logits[0, target]
        gradient, *gradients = torch.autograd.grad(score, [batch, *maps], allow_unused=True)
    PASSES.forward += 1
    PASSES.backward += 1
    _check_used(layers, gradients)
    return Pass(
        logits=logits.detach()[0],
        score=score.item(),
        gradient=torch.zeros_like(clip) if gradient is None else gradient[0],
        activations={
            layer: _unfold(model, layer, value.detach())
            for layer, value in zip(layers, maps, strict=True)
        },
        gradients={
            layer: _unfold(model, layer, value)
            for layer, value in zip(layers, gradients, strict=True)
        },
    )


@contextmanager
def _listening(model: VideoModel, layers: tuple[str, ...]) -> Iterator[dict[str, list]]:
    """Collect what the layers put out."""
    modules = dict(model.net.named_modules())
    seen: dict[str, list] = {layer: [] for layer in layers}
    with ExitStack() as stack:
        for layer in layers:
            if layer not in modules or not layer:
                raise InputError(
                    f"layer {layer!r} in the options of a method: {model.name} has no such module; "
                    f"its feature maps are at {', '.join(model.cam_layers) or 'no known layer'}"
                )
            hook = modules[layer].register_forward_hook(_collector(seen[layer]))
            stack.callback(hook.remove)
        yield seen


def _collector(found: list) -> Callable:
    def hook(module: nn.Module, inputs: tuple, output: object) -> object:
        found.append(output)
        # A copy goes on: in-place layers that follow would overwrite what was just collected.
        return output.clone() if isinstance(output, Tensor) else output

    return hook


def _single(seen: dict[str, list], layer: str) -> Tensor:
    outputs = seen[layer]
    if len(outputs) != 1 or not isinstance(outputs[0], Tensor):
        what = "no tensor" if len(outputs) == 1 else f"{len(outputs)} outputs in one pass"
        raise InputError(
            f"layer {layer!r}: gives {what}, so it has no feature map; choose a convolutional layer"
        )
    return outputs[0]


def _check_used(layers: tuple[str, ...], gradients: list[Tensor | None]) -> None:
    for layer, gradient in zip(layers, gradients, strict=True):
        if gradient is None:
            raise InputError(
                f"layer {layer!r}: the score does not depend on it; choose a layer on the way from "
                "the input to the logits"
            )


def _unfold(model: VideoModel, layer: str, value: Tensor) -> Tensor:
    """Return a layer's values for one clip as (C,T',h,w)."""
    if value.ndim == 5 and len(value) == 1:
        return value[0]
    if value.ndim == 4 and model.frame_wise:
        return value.transpose(0, 1).contiguous()
    wanted = "(T,C,h,w)" if model.frame_wise else "(1,C,T,h,w)"
    raise InputError(
        f"layer {layer!r} of {model.name}: puts out {tuple(value.shape)}, which is no feature map "
        f"{wanted}; choose another layer"
    )


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
