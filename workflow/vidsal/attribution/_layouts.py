"""Where the queries and keys of an attention layer lie on the grid of its tokens.

Rows are weights of tokens, (S,B,N): S rows that are followed together, B clips, or frames that are
looked at one by one, N tokens: first those that stand for no place (a class token), then the cells
of the grid, T slowest. A layout takes rows of what leaves the layer back to what enters it, without
matrices of N x N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Sides = tuple[int, int, int]


@dataclass(frozen=True)
class Pool:
    """Windows over a grid whose cells become one: size, stride, padding, each (T,H,W).

    With `rest`, what does not fill a window at the end of an axis is one nevertheless.
    """

    window: Sides = (1, 1, 1)
    stride: Sides = (1, 1, 1)
    padding: Sides = (0, 0, 0)
    rest: bool = False

    def made(self, grid: Sides) -> Sides:
        """Return how many windows there are."""
        return tuple(self._count(axis, size) for axis, size in enumerate(grid))

    def back(self, rows: Tensor, grid: Sides) -> Tensor:
        """Return rows (S,B,N') of windows as rows (S,B,N) of cells, each shared evenly by its own.

        Windows are boxes: what a cell gets is a product of what its frame, row and column get.
        """
        made = self.made(grid)
        places = rows.shape[2] - math.prod(made)
        cells = rows[:, :, places:].unflatten(2, made)
        shares = [self._shares(axis, grid[axis]).to(rows) for axis in range(3)]
        cells = torch.einsum("sbijk,it,jh,kw->sbthw", cells, *shares)
        return torch.cat([rows[:, :, :places], cells.flatten(2)], dim=2)

    def _shares(self, axis: int, size: int) -> Tensor:
        """Return the part of every cell of an axis in each window's mean, (windows, size)."""
        wide, step, edge = self.window[axis], self.stride[axis], self.padding[axis]
        first = torch.arange(self._count(axis, size))[:, None] * step - edge
        cell = torch.arange(size)
        inside = ((first <= cell) & (cell < first + wide)).double()
        return inside / inside.sum(dim=1, keepdim=True)

    def _count(self, axis: int, size: int) -> int:
        free = size + 2 * self.padding[axis] - self.window[axis]
        return (-(-free // self.stride[axis]) if self.rest else free // self.stride[axis]) + 1


@dataclass(frozen=True)
class Plain:
    """Every token asks every token."""

    grid: Sides

    @property
    def made(self) -> Sides:
        """The grid of what leaves the layer."""
        return self.grid

    def ask(self, rows: Tensor) -> Tensor:
        """Return rows (S,B,N) of what leaves the layer as rows (S,W,Nq) of queries."""
        return rows

    def keys(self, rows: Tensor) -> Tensor:
        """Return rows (S,W,Nk) of keys as rows (S,B,N) of what enters the layer."""
        return rows

    def skip(self, rows: Tensor) -> Tensor:
        """Return rows (S,W,Nq) of queries as rows of what enters, along the shortcut."""
        return rows

    def real(self, weights: Tensor) -> Tensor:
        """Return 1 for keys that are tokens and 0 for those that fill a window, (W,1,Nk)."""
        return weights.new_ones(1, 1, 1)


@dataclass(frozen=True)
class Pooled(Plain):
    """Keys, and what leaves the layer, are pooled tokens (MViT).

    A key is taken as the mean of the tokens that its pooling convolution sees, and the shortcut's
    maximum as their mean.
    """

    key_pool: Pool
    skip_pool: Pool

    @property
    def made(self) -> Sides:
        """The grid of what leaves the layer."""
        return self.skip_pool.made(self.grid)

    def keys(self, rows: Tensor) -> Tensor:
        """Return rows (S,W,Nk) of keys as rows (S,B,N) of what enters the layer."""
        return self.key_pool.back(rows, self.grid)

    def skip(self, rows: Tensor) -> Tensor:
        """Return rows (S,W,Nq) of queries as rows of what enters, along the shortcut."""
        return self.skip_pool.back(rows, self.grid)


@dataclass(frozen=True)
class Windows(Plain):
    """Tokens ask within windows, laid over the grid after a cyclic shift and padding (Swin)."""

    window: Sides
    shift: Sides

    def ask(self, rows: Tensor) -> Tensor:
        """Return rows (S,1,N) of what leaves the layer as rows (S,W,n) of queries, by window."""
        cells = rows.reshape(len(rows), *self.grid)
        missing = [-size % side for size, side in zip(self.grid, self.window, strict=True)]
        cells = functional.pad(cells, (0, missing[2], 0, missing[1], 0, missing[0]))
        cells = cells.roll([-step for step in self.shift], dims=(1, 2, 3))
        t, h, w = self.window
        cells = cells.unflatten(3, (-1, w)).unflatten(2, (-1, h)).unflatten(1, (-1, t))
        return cells.permute(0, 1, 3, 5, 2, 4, 6).flatten(4).flatten(1, 3)

    def keys(self, rows: Tensor) -> Tensor:
        """Return rows (S,W,n) of keys as rows (S,1,N) of what enters the layer."""
        counts = [-(-size // side) for size, side in zip(self.grid, self.window, strict=True)]
        cells = rows.reshape(len(rows), *counts, *self.window).permute(0, 1, 4, 2, 5, 3, 6)
        cells = cells.flatten(5).flatten(3, 4).flatten(1, 2)
        cells = cells.roll(self.shift, dims=(1, 2, 3))
        t, h, w = self.grid
        return cells[:, :t, :h, :w].reshape(len(rows), 1, -1)

    def skip(self, rows: Tensor) -> Tensor:
        """Return rows (S,W,n) of queries as rows of what enters, along the shortcut."""
        return self.keys(rows)

    def real(self, weights: Tensor) -> Tensor:
        """Return 1 for keys that are tokens and 0 for those that fill a window, (W,1,n)."""
        return self.ask(weights.new_ones(1, 1, math.prod(self.grid)))[0, :, None]


def numbers(layout: Plain) -> Tensor:
    """Return a layout as int64 (n,3), to be kept beside the weights; `layout` reads it."""
    rows = [layout.grid]
    if isinstance(layout, Windows):
        rows += [layout.window, layout.shift]
    if isinstance(layout, Pooled):
        pools = (layout.key_pool, layout.skip_pool)
        rows += [side for pool in pools for side in (pool.window, pool.stride, pool.padding)]
    return torch.tensor(rows)


def layout(found: Tensor) -> Plain:
    """Return the layout that `numbers` has written down."""
    grid, *rest = (tuple(row) for row in found.tolist())
    if len(rest) == 2:
        return Windows(grid, *rest)
    return Pooled(grid, Pool(*rest[:3]), Pool(*rest[3:])) if rest else Plain(grid)


def merging(fine: Sides, coarse: Sides) -> Pool:
    """Return how the cells of a grid are merged into those of a coarser one, side by side."""
    sides = tuple(-(-many // few) for many, few in zip(fine, coarse, strict=True))
    return Pool(sides, sides, rest=True)
