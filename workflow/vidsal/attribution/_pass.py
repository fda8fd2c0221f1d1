"""One forward and at most one backward pass of a clip, shared by every method that needs no more.

What a method asks for decides how far back the pass goes: to the input, only to the layers it looks
at (what lies before them is not even recorded, so that the pass costs little more than a forward),
or nowhere. So that methods that share a pass know what it must hold, the file of a method that sets
`SHARED_PASS = True` says how far it goes back in a constant `BACK` ("input" when it says nothing),
and which tensors besides layers it wants in `COLLECT`, a collector (see `_taps`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from vidsal.attribution import _precision
from vidsal.attribution._maps import unfold
from vidsal.attribution._memory import BACK as BACK
from vidsal.attribution._memory import Memory, Wish
from vidsal.attribution._state import backward_through_rnn, untouched
from vidsal.attribution._taps import Collector, Taps, listening
from vidsal.errors import InputError
from vidsal.models import VideoModel

INPUT = "the input"


@dataclass
class Passes:
    """How many clips went forward and backward through a network, whatever the batch size.

    A backward pass counts as one however far back it goes.
    """

    forward: int = 0
    backward: int = 0


PASSES = Passes()


@dataclass(frozen=True)
class Pass:
    """What one forward and one backward pass of a clip yields.

    Attributes:
        logits: (K,).
        score: logit of the target class.
        gradient: ds/dx, (C,T,H,W); None when the pass did not go back to the input.
        activations: A of each layer asked for, (C,T',h,w).
        gradients: G = ds/dA of each layer, same shape; empty when there was no way back.
        extra: what collectors kept, by name, as the network has it.
        extra_gradients: ds/d of each of them that asked for it, 0 where the score does not depend
            on it; empty when there was no way back.
    """

    logits: Tensor
    score: float
    gradient: Tensor | None
    activations: dict[str, Tensor]
    gradients: dict[str, Tensor]
    extra: dict[str, Tensor]
    extra_gradients: dict[str, Tensor]


_OPEN: list[Memory[Pass]] = []


@contextmanager
def sharing(
    model: VideoModel,
    layers: Sequence[str] = (),
    keep: int = 64,
    *,
    back: str = "input",
    extra: Sequence[Collector] = (),
) -> Iterator[None]:
    """Let all `capture` and `observe` calls for the same clip and target share one pass.

    Args:
        model: calls for other models are left alone.
        layers: layers that any of the calls will ask for, so that one pass holds them all.
        keep: passes held at a time; clips are known by their place in memory, so hand over the
            same tensor (or the same view of it), not a copy.
        back: how far back any of the calls will go, of BACK: "input", "layers" or "nothing".
        extra: collectors that any of the calls will ask for.
    """
    _OPEN.append(Memory(model, Wish(tuple(layers), back, tuple(extra)), keep, _run))
    try:
        yield
    finally:
        _OPEN.pop()


def capture(
    model: VideoModel,
    clip: Tensor,
    target: int,
    layers: Sequence[str] = (),
    *,
    gradient: bool = True,
    extra: Sequence[Collector] = (),
) -> Pass:
    """Return logits, input gradient, and activations and gradients of layers, leaving no trace.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed, on the network's device.
        target: class whose logit is the score.
        layers: module paths in `model.net`; of a module that runs several times its last output.
        gradient: whether the input gradient is wanted; without it the backward pass ends at the
            layers (`BACK = "layers"`).
        extra: collectors of other tensors of the same pass.

    Raises:
        InputError: a layer or the class does not exist, or a layer has no (C,T',h,w) feature map.
    """
    back = "input" if gradient else "layers"
    return _get(model, clip, target, Wish(tuple(layers), back, tuple(extra)))


def observe(
    model: VideoModel,
    clip: Tensor,
    target: int,
    layers: Sequence[str] = (),
    *,
    extra: Sequence[Collector] = (),
) -> Pass:
    """Return logits and activations of layers, without any way back (`BACK = "nothing"`).

    The arguments are those of `capture`; gradients may be there, when others share the pass.
    """
    return _get(model, clip, target, Wish(tuple(layers), "nothing", tuple(extra)))


def record(
    model: VideoModel,
    clip: Tensor,
    target: int,
    layers: Sequence[str],
    *,
    extra: Sequence[Collector] = (),
) -> tuple[Pass, dict[str, Tensor]]:
    """Return a pass without way back, and the layers' outputs on the graph that made them.

    The outputs are as the network has them; `grad_fn` leads from each of them back to the input.
    The arguments are those of `capture`; such a pass is never shared.
    """
    wish = Wish(tuple(layers), "input", tuple(extra))
    with untouched(model.net), backward_through_rnn(model.net):
        batch, logits, taps = _forward(model, clip, target, wish)
    return _pass(model, batch, logits[0], target, taps, {}), taps.layers


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


def _get(model: VideoModel, clip: Tensor, target: int, wish: Wish) -> Pass:
    if _OPEN and _OPEN[-1].model is model:
        return _OPEN[-1].get(clip, target, wish)
    return _run(model, clip, target, wish)


def _run(model: VideoModel, clip: Tensor, target: int, wish: Wish) -> Pass:
    with untouched(model.net), backward_through_rnn(model.net):
        batch, logits, taps = _forward(model, clip, target, wish)
        slopes = {} if wish.back == "nothing" else _slopes(logits, target, batch, taps)
    PASSES.backward += bool(slopes)
    return _pass(model, batch, logits[0], target, taps, slopes)


def _forward(
    model: VideoModel, clip: Tensor, target: int, wish: Wish
) -> tuple[Tensor, Tensor, Taps]:
    """Return the clip as a batch, its logits (1,K) and what was kept on the way."""
    recorded = wish.back != "nothing"
    batch = clip.detach()[None].requires_grad_(wish.back == "input")
    listener = listening(model, wish.layers, wish.extra, recorded)
    with torch.set_grad_enabled(recorded), listener as taps, _precision.trunk(model):
        logits = model.net(batch)
    PASSES.forward += 1
    check_target(logits, target)
    taps.check(wish.layers)
    return batch, logits, taps


def _slopes(logits: Tensor, target: int, batch: Tensor, taps: Taps) -> dict[object, Tensor]:
    """Return ds/d of the input (where it is wanted), the layers and the extra tensors."""
    places: dict[object, Tensor] = {INPUT: batch} if batch.requires_grad else {}
    places |= {("layer", name): value for name, value in taps.layers.items()}
    places |= {("extra", name): taps.extra[name] for name in taps.wanted}
    found: Sequence[Tensor | None] = [None] * len(places)
    if places and logits.requires_grad:
        with torch.enable_grad():
            score = logits[0, target]
            found = torch.autograd.grad(score, list(places.values()), allow_unused=True)
    _check_used(places, found)
    return {
        place: torch.zeros_like(places[place]) if slope is None else slope
        for place, slope in zip(places, found, strict=True)
    }


def _pass(
    model: VideoModel,
    batch: Tensor,
    logits: Tensor,
    target: int,
    taps: Taps,
    slopes: dict[object, Tensor],
) -> Pass:
    shape = tuple(batch.shape[2:])
    return Pass(
        logits=logits.detach(),
        score=logits[target].item(),
        gradient=slopes[INPUT][0] if INPUT in slopes else None,
        activations={
            layer: unfold(model, layer, value.detach().to(batch.dtype), shape)
            for layer, value in taps.layers.items()
        },
        gradients={
            layer: unfold(model, layer, slopes["layer", layer].to(batch.dtype), shape)
            for layer in taps.layers
            if slopes
        },
        extra={name: value.detach() for name, value in taps.extra.items()},
        extra_gradients={name: slopes["extra", name] for name in taps.wanted if slopes},
    )


def _check_used(places: dict[object, Tensor], slopes: Sequence[Tensor | None]) -> None:
    for place, slope in zip(places, slopes, strict=True):
        if slope is None and isinstance(place, tuple) and place[0] == "layer":
            raise InputError(
                f"layer {place[1]!r}: the score does not depend on it; choose a layer on the way "
                "from the input to the logits"
            )
