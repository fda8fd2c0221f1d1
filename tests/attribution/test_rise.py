"""RISE agrees with the reference's masks and scores, and finds what a network looks at."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vidsal.attribution import _variants
from vidsal.attribution.rise import enlarged, rise, weighted
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


class OneVoxel(nn.Module):
    """Logits (v, -v) of one voxel's value v."""

    def __init__(self, place: tuple[int, int, int]) -> None:
        super().__init__()
        self.place = place
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        value = self.scale * clips[(slice(None), 0, *self.place)]
        return torch.stack([value, -value], dim=1)


def looking_at(place: tuple[int, int, int]) -> VideoModel:
    about = Preprocessing((16, 20), (0.5,) * 3, (0.5,) * 3)
    return VideoModel("one_voxel", OneVoxel(place), about, None, (), 8, 1, 8)


def grids(case) -> torch.Tensor:
    return torch.from_numpy(case.expected["rise_grid"][:, 0]).to(case.clips)


def test_reference(case, case64, agrees):
    for one in (case, case64):
        maps, scores = [], []
        for clip, target in zip(one.clips, one.targets, strict=True):
            masks = enlarged(grids(one), None, tuple(clip.shape[1:]))
            variants = (mask * clip for mask in masks)
            scores.append(_variants.probabilities(one.model, variants, target))
            nothing = torch.zeros_like(clip)
            batches = iter(masks.split(7))
            maps.append(weighted(one.model, clip, target, batches, nothing, 0.5))
        agrees(one, maps, one.expected["rise_map"])
        agrees(one, scores, one.expected["rise_scores"].T)


def test_masks_are_torchs_trilinear_interpolation():
    grid = (torch.rand(3, 2, 3, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    expected = nn.functional.interpolate(grid[:, None], (8, 16, 21), mode="trilinear")[:, 0]
    torch.testing.assert_close(enlarged(grid, None, (8, 16, 21)), expected)


def test_shifted_masks_are_cuts_of_larger_ones():
    grid = (torch.rand(2, 2, 3, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    starts = torch.tensor([[0.0, 0.0, 0.0], [0.999, 0.5, 0.2]])
    # Cells of 4 x 6 x 6 voxels, one more than the clip needs.
    large = nn.functional.interpolate(grid[:, None], (12, 24, 30), mode="trilinear")[:, 0]
    found = enlarged(grid, starts, (8, 16, 21))
    torch.testing.assert_close(found[0], large[0, :8, :16, :21])
    torch.testing.assert_close(found[1], large[1, 4:12, 3:19, 1:22])


def test_masks_are_open_as_often_as_asked(monkeypatch):
    kept = []
    made = enlarged

    def keep(*given):
        kept.append(made(*given))
        return kept[-1]

    monkeypatch.setitem(rise.__globals__, "enlarged", keep)
    rise(looking_at((0, 0, 0)), torch.ones(3, 8, 16, 20), 0, samples=300, cells=[4, 4, 4], keep=0.3)
    masks = torch.cat(kept)
    assert masks.shape == (300, 8, 16, 20)
    assert (masks.mean() - 0.3).abs() < 0.02
    # Cut at random places, so that no voxel sits in the middle of a cell every time.
    assert (masks.mean(dim=0) - 0.3).abs().max() < 0.15
    assert max(len(one) for one in kept) == 8


@pytest.mark.parametrize("place", [(2, 4, 13), (6, 11, 5)])
def test_the_only_voxel_that_counts_is_the_peak(place):
    clip = torch.ones(3, 8, 16, 20)
    found = rise(looking_at(place), clip, 0, samples=2000, cells=[4, 8, 10])
    peak = torch.tensor(torch.unravel_index(found.argmax(), found.shape))
    assert (peak - torch.tensor(place)).abs().max() <= 1


def test_a_constant_network_gives_an_even_map(c3d):
    clip = torch.zeros_like(c3d.clips[0])
    found = rise(c3d.model, clip, 1, samples=400, cells=[2, 3, 3])
    probability = _variants.probabilities(c3d.model, [clip], 1)
    assert (found / probability - 1).abs().max() < 0.2


def test_the_seed_decides(c3d):
    one, same, other = (
        rise(c3d.model, c3d.clips[0], 1, samples=5, seed=seed) for seed in (3, 3, 4)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    "options", [{"samples": 0}, {"keep": 1.0}, {"cells": [2, 2]}, {"cells": [2, 0, 2]}]
)
def test_impossible_options_are_refused(c3d, options):
    with pytest.raises(InputError, match="options of rise"):
        rise(c3d.model, c3d.clips[0], 0, **options)
