"""Regions are ranked by the mean of a base method's map, the best first, each part once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal.attribution._supervoxels import supervoxels
from vidsal.attribution.gradient import gradient
from vidsal.attribution.integrated_gradients import integrated_gradients
from vidsal.attribution.regions import ranked, regions
from vidsal.errors import InputError


def slowly(heatmap: np.ndarray, scales: list[np.ndarray]) -> np.ndarray:
    """The definition, one region after the other."""
    left = [labels == number for labels in scales for number in np.unique(labels)]
    free, values = np.ones(len(heatmap), bool), np.zeros(len(heatmap))
    while free.any():
        means = [heatmap[one & free].mean() if (one & free).any() else -np.inf for one in left]
        best = left[int(np.argmax(means))] & free
        values[best] = max(means)
        free &= ~best
    return values


def test_values_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    scales = [rng.integers(0, count, 500) for count in (3, 8, 20)]
    scales = [np.unique(labels, return_inverse=True)[1] for labels in scales]
    heatmap = rng.normal(size=500)
    np.testing.assert_allclose(ranked(heatmap, scales), slowly(heatmap, scales), atol=1e-12)


def test_one_size_gives_the_mean_of_each_supervoxel(c3d):
    clip = c3d.clips[0]
    found = regions(c3d.model, clip, 1, base="gradient", segments=[20])
    labels = supervoxels(c3d.model, clip, 20).flatten()
    heatmap = gradient(c3d.model, clip, 1).flatten()
    expected = torch.bincount(labels, heatmap) / torch.bincount(labels)
    torch.testing.assert_close(found.flatten(), expected[labels])


def test_the_bright_spot_comes_first(c3d):
    spot = torch.zeros(8, 16, 16)
    spot[2:4, 3:6, 3:6] = 1.0
    found = regions(c3d.model, c3d.clips[0], 1, base=lambda *_: spot, segments=[4, 32, 128])
    best = found == found.max()
    assert spot[best].mean() > 10 * spot.mean()
    assert torch.corrcoef(torch.stack([found.flatten(), spot.flatten()]))[0, 1] > 0.3


def test_integrated_gradients_rank_by_default(c3d):
    clip = c3d.clips[1]
    found = regions(c3d.model, clip, 3, segments=[8, 30])
    expected = regions(
        c3d.model, clip, 3, base=lambda *given: integrated_gradients(*given), segments=[8, 30]
    )
    assert torch.equal(found, expected)


def test_a_coarse_base_is_enlarged(c3d):
    found = regions(c3d.model, c3d.clips[0], 1, base="grad_cam", segments=[10])
    assert found.shape == (8, 16, 16)


def test_no_sizes_are_refused(c3d):
    with pytest.raises(InputError, match="at least one number"):
        regions(c3d.model, c3d.clips[0], 1, segments=[])
