"""Blur integrated gradients add up to the change of the score against the most blurred clip."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vidsal.attribution import _variants
from vidsal.attribution._blur import blur
from vidsal.attribution._notes import notes
from vidsal.attribution._pass import PASSES, capture
from vidsal.attribution.blur_integrated_gradients import blur_integrated_gradients
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def test_it_adds_up(case64):
    for clip, target in zip(case64.clips, case64.targets, strict=True):
        with notes() as noted:
            found = blur_integrated_gradients(case64.model, clip, target, steps=400, absolute=False)
        pair = [clip, blur(clip, 0.25 * 16)]
        sharp, blurred = _variants.scores(case64.model, pair, target).tolist()
        assert found.sum().item() == pytest.approx(sharp - blurred, abs=0.01 * abs(sharp - blurred))
        assert noted["completeness_error"] == pytest.approx(found.sum().item() - sharp + blurred)


def test_more_steps_complete_the_sum(case64):
    errors = []
    for steps in (1, 100):
        with notes() as noted:
            blur_integrated_gradients(case64.model, case64.clips[0], 1, steps=steps)
        errors.append(abs(noted["completeness_error"]))
    assert errors[1] < 0.1 * errors[0]


def test_in_a_linear_network_the_way_does_not_matter():
    net = nn.Sequential(nn.Conv3d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 2 * 6 * 6, 3)).double()
    model = VideoModel("linear", net, Preprocessing((8, 8), (0,) * 3, (1,) * 3), None, (), 4, 1, 4)
    clip = torch.randn(3, 4, 8, 8, dtype=torch.float64)
    expected = (capture(model, clip, 1).gradient * (clip - blur(clip, 4.0))).sum(dim=0)
    for steps in (1, 7):
        options = {"steps": steps, "sigma": 0.5, "absolute": False}
        found = blur_integrated_gradients(model, clip, 1, **options)
        torch.testing.assert_close(found, expected)


def test_each_step_is_one_pass(c3d):
    before = PASSES.backward
    blur_integrated_gradients(c3d.model, c3d.clips[0], 1, steps=9)
    assert PASSES.backward - before == 9


def test_a_clip_without_detail_has_no_way(c3d):
    flat = c3d.clips[0].mean(dim=(2, 3), keepdim=True).expand(3, 8, 16, 16).contiguous()
    assert blur_integrated_gradients(c3d.model, flat, 0, steps=3).abs().max() < 1e-6


@pytest.mark.parametrize("option", [{"steps": 0}, {"sigma": 0.0}])
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        blur_integrated_gradients(c3d.model, c3d.clips[0], 0, **option)
