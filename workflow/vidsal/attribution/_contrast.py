"""Why this class and not that one: the difference of two logits as one more logit of a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vidsal.errors import InputError
from vidsal.models import VideoModel

_OPEN: list[nn.Module] = []


@contextmanager
def contrasted(model: VideoModel, target: int, against: int | None, count: int) -> Iterator[int]:
    """Yield the number of the logit to explain: `target`, or that of s_target - s_against.

    The difference is put behind the network's own logits, so that every method takes it for one
    more class. For as long as this is open the network is of a class derived from its own: module
    paths stay what they are, no hook is seen by anybody, and copies of the network have it too.

    Args:
        model: the network.
        target: class whose logit counts.
        against: class whose logit is taken off; None leaves the network alone.
        count: number of the network's classes, K.
    """
    if against is None:
        yield target
        return
    net, own = model.net, type(model.net)
    _OPEN.append(net)
    net.__class__ = _derived(own, target, against, count)
    try:
        yield count
    finally:
        net.__class__ = own
        _OPEN.pop()


def refuse_contrast(model: VideoModel, method: str, why: str, instead: str) -> None:
    """Refuse to explain a difference of two classes of a network.

    Raises:
        InputError: that is what is explained.
    """
    if any(net is model.net for net in _OPEN):
        raise InputError(
            f"{method} cannot explain {model.name} by a contrast of two classes: {why}; "
            f"take {instead}, or explain one class"
        )


def _derived(own: type, target: int, against: int, count: int) -> type:
    """Return the class of networks whose logits (N,K) have the difference behind them."""

    def appended(logits: Tensor) -> Tensor:
        # A network whose frames meet in its head comes by twice: from the head, and at the end.
        if logits.shape[-1] != count:
            return logits
        difference = logits[..., target] - logits[..., against]
        return torch.cat([logits, difference[..., None]], dim=-1)

    def forward(self: nn.Module, *args: object, **kwargs: object) -> Tensor:
        return appended(own.forward(self, *args, **kwargs))

    def from_frame_features(self: nn.Module, features: Tensor) -> Tensor:
        return appended(own.from_frame_features(self, features))

    body = {"forward": forward, "__module__": own.__module__, "__doc__": own.__doc__}
    if hasattr(own, "from_frame_features"):
        body["from_frame_features"] = from_frame_features
    return type(own.__name__, (own,), body)
