"""LIME gives a linear function of the supervoxels its weights back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vidsal.attribution import lime as file
from vidsal.attribution._supervoxels import supervoxels
from vidsal.attribution.lime import drawn, fitted, lime
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


class Linear(nn.Module):
    """Logits (w x, 0), w one weight per voxel of the first channel."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        score = (self.weights * clips[:, 0]).sum(dim=(1, 2, 3))
        return torch.stack([score, torch.zeros_like(score)], dim=1)


@pytest.fixture(scope="module")
def linear() -> VideoModel:
    weights = torch.randn(6, 16, 16, generator=torch.Generator().manual_seed(2))
    about = Preprocessing((16, 16), (0.5,) * 3, (0.5,) * 3)
    return VideoModel("linear", Linear(weights), about, None, (), 6, 1, 6)


@pytest.fixture
def clip():
    return torch.rand(3, 6, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1


def shares(model: VideoModel, clip: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """What each supervoxel adds to the score, at each of its voxels."""
    product = (model.net.weights.detach() * clip[0]).flatten().double()
    return torch.bincount(labels.flatten(), product)[labels]


def test_a_linear_functions_weights_come_back(linear, clip):
    labels = supervoxels(linear, clip, 12)
    found = lime(linear, clip, 0, samples=200, segments=12, ridge=0.0)
    expected = shares(linear, clip, labels)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_the_ridge_makes_weights_smaller(linear, clip):
    free, tied = (
        lime(linear, clip, 0, samples=100, segments=12, ridge=ridge) for ridge in (0.0, 10.0)
    )
    assert tied.norm() < 0.9 * free.norm()
    # Smaller, but of much the same shape.
    assert torch.corrcoef(torch.stack([free.flatten(), tied.flatten()]))[0, 1] > 0.9


def test_weights_are_those_of_weighted_ridge_regression():
    rng = np.random.default_rng(0)
    sets, scores = drawn(40, 6, 0.5, 0), rng.normal(size=41)
    weights = np.exp(-((1 - np.sqrt(sets.sum(1) / 6)) ** 2) / 0.25**2)
    design = np.c_[np.ones(41), sets]
    penalty = np.diag([0.0, *[2.0] * 6])
    expected = np.linalg.solve(
        design.T @ (weights[:, None] * design) + penalty, design.T @ (weights * scores)
    )
    np.testing.assert_allclose(fitted(sets, scores, 0.25, 2.0), expected[1:], rtol=1e-9)


def test_the_whole_clip_comes_first():
    sets = drawn(1000, 5, 0.3, 0)
    assert sets[0].all()
    assert abs(sets[1:].mean() - 0.3) < 0.03


def test_the_seed_decides(linear, clip):
    one, same, other = (
        lime(linear, clip, 0, samples=5, segments=12, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_absent_pieces_are_at_the_baseline(linear, clip, monkeypatch):
    asked = []
    scores = file._variants.scores

    def listen(model, variants, target):
        asked.extend(variants)
        return scores(model, asked, target)

    monkeypatch.setattr(file._variants, "scores", listen)
    lime(linear, clip, 0, samples=4, segments=12, baseline="black")
    black = linear.preprocess.black()
    assert len(asked) == 5
    assert torch.equal(asked[0], clip)
    for variant in asked:
        assert ((variant == clip) | (variant == black)).all()
    assert any((variant == black).any() for variant in asked)


@pytest.mark.parametrize(
    "options", [{"samples": 0}, {"keep": 0.0}, {"width": 0.0}, {"ridge": -1.0}, {"segments": 0}]
)
def test_impossible_options_are_refused(linear, clip, options):
    with pytest.raises(InputError, match="in the options of"):
        lime(linear, clip, 0, **options)
