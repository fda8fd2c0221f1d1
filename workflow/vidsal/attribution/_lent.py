"""A network that a library may work on as it likes: a copy, with random numbers of its own."""

from __future__ import annotations

import copy
import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from vidsal.attribution import _pass
from vidsal.models import VideoModel

log = logging.getLogger(__name__)


def copied(net: nn.Module) -> nn.Module:
    """Return a copy that shares parameters and buffers and overwrites no activation."""
    shared = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    made = copy.deepcopy(net, shared)
    for module in made.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return made


class _InTurn(nn.Module):
    """A module that runs several times in a pass, as several modules that take turns."""

    def __init__(self, module: nn.Module, times: int) -> None:
        super().__init__()
        self.turns = nn.ModuleList(copy.deepcopy(module) for _ in range(times))
        self.calls = 0

    def forward(self, value: Tensor) -> Tensor:
        self.calls += 1
        return self.turns[(self.calls - 1) % len(self.turns)](value)


def unshare(model: VideoModel, clip: Tensor) -> None:
    """Give every run of a module without parts or parameters a module of its own."""
    parts = [module for module in model.net.modules() if not list(module.children())]
    calls = {module: 0 for module in parts if not list(module.parameters())}

    def count(module: nn.Module, inputs: tuple, output: object) -> None:
        calls[module] += 1

    hooks = [module.register_forward_hook(count) for module in calls]
    with torch.no_grad():
        model.net(clip[None])
    _pass.PASSES.forward += 1
    for hook in hooks:
        hook.remove()
    for parent in list(model.net.modules()):
        for name, module in list(parent.named_children()):
            if calls.get(module, 0) > 1:
                setattr(parent, name, _InTurn(module, calls[module]))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed every source of random numbers; put NumPy's and Python's back.

    torch's own is put back by `untouched`.
    """
    before = np.random.get_state(), random.getstate()
    try:
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        yield
    finally:
        np.random.set_state(before[0])
        random.setstate(before[1])


@contextmanager
def heard() -> Iterator[None]:
    """Log the warnings of a library; most are about hooks, which here sit on a copy."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in sorted({str(one.message) for one in caught}):
        log.info("%s", " ".join(text.split()))
