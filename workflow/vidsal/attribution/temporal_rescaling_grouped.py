"""Temporal rescaling by groups: neighbouring cells are masked together to ask less often.

Algorithm 2 of Ismail et al., "Benchmarking Deep Learning Interpretability in Time Series
Predictions", NeurIPS 2020 (arXiv 2010.13924): as `temporal_rescaling`, but blocks of `group` cells
of a frame are masked at once, and only cells of the blocks whose change lies above a quantile of
the frame's blocks are asked for one by one; the others keep their share of the block's change.
M[t,i] = D_t F_{t,i}.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution import _rescaling
from vidsal.attribution._method import Method
from vidsal.errors import InputError
from vidsal.models import VideoModel


def temporal_rescaling_grouped(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    base: Method = "gradient",
    cells: list[int] = [12, 12],  # noqa: B006 - only read
    group: list[int] = [3, 3],  # noqa: B006 - only read
    quantile: float = 0.55,
    unselected: float = 0.0,
    baseline: str | float = "mean",
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,*cells) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        base: the method R that is rescaled.
        cells: [rows, columns] of the grid.
        group: [rows, columns] of a block, in cells; must divide `cells`.
        quantile: of D_t over frames, and of the blocks of a frame, above which more is asked.
        unselected: F of all frames below (0 in the paper).
        baseline: what masks, a kind of baseline or a value in network space.
        absolute: R is the size of the gradient, colour by colour; else its signed value.
    """
    if any(count % size for count, size in zip(cells, group, strict=True)):
        raise InputError(
            f"group {group} in the options of temporal_rescaling_grouped: it does not divide the "
            f"cells {cells}; take a divisor"
        )
    cover = _rescaling.cover(model, clip, baseline)
    asked = {"cover": cover, "base": base, "absolute": absolute}
    delta = _rescaling.of_frames(model, clip, target, **asked)
    frames = _rescaling.selected(delta, quantile)
    importance = clip.new_full((clip.shape[1], *cells), unselected)
    importance[frames] = _in_groups(model, clip, target, frames, cells, group, quantile, asked)
    return _rescaling.contribution(delta)[:, None, None] * importance


def _in_groups(
    model: VideoModel,
    clip: Tensor,
    target: int,
    frames: list[int],
    cells: list[int],
    group: list[int],
    quantile: float,
    asked: dict,
) -> Tensor:
    """Return F (n,*cells) of some frames, blocks first."""
    boxes = _rescaling.grid(clip.shape, cells)
    counts = [count // size for count, size in zip(cells, group, strict=True)]
    # Blocks are made of whole cells, so that a block's box ends where its last cell does.
    places = torch.arange(len(boxes)).view(counts[0], group[0], counts[1], group[1])
    blocks = places.permute(0, 2, 1, 3).flatten(2).flatten(0, 1).tolist()
    masks = [
        _rescaling.Mask(frame, *_around([boxes[place] for place in block]))
        for frame in frames
        for block in blocks
    ]
    coarse = _rescaling.changes(model, clip, target, masks, **asked).view(len(frames), -1)
    found = clip.new_empty(len(frames), len(boxes))
    found[:, torch.tensor(blocks)] = (coarse / len(blocks[0]))[:, :, None]
    above = coarse > torch.quantile(coarse, quantile, dim=1, keepdim=True)
    chosen = [(n, place) for n, block in above.nonzero().tolist() for place in blocks[block]]
    masks = [_rescaling.Mask(frames[n], *boxes[place]) for n, place in chosen]
    if chosen:
        fine = _rescaling.changes(model, clip, target, masks, **asked)
        found[tuple(torch.tensor(chosen).T)] = fine
    return found.view(-1, *cells)


def _around(boxes: list[tuple[slice, slice]]) -> tuple[slice, slice]:
    """Return the box of a block of cells in reading order."""
    (top, left), (bottom, right) = boxes[0], boxes[-1]
    return slice(top.start, bottom.stop), slice(left.start, right.stop)
