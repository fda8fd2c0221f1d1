"""Regions: whole regions of the clip, ranked by the mean of another method's map inside them.

Supervoxels of several sizes overlap; again and again the one whose part that is not taken yet has
the highest mean of the base method's map is taken, and that mean becomes the value of this part.
XRAI is due to Kapishnikov et al., "XRAI: Better Attributions Through Regions", ICCV 2019 (arXiv
1906.02825), over time and space: their regions come from Felzenszwalb's method, ours from SLIC, and
are not widened; their map is that of integrated gradients against black and white, summed with its
sign (`absolute: false`), ours is any method's, with the options that it has in the config.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from vidsal.attribution._method import Method, function
from vidsal.attribution._supervoxels import supervoxels
from vidsal.errors import InputError
from vidsal.models import VideoModel


def regions(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    base: Method = "integrated_gradients",
    segments: list[int] = [16, 64, 256],  # noqa: B006 - only read
    compactness: float = 10.0,
    spacing: float | None = None,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), constant over each piece of a region.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        base: method whose map ranks the regions, at whatever resolution.
        segments: supervoxels wanted at each size.
        compactness: how much place counts against colour in SLIC, in units of L*.
        spacing: px that a step from frame to frame is worth in SLIC; the clip counts as a cube when
            not given.
    """
    if not segments:
        raise InputError("segments [] in the options of regions: give at least one number")
    heatmap = function(base)(model, clip, target)
    size = tuple(clip.shape[1:])
    fine = interpolate(heatmap[None, None], size=size, mode="trilinear", align_corners=False)[0, 0]
    scales = [
        supervoxels(model, clip, count, compactness, spacing).cpu().numpy().ravel()
        for count in segments
    ]
    values = ranked(fine.double().cpu().numpy().ravel(), scales)
    return torch.from_numpy(values).to(clip).reshape(size)


def ranked(heatmap: np.ndarray, scales: list[np.ndarray]) -> np.ndarray:
    """Return each voxel's value (V,), float64: the mean of its region's part when that was taken.

    Args:
        heatmap: (V,).
        scales: for each size of supervoxels the number of the one that each voxel is in, (V,).
    """
    # What no size of supervoxels divides is a cell; regions are sets of cells.
    firsts = np.cumsum([0, *(int(labels.max()) + 1 for labels in scales)])
    stacked = np.stack([labels + first for labels, first in zip(scales, firsts[:-1], strict=True)])
    members, cell = np.unique(stacked, axis=1, return_inverse=True)
    cell = cell.ravel()
    sizes, sums = np.bincount(cell), np.bincount(cell, heatmap)
    return _taken(members, sizes, sums, int(firsts[-1]))[cell]


def _taken(members: np.ndarray, sizes: np.ndarray, sums: np.ndarray, count: int) -> np.ndarray:
    """Return each cell's value (n,), given the regions (S,n) it is in, its size and its sum."""
    left, free, values = np.zeros(count), np.ones(len(sizes), bool), np.zeros(len(sizes))
    total = np.zeros(count)
    for row in members:
        left += np.bincount(row, sizes, minlength=count)
        total += np.bincount(row, sums, minlength=count)
    while free.any():
        means = np.divide(total, left, out=np.full(count, -np.inf), where=left > 0.5)
        best = int(means.argmax())
        part = free & (members == best).any(axis=0)
        values[part] = means[best]
        free &= ~part
        for row in members:
            left -= np.bincount(row[part], sizes[part], minlength=count)
            total -= np.bincount(row[part], sums[part], minlength=count)
    return values
