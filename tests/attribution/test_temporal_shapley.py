"""Temporal Shapley values: the reference's, and the axioms that define them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from vidsal.attribution import _variants
from vidsal.attribution.temporal_shapley import shapley, temporal_shapley
from vidsal.errors import InputError


def test_reference(case, case64, agrees):
    for one in (case, case64):
        parts, count = one.expected["segments"], one.cfg["segs"]
        maps = [
            temporal_shapley(one.model, *pair, segments=count)[:, 0, 0]
            for pair in zip(one.clips, one.targets, strict=True)
        ]
        agrees(one, maps, one.expected["shapley_exact_segments"][:, parts])


@pytest.mark.parametrize("baseline", ["mean", "black", "blurred"])
@pytest.mark.parametrize("segments", [1, 3, 8])
def test_values_add_up_to_the_whole(c3d, baseline, segments):
    clip = c3d.clips[1]
    found = temporal_shapley(c3d.model, clip, 0, segments=segments, baseline=baseline)
    parts = np.arange(8) * segments // 8
    firsts = np.unique(parts, return_index=True)[1]
    nothing = temporal_shapley.__globals__["make_baseline"](c3d.model, clip, baseline)
    whole, empty = _variants.scores(c3d.model, [clip, nothing.expand_as(clip)], 0)
    assert len(firsts) == segments
    torch.testing.assert_close(found[firsts].sum(), whole - empty, rtol=1e-4, atol=1e-5)


def test_values_are_the_mean_gain_over_all_orders():
    scores = np.random.default_rng(0).normal(size=16)
    expected = np.zeros(4)
    for order in permutations(range(4)):
        there = 0
        for player in order:
            expected[player] += scores[there | 1 << player] - scores[there]
            there |= 1 << player
    np.testing.assert_allclose(shapley(scores, 4), expected / 24, rtol=1e-12)


def test_more_segments_than_frames_are_one_per_frame(c3d):
    clip = c3d.clips[0]
    found = temporal_shapley(c3d.model, clip, 1, segments=12)
    assert torch.equal(found, temporal_shapley(c3d.model, clip, 1, segments=8))
    assert len(found.unique()) == 8


@pytest.mark.parametrize("segments", [0, 13])
def test_impossible_numbers_are_refused(c3d, segments):
    with pytest.raises(InputError, match="take 1 to 12"):
        temporal_shapley(c3d.model, c3d.clips[0], 0, segments=segments)
