"""Occlusion agrees with captum; covering everything costs the whole score."""

from __future__ import annotations

import pytest
import torch

from vidsal.attribution import _variants
from vidsal.attribution.occlusion import occlusion, positions
from vidsal.errors import InputError


@pytest.mark.parametrize("kind", ["block", "overlap"])
def test_reference(case, agrees, kind):
    window, stride = case.cfg["occ"][kind]
    maps = [
        occlusion(case.model, *pair, window=window[1:], stride=stride[1:])
        for pair in zip(case.clips, case.targets, strict=True)
    ]
    # All channels are covered together, so captum's map is the same in each of them.
    agrees(case, maps, case.expected[f"occlusion_{kind}"][:, 0])


@pytest.mark.parametrize("baseline", ["mean", "black"])
def test_covering_everything_costs_the_whole_score(c3d, baseline):
    clip = c3d.clips[0]
    heatmap = occlusion(c3d.model, clip, 1, window=[1.0, 1.0, 1.0], baseline=baseline)
    nothing = torch.zeros_like(clip)
    if baseline == "black":
        nothing = nothing + c3d.model.preprocess.black()
    whole, empty = _variants.scores(c3d.model, [clip, nothing], 1)
    torch.testing.assert_close(heatmap, (whole - empty).expand_as(heatmap))


def test_fractions_and_voxels_name_the_same_box(c3d):
    clip = c3d.clips[0]
    parts = occlusion(c3d.model, clip, 0, window=[0.25, 0.5, 0.25], stride=[0.125, 0.25, 0.25])
    voxels = occlusion(c3d.model, clip, 0, window=[2, 8, 4], stride=[1, 4, 4])
    assert torch.equal(parts, voxels)


def test_positions_cover_every_voxel_and_end_at_the_border():
    count = torch.zeros(5, 7, 8)
    boxes = list(positions((5, 7, 8), (2, 3, 4), (2, 2, 4)))
    for box in boxes:
        count[box] += 1
    assert len(boxes) == 3 * 3 * 2
    assert count.min() == 1


def test_a_still_baseline_clip_has_no_drop(c3d):
    assert not occlusion(c3d.model, torch.zeros(3, 8, 16, 16), 0).any()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"window": [2, 4]}, "three numbers"),
        ({"window": [2, 4, 0]}, "above 0"),
        ({"window": [2, 4, 4], "stride": [3, 4, 4]}, "larger than window"),
        ({"baseline": "white"}, "unknown"),
    ],
)
def test_impossible_options_are_refused(c3d, options, reason):
    with pytest.raises(InputError, match=reason):
        occlusion(c3d.model, c3d.clips[0], 0, **options)
