"""Gradient SHAP comes to integrated gradients and adds up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vidsal.attribution import _variants
from vidsal.attribution._notes import notes
from vidsal.attribution._pass import PASSES, capture
from vidsal.attribution.gradient_shap import gradient_shap
from vidsal.attribution.integrated_gradients import integrated_gradients
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def test_without_noise_it_comes_to_integrated_gradients(case64):
    clip, target = case64.clips[0], case64.targets[0]
    options = {"baseline": "mean", "absolute": False}
    expected = integrated_gradients(case64.model, clip, target, steps=200, **options)
    found = [
        gradient_shap(case64.model, clip, target, samples=samples, noise=0.0, **options)
        for samples in (4, 200)
    ]
    errors = [(one - expected).norm() / expected.norm() for one in found]
    assert errors[1] < 0.02
    assert errors[1] < 0.2 * errors[0]


def test_over_several_clips_it_adds_up_to_the_mean_change(case64, tmp_path):
    clip, target = case64.clips[0], case64.targets[0]
    others = [case64.clips[1], 0.3 * clip, -clip]
    for number, other in enumerate(others):
        np.save(tmp_path / f"{number}.npy", other.numpy())
    scores = _variants.scores(case64.model, [clip, *others], target)
    with notes() as noted:
        options = {"samples": 600, "noise": 0.0, "absolute": False, "baseline": str(tmp_path)}
        found = gradient_shap(case64.model, clip, target, **options)
    change = (scores[0] - scores[1:].mean()).item()
    assert found.sum().item() == pytest.approx(
        change, abs=0.1 * (scores.max() - scores.min()).item()
    )
    assert noted["completeness_error"] == pytest.approx(found.sum().item() - change)


def test_a_linear_network_gets_input_times_gradient():
    net = nn.Sequential(nn.Conv3d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 2 * 6 * 6, 3))
    model = VideoModel("linear", net, Preprocessing((8, 8), (0,) * 3, (1,) * 3), None, (), 4, 1, 4)
    clip = torch.randn(3, 4, 8, 8)
    found = gradient_shap(model, clip, 1, baseline="mean", noise=0.0, samples=3, absolute=False)
    torch.testing.assert_close(found, (clip * capture(model, clip, 1).gradient).sum(dim=0))


def test_noise_has_the_size_asked_for_and_points_lie_on_the_way(c3d, monkeypatch):
    clip, seen = c3d.clips[0], []

    def spy(model, variants, target):
        seen.extend(variants)
        return iter([torch.zeros_like(clip)] * len(seen))

    monkeypatch.setattr(_variants, "gradients", spy)
    gradient_shap(c3d.model, clip, 0, baseline="mean", samples=8, noise=0.0)
    places = [(one / clip).mean().item() for one in seen]
    for number, (one, place) in enumerate(zip(seen, places, strict=True)):
        assert number / 8 <= place <= (number + 1) / 8
        torch.testing.assert_close(one, place * clip, rtol=1e-4, atol=1e-5)
    seen.clear()
    gradient_shap(c3d.model, clip, 0, baseline="mean", samples=8, noise=0.1)
    noise = [one / place - clip for one, place in zip(seen, places, strict=True)]
    sigma = 0.1 * (clip.max() - clip.min())
    assert torch.stack(noise[1:]).std() == pytest.approx(sigma.item(), rel=0.5)


def test_it_belongs_to_the_seed_and_costs_what_it_says(c3d):
    before = PASSES.backward
    first, again, other = (
        gradient_shap(c3d.model, c3d.clips[0], 1, samples=5, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert PASSES.backward - before == 15


@pytest.mark.parametrize("option", [{"samples": 0}, {"noise": -0.1}, {"baseline": "white"}])
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        gradient_shap(c3d.model, c3d.clips[0], 0, **option)
