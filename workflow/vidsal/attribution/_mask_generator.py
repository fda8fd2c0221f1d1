"""Smooth masks made of few parameters: what extremal and spatiotemporal perturbations look for."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

# How much the largest of overlapping bumps wins over the others (the smooth maximum's "coldness").
COLDNESS = 20.0
# Numbers in the work on the smooth maximum at a time: what stays in a processor's cache.
CHUNK = 2**16


class MaskGenerator:
    """Parameters in [0,1] on a coarse grid -> a mask with soft edges, frame by frame.

    Cell i stands at pixel `cell` i and shines as far as k(z) = exp(-2 max(z - 1/2, 0)^2), z the
    distance over `sigma`. With v_i = k_i p_i over the (2 r + 1)^2 cells near a pixel, r = 1 +
    ceil(sigma / cell), its mask is the smooth maximum sum_i v_i exp(20 v_i) / sum_i exp(20 v_i).
    Around the frame lies a margin of `sigma` px and a little more on the far side, in which masks
    fade out; cells there are 0. Fong, Patrick and Vedaldi, ICCV 2019 (arXiv 1910.08485), with the
    positions of TorchRay's masks.

    Attributes:
        cells: (h,w) of the parameters, one for every `cell` px.
        padded: (H',W') of the frame with its margin.
    """

    def __init__(
        self,
        frame: tuple[int, int],
        cell: int,
        sigma: int,
        like: Tensor,
        per_cell: int | None = None,
    ) -> None:
        """Prepare for one size of frame.

        Args:
            frame: (H,W), px.
            cell: px from cell to cell.
            sigma: width of a cell's bump, px.
            like: type and place of the masks.
            per_cell: places per cell and axis where the formula is evaluated, with lines in
                between; at every pixel when not given.
        """
        self.frame, self.sigma = frame, sigma
        self._padding = 1 + math.ceil(2 * sigma / cell)
        self._radius = 1 + math.ceil(sigma / cell)
        self._places = per_cell or cell
        self.cells = tuple(math.ceil(size / cell) for size in frame)
        self._blocks = tuple(size + 2 * (self._padding - self._radius) for size in self.cells)
        self.padded = tuple(cell * (blocks - 1) + 1 for blocks in self._blocks)
        self._weights = self._bumps(cell).to(like)
        self._lines = None
        if self._places != cell:
            self._lines = [
                _lines(size, blocks * self._places, self._places / cell).to(like)
                for size, blocks in zip(self.padded, self._blocks, strict=True)
            ]

    def __call__(self, parameters: Tensor) -> Tensor:
        """Return masks (...,H',W') with margin of parameters (...,h,w)."""
        window, (rows, columns) = 2 * self._radius + 1, self._blocks
        flat = functional.pad(parameters.flatten(0, -3), (self._padding,) * 4)
        near = functional.unfold(flat[:, None], window)  # (n, window^2, rows * columns)
        near = near.transpose(0, 1).flatten(1)
        found = _SmoothMaximum.apply(near, self._weights)
        found = found.view(self._places, self._places, len(flat), rows, columns)
        masks = found.permute(2, 3, 0, 4, 1).reshape(len(flat), rows * self._places, -1)
        if self._lines is not None:
            masks = self._lines[0] @ masks @ self._lines[1].T
        masks = masks[:, : self.padded[0], : self.padded[1]]
        return masks.unflatten(0, parameters.shape[:-2])

    def crop(self, masks: Tensor) -> Tensor:
        """Return the part (...,H,W) of padded masks that lies over the frame."""
        rows, columns = (slice(self.sigma, self.sigma + size) for size in self.frame)
        return masks[..., rows, columns]

    def _bumps(self, cell: int) -> Tensor:
        """Return k of each cell in the window (columns) at each place of a block (rows)."""
        places = torch.arange(self._places, dtype=torch.float64) * (cell / self._places)
        centres = cell * torch.arange(2 * self._radius + 1, dtype=torch.float64)
        away = places[:, None] - centres + (cell * self._padding - self.sigma)
        distance = torch.hypot(away[:, None, :, None], away[None, :, None, :]) / self.sigma
        return torch.exp(-2 * (distance - 0.5).clamp(min=0) ** 2).flatten(2).flatten(0, 1)


class _SmoothMaximum(torch.autograd.Function):
    """sum_k v e^(20 v) / sum_k e^(20 v) of v = W[q,k] u[k,j], as (q,j); derivative in u alone.

    By hand, since every number of v would otherwise be kept, several times over.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, near: Tensor, weights: Tensor) -> Tensor:
        """Return the maxima (q,j) of u (k,j) and W (q,k)."""
        found = near.new_empty(len(weights), near.shape[1])
        below = torch.empty_like(found)
        for part in _parts(near, weights):
            values = weights[part, :, None] * near
            shares = (COLDNESS * values).exp_()
            below[part] = shares.sum(dim=1)
            found[part] = values.mul_(shares).sum(dim=1)
        found /= below
        ctx.save_for_backward(near, weights, found, below)
        return found

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, slope: Tensor) -> tuple[Tensor, None]:
        """Return the derivative in u: dM/dv = e^(20 v) (1 + 20 (v - M)) / sum e^(20 v)."""
        near, weights, found, below = ctx.saved_tensors
        total, scaled = torch.zeros_like(near), slope / below
        shifted = 1 - COLDNESS * found
        for part in _parts(near, weights):
            values = (COLDNESS * weights[part, :, None]) * near
            shares = values.exp()
            values.add_(shifted[part, None]).mul_(shares).mul_(scaled[part, None])
            total += (values * weights[part, :, None]).sum(dim=0)
        return total, None


def _parts(near: Tensor, weights: Tensor) -> list[slice]:
    count = max(1, CHUNK // near.numel())
    return [slice(start, start + count) for start in range(0, len(weights), count)]


def _lines(size: int, known: int, scale: float) -> Tensor:
    """Return the matrix (size, known) of linear interpolation, pixel n at place n `scale`."""
    places = torch.arange(size, dtype=torch.float64) * scale
    grid = torch.arange(known, dtype=torch.float64)
    return (1 - (places[:, None] - grid).abs()).clamp(min=0)
