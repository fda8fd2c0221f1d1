"""The unit of the cost of explaining: one forward pass and the gradient of the input of a clip.

Networks have random weights and frozen parameters. What is measured takes turns with the unit,
which is measured before and after it; its ratio counts, as the median over rounds. Seconds are CPU
seconds of this process, so that others on the machine disturb little; on a GPU, until it is done.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vidsal import registry
from vidsal.attribution import _pass
from vidsal.models import VideoModel

Way = Callable[[], object]
TARGET, CLASSES, SEED = 1, 400, 0


@dataclass(frozen=True)
class Setting:
    """What is measured: frames and side of a clip, rounds, where, and the batch size of ours."""

    length: int = 16
    side: int = 112
    rounds: int = 5
    device: str = "cpu"
    batch: int = 8

    def clip(self) -> Tensor:
        """Return a clip (C,T,H,W) of noise."""
        draw = torch.Generator().manual_seed(SEED)
        return torch.randn(3, self.length, self.side, self.side, generator=draw).to(self.device)

    def network(self, name: str) -> VideoModel:
        """Return a network for such clips with random weights, frozen."""
        torch.manual_seed(SEED)
        size = [self.side, self.side]
        model = registry.load("models", name)(CLASSES, size=size, length=self.length)
        model.net.eval().requires_grad_(False).to(self.device)
        return model


def forward_backward(model: VideoModel, clip: Tensor) -> Tensor:
    """Return ds/dx of a clip the plainest way."""
    batch = clip[None].requires_grad_()
    return torch.autograd.grad(model.net(batch)[0, TARGET], batch)[0]


def forward(model: VideoModel, clip: Tensor) -> Tensor:
    """Return the logits of a clip the plainest way."""
    with torch.inference_mode():
        return model.net(clip[None])


def seconds(way: Way, device: str = "cpu") -> float:
    """Return CPU seconds of one call, or seconds on a GPU."""
    if device == "cpu":
        start = time.process_time()
        way()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    way()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def ratios(ways: dict[str, Way], unit: Way, rounds: int, device: str = "cpu") -> dict[str, float]:
    """Return the cost of each way in units."""
    unit()
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        before = seconds(unit, device)
        for name, way in ways.items():
            spent = seconds(way, device)
            after = seconds(unit, device)
            found[name].append(2 * spent / (before + after))
            before = after
    return {name: statistics.median(values) for name, values in found.items()}


def passes(way: Way) -> tuple[float, float]:
    """Return the passes of a call, forward and backward."""
    before = _pass.PASSES.forward, _pass.PASSES.backward
    way()
    return (
        float(_pass.PASSES.forward - before[0]),
        float(_pass.PASSES.backward - before[1]),
    )


def short(found: dict) -> dict:
    """Return figures with three digits, in dictionaries too."""
    return {key: _short(value) for key, value in found.items()}


def _short(value: object) -> object:
    if isinstance(value, dict):
        return short(value)
    return float(f"{value:.3g}") if isinstance(value, float) else value
