"""Tokens of a video transformer laid out as maps, so that methods find feature maps in it."""

from __future__ import annotations

import torch
from torch import nn


class Fold(nn.Module):
    """Tokens (N,L,C) or (N,T,h,w,C) as maps (N,C,T,h,w); a place for hooks, nothing to learn."""

    def forward(self, tokens: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
        """Return the tokens as maps (N,C,T,h,w); shape is (T,h,w), T slowest."""
        return tokens.reshape(len(tokens), *shape, tokens.shape[-1]).permute(0, 4, 1, 2, 3)


def unfold(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (N,C,T,h,w) as (N,T,h,w,C)."""
    return maps.permute(0, 2, 3, 4, 1)
