"""Pooling for networks whose published windows are larger than the maps of small clips."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class MaxWithin(nn.Module):
    """Maximum over windows that shrink to the map where it is smaller than they are."""

    def __init__(self, window: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        """Take window and stride as (T,H,W)."""
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C,T',h',w') of maps (N,C,T,h,w)."""
        return functional.max_pool3d(maps, within(self.window, maps), self.stride)


class MeanWithin(nn.Module):
    """Mean over windows of stride 1 that shrink to the map where it is smaller than they are."""

    def __init__(self, window: tuple[int, int, int]) -> None:
        """Take the window as (T,H,W)."""
        super().__init__()
        self.window = window

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C,T',h',w') of maps (N,C,T,h,w)."""
        return functional.avg_pool3d(maps, within(self.window, maps), stride=1)


def within(window: tuple[int, int, int], maps: torch.Tensor) -> tuple[int, ...]:
    """Return a window (T,H,W) that is nowhere larger than maps (N,C,T,h,w)."""
    return tuple(min(pair) for pair in zip(window, maps.shape[2:], strict=True))
