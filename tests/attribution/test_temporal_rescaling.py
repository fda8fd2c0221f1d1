"""Temporal rescaling: reference values, the three algorithms, the short way of frame-wise nets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.models import parity
from vidsal.attribution import _pass, _rescaling
from vidsal.attribution.gradient import gradient
from vidsal.attribution.temporal_rescaling import temporal_rescaling
from vidsal.attribution.temporal_rescaling_features import temporal_rescaling_features
from vidsal.attribution.temporal_rescaling_grouped import temporal_rescaling_grouped
from vidsal.attribution.temporal_rescaling_original import temporal_rescaling_original
from vidsal.errors import InputError
from vidsal.models import VideoModel
from vidsal.models.cnn_lstm import cnn_lstm

KTH = "e1_kth_cnnlstm_r18_tsr"
TARGET = 1


class Slow(VideoModel):
    """A model that does not tell that its frames are seen one by one."""

    frame_features = None


def slow(model: VideoModel) -> VideoModel:
    return Slow(**{one.name: getattr(model, one.name) for one in dataclasses.fields(model)})


@pytest.fixture(scope="module")
def kth(tmp_path_factory):
    """The published network with the fixture's weights, and the fixture's clip."""
    folder = tmp_path_factory.mktemp("kth")
    path = parity.saved(folder, parity.state(KTH), prefix="", wrapper="state_dict", epoch=1)
    model = cnn_lstm(2, layers=3, length=6, weights=path)
    model.net.eval()
    return model, parity.clip("kth_rgb_40")[0]


@pytest.fixture(params=["short", "long"])
def either(request, kth):
    """The short way by Jacobians, and a full loop over the masks."""
    model, clip = kth
    return (model if request.param == "short" else slow(model)), clip


def as_published(heatmap):
    """(T,rows,columns) as the fixture has it, time last."""
    return heatmap.permute(1, 2, 0)


def test_published_maps(either):
    model, clip = either
    asked = {"cells": [4, 4], "baseline": float(clip[0, 0, 0, 0])}
    found = temporal_rescaling(model, clip, TARGET, unselected=0.1, **asked)
    parity.compare(KTH, "tsr_fixed", as_published(found))
    # Without the authors' 0.1 the frames below the quantile are 0, and nothing else changes.
    weight = _rescaling.contribution(
        _rescaling.of_frames(
            model, clip, TARGET, cover=clip[:1, :1, :1, :1], base="gradient", absolute=True
        )
    )
    low = torch.isclose(found, 0.1 * weight[:, None, None], rtol=1e-3, atol=1e-7)
    parity.compare(KTH, "tsr_fixed_unselected0", as_published(found.where(~low, 0)))
    found = temporal_rescaling_original(model, clip, TARGET, cells=[4, 4])
    parity.compare(KTH, "tsr_original_quirk", as_published(found))


def test_published_time_contribution(either):
    model, clip = either
    cover = clip[:1, :1, :1, :1]
    delta = _rescaling.of_frames(model, clip, TARGET, cover=cover, base="gradient", absolute=True)
    parity.compare(KTH, "tsr_time_contribution", _rescaling.contribution(delta))


@pytest.fixture
def narrow():
    """A network with 6 features per frame, fewer than there are masks, and a clip of 4 frames."""
    torch.manual_seed(0)
    model = cnn_lstm(2, features=6, hidden=8, length=4, size=[32, 32])
    model.net.eval()
    return model, torch.randn(3, 4, 32, 32)


def test_the_short_way_asks_less(narrow):
    model, clip = narrow
    before = _pass.PASSES.forward + _pass.PASSES.backward
    temporal_rescaling(model, clip, TARGET, cells=[8, 8], baseline="black")
    passes = _pass.PASSES.forward + _pass.PASSES.backward - before
    masks = 4 + 2 * 64
    # Each masked frame once there and back; twice 6 rows of every frame back, a copy each forward.
    assert passes <= 2 * masks / 4 + 2 * 2 * 6 + 8
    assert passes < 0.4 * 2 * masks


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_short_way_gives_the_same(narrow, absolute, copies):
    """With 4 masks rows go back one by one, with 12 the Jacobian of 6 features is multiplied."""
    model, clip = narrow
    masks = [_rescaling.Mask(t, slice(4, 19), slice(7, 30)) for t in (0, 2, 3)]
    masks = [*masks, _rescaling.Mask(1)] * copies
    asked = {"cover": torch.zeros(1, 1, 1, 1), "base": "gradient", "absolute": absolute}
    short = _rescaling.changes(model, clip, TARGET, masks, **asked)
    full = _rescaling.changes(slow(model), clip, TARGET, masks, **asked)
    torch.testing.assert_close(short, full, rtol=1e-4, atol=0)


def test_reference_time_step(case):
    """The fixtures mask with 0 and take the signed gradient."""
    for clip, target, expected in zip(
        case.clips, case.targets, case.expected["tsr_delta"], strict=True
    ):
        asked = {"cover": clip.new_zeros(1, 1, 1, 1), "base": "gradient", "absolute": False}
        delta = _rescaling.of_frames(case.model, clip, target, **asked)
        np.testing.assert_allclose(delta, expected, rtol=0, atol=1e-4 * expected.max())
        scaled = (expected - expected.min()) / (expected.max() - expected.min())
        np.testing.assert_allclose(_rescaling.contribution(delta), scaled, atol=2e-4)


def test_one_cell_is_the_weight_of_the_frames(c3d):
    clip, target = c3d.clips[0], c3d.targets[0]
    asked = {"cover": clip.new_zeros(1, 1, 1, 1), "base": "gradient", "absolute": True}
    delta = _rescaling.of_frames(c3d.model, clip, target, **asked)
    found = temporal_rescaling(c3d.model, clip, target, cells=[1, 1], quantile=0.0)
    expected = _rescaling.contribution(delta) * delta
    torch.testing.assert_close(found[:, 0, 0], expected, rtol=1e-4, atol=1e-6)


def test_without_cells_the_base_map_is_weighted(c3d):
    clip, target = c3d.clips[0], c3d.targets[0]
    found = temporal_rescaling(c3d.model, clip, target)
    base = gradient(c3d.model, clip, target)
    weight = found.flatten(1).sum(dim=1) / base.flatten(1).sum(dim=1)
    torch.testing.assert_close(found, weight[:, None, None] * base, rtol=1e-4, atol=1e-7)
    assert weight.min() == 0
    torch.testing.assert_close(weight.max(), torch.tensor(1.0))


def test_any_base_method(c3d):
    """Grad-CAM as base: the change is that of its coarse map."""
    clip, target = c3d.clips[0], c3d.targets[0]
    found = temporal_rescaling(c3d.model, clip, target, base="grad_cam", cells=[2, 2])
    assert found.shape == (8, 2, 2)
    weighted = temporal_rescaling(c3d.model, clip, target, base="grad_cam")
    assert weighted.shape == (4, 8, 8)[:1] + weighted.shape[1:]
    assert (found > 0).any()


def test_features_first_asks_for_the_chosen_cells_only(c3d):
    """Where it asks it gives what algorithm 1 gives; elsewhere nothing."""
    clip, target = c3d.clips[0], c3d.targets[0]
    full = temporal_rescaling(c3d.model, clip, target, cells=[4, 4])
    some = temporal_rescaling_features(c3d.model, clip, target, cells=[4, 4], feature_quantile=0.7)
    there = some > 0
    torch.testing.assert_close(some[there], full[there], rtol=1e-4, atol=1e-6)
    assert 0 < there.flatten(1).any(dim=0).sum() <= 5


def test_groups_ask_for_the_cells_of_strong_blocks_only(c3d):
    clip, target = c3d.clips[0], c3d.targets[0]
    full = temporal_rescaling(c3d.model, clip, target, cells=[4, 4])
    some = temporal_rescaling_grouped(
        c3d.model, clip, target, cells=[4, 4], group=[2, 2], quantile=0.55
    )
    frame = int(full.flatten(1).sum(dim=1).argmax())
    same = torch.isclose(some[frame], full[frame], rtol=1e-4)
    # Two of four blocks lie above the quantile: their cells are exact, the others share.
    assert same.sum() == 8
    blocks = some[frame].view(2, 2, 2, 2).permute(0, 2, 1, 3).flatten(2)
    shared = (blocks.std(dim=2) < 1e-6 * blocks.mean(dim=2)).sum()
    assert shared == 2


def test_one_cell_groups_are_algorithm_1(c3d):
    clip, target = c3d.clips[0], c3d.targets[0]
    one = temporal_rescaling_grouped(c3d.model, clip, target, cells=[4, 4], group=[1, 1])
    full = temporal_rescaling(c3d.model, clip, target, cells=[4, 4])
    torch.testing.assert_close(one, full, rtol=1e-4, atol=1e-6)


def test_boxes_cover_every_pixel_once():
    seen = torch.zeros(13, 17)
    for rows, columns in _rescaling.grid((3, 8, 13, 17), [4, 5]):
        seen[rows, columns] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("cells", [[4], [0, 4], [40, 4]])
def test_impossible_grids_are_refused(c3d, cells):
    with pytest.raises(InputError, match=r"cells \[.*\] in the options"):
        temporal_rescaling(c3d.model, c3d.clips[0], c3d.targets[0], cells=cells)


def test_a_group_that_does_not_divide_is_refused(c3d):
    with pytest.raises(InputError, match="divide"):
        temporal_rescaling_grouped(
            c3d.model, c3d.clips[0], c3d.targets[0], cells=[4, 4], group=[3, 2]
        )
