"""RISE: random masks over time and space, weighted by how probable the class is behind each.

M = sum_i p_i m_i / (keep N), p_i the target's probability for m_i x + (1 - m_i) b. A mask is a grid
of cells, each open with probability keep, enlarged by trilinear interpolation from cells of ceil(S
/ n) voxels to one cell more than the clip and cut at a random place. Petsiuk et al., "RISE:
Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018 (arXiv 1806.07421), with
the third axis of time. Probabilities, as in the paper: weights that may be negative, as logits are,
would turn masks around.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from vidsal.attribution import _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.errors import InputError
from vidsal.models import VideoModel


def rise(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    samples: int = 1000,
    cells: list[int] = [4, 7, 7],  # noqa: B006 - only read
    keep: float = 0.5,
    baseline: str = "mean",
    seed: int = 0,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), never negative.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        samples: masks, each one forward pass; the noise of the map falls with its root.
        cells: [T, H, W], cells of a mask along each axis.
        keep: probability that a cell is open.
        baseline: what is seen through closed cells, "mean" (the mean colour, 0 in network space),
            "black", "blurred", "temporal_mean" or "frozen_frame".
        seed: of the masks.
    """
    if samples < 1 or not 0 < keep < 1 or len(cells) != 3 or min(cells) < 1:
        raise InputError(
            f"samples {samples}, cells {cells}, keep {keep} in the options of rise: give at least "
            "1 mask, three numbers of cells above 0, and a probability between 0 and 1"
        )
    shape = tuple(clip.shape[1:])
    cells = [min(count, extent) for count, extent in zip(cells, shape, strict=True)]
    # Drawn on the CPU, all at once, so that neither device nor batch size change them.
    generator = torch.Generator().manual_seed(seed)
    grids = torch.rand(samples, *cells, generator=generator) < keep
    starts = torch.rand(samples, 3, generator=generator)
    size = _variants.batch_size()
    batches = (
        enlarged(grid.to(clip), start.to(clip.device), shape)
        for grid, start in zip(grids.split(size), starts.split(size), strict=True)
    )
    return weighted(model, clip, target, batches, make_baseline(model, clip, baseline), keep)


def weighted(
    model: VideoModel,
    clip: Tensor,
    target: int,
    batches: Iterator[Tensor],
    nothing: Tensor,
    keep: float,
) -> Tensor:
    """Return sum_i p_i m_i / (keep N) over batches of masks (n,T,H,W), one batch held at a time."""
    total, count = torch.zeros_like(clip[0]), 0
    for masks in batches:
        variants = (nothing + mask * (clip - nothing) for mask in masks)
        found = _variants.probabilities(model, variants, target)
        # One mask after the other: in what order a batch adds up depends on its size.
        for probability, mask in zip(found, masks, strict=True):
            total += probability * mask
        count += len(masks)
    return total / (keep * count)


def enlarged(grids: Tensor, starts: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Return masks (n,T,H,W) of grids of cells (n,a,b,c), cut at random places.

    Args:
        grids: 1 open, 0 closed.
        starts: (n,3) in [0,1), where the cut begins, as a part of a cell; None enlarges the cells
            to exactly the clip and cuts nothing.
        shape: (T, H, W).
    """
    for axis, extent in enumerate(shape):
        column = None if starts is None else starts[:, axis]
        rows = _rows(grids.shape[axis + 1], extent, column, grids)
        turned = grids.movedim(axis + 1, 1).flatten(2)
        sizes = [length for place, length in enumerate(grids.shape[1:]) if place != axis]
        grids = (rows @ turned).unflatten(2, sizes).movedim(1, axis + 1)
    return grids


def _rows(count: int, extent: int, starts: Tensor | None, like: Tensor) -> Tensor:
    """Return the weights (n,extent,count), or (extent,count), that enlarge one axis of a grid."""
    cell = math.ceil(extent / count)
    length = extent if starts is None else (count + 1) * cell
    # A linear interpolation is a matrix; its rows are what it makes of the unit vectors.
    unit = torch.eye(count, dtype=like.dtype, device=like.device)
    rows = interpolate(unit[None], size=length, mode="linear", align_corners=False)[0].T
    if starts is None:
        return rows
    first = (starts * (cell + 1)).long().clamp(max=length - extent)
    return rows[first[:, None] + torch.arange(extent, device=like.device)]
