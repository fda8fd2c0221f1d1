"""Occlusion: how far the score falls when a box of the clip is covered.

A box slides over time and space; d = s(x) - s(x with the box at the baseline), and a voxel's value
is the mean of d over the boxes that cover it (the last box of an axis is cut at the border). Zeiler
and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014 (arXiv 1311.2901),
with the third axis of time and captum's mean. Positive = the score needs what was covered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.errors import InputError
from vidsal.models import VideoModel

Box = tuple[slice, slice, slice]


def occlusion(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    window: list[float] = [0.25, 0.25, 0.25],  # noqa: B006 - only read
    stride: list[float] | None = None,
    baseline: str = "mean",
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), negative where covering helps the class.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        window: [T, H, W] of the box; whole numbers (8) are frames and px, fractions (0.25, 1.0)
            are parts of the axis. One forward pass per position: 64 with the default.
        stride: step of the box likewise; the window itself when not given.
        baseline: what covers, "mean" (the mean colour, 0 in network space) or "black"; or what is
            left of the clip itself, "blurred", "temporal_mean" or "frozen_frame".
    """
    sizes = _voxels("window", window, clip)
    steps = sizes if stride is None else _voxels("stride", stride, clip)
    if any(step > size for step, size in zip(steps, sizes, strict=True)):
        raise InputError(
            f"occlusion: stride {steps} is larger than window {sizes}, so parts of the clip would "
            "never be covered; take a smaller stride"
        )
    cover = make_baseline(model, clip, baseline).expand_as(clip)
    boxes = list(positions(tuple(clip.shape[1:]), sizes, steps))
    found = _variants.scores(model, _covered(clip, cover, boxes), target)
    total, count = torch.zeros_like(clip[0]), torch.zeros_like(clip[0])
    for box, drop in zip(boxes, found[0] - found[1:], strict=True):
        total[box] += drop
        count[box] += 1
    return total / count


def positions(
    shape: tuple[int, int, int], sizes: tuple[int, ...], steps: tuple[int, ...]
) -> Iterator[Box]:
    """Yield the boxes in reading order: ceil((S - size) / step) + 1 per axis, cut at the border."""
    axes = []
    for extent, size, step in zip(shape, sizes, steps, strict=True):
        count = math.ceil((extent - size) / step) + 1
        axes.append([slice(i * step, min(i * step + size, extent)) for i in range(count)])
    yield from product(*axes)


def _voxels(name: str, values: list[float], clip: Tensor) -> tuple[int, ...]:
    extents = clip.shape[1:]
    if len(values) != len(extents) or min(values) <= 0:
        raise InputError(
            f"{name} {values} in the options of occlusion: give three numbers above 0, [T, H, W]"
        )
    wanted = (
        value if isinstance(value, int) else max(1, round(value * extent))
        for value, extent in zip(values, extents, strict=True)
    )
    return tuple(min(size, extent) for size, extent in zip(wanted, extents, strict=True))


def _covered(clip: Tensor, cover: Tensor, boxes: list[Box]) -> Iterator[Tensor]:
    """Yield the clip, and the clip with each box covered."""
    yield clip
    for box in boxes:
        variant, inside = clip.clone(), (slice(None), *box)
        variant[inside] = cover[inside]
        yield variant
