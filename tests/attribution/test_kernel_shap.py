"""Kernel SHAP: with all sets the exact Shapley values, with some of them still the whole sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal.attribution import _variants
from vidsal.attribution._supervoxels import present, supervoxels
from vidsal.attribution.kernel_shap import coalitions, fitted, kernel_shap
from vidsal.attribution.temporal_shapley import shapley
from vidsal.errors import InputError


def game(count: int, seed: int = 0) -> np.ndarray:
    """Scores of all sets, bit i of the place for player i."""
    return np.random.default_rng(seed).normal(size=2**count)


def places(sets: np.ndarray) -> np.ndarray:
    return sets @ (1 << np.arange(sets.shape[1]))


@pytest.mark.parametrize("count", [2, 3, 6])
def test_all_sets_give_the_exact_values(count):
    scores = game(count)
    sets, weights = coalitions(count, 2**count - 2, seed=0)
    assert len(np.unique(places(sets))) == 2**count - 2
    found = fitted(sets, weights, scores[places(sets)] - scores[0], scores[-1] - scores[0])
    np.testing.assert_allclose(found, shapley(scores, count), rtol=1e-9)


def test_random_sets_come_near_the_exact_values():
    scores = game(10)
    # As smooth as the answers of networks are.
    sizes = np.array([bin(place).count("1") for place in range(1024)])
    scores = 0.1 * scores + np.sqrt(sizes) + np.arange(1024) / 300
    exact = shapley(scores, 10)
    sets, weights = coalitions(10, 600, seed=0)
    found = fitted(sets, weights, scores[places(sets)] - scores[0], scores[-1] - scores[0])
    assert np.abs(found - exact).max() < 0.1 * np.abs(exact).max()


def test_sets_are_drawn_by_the_kernel_and_in_pairs():
    sets, weights = coalitions(9, 500, seed=1)
    assert len(sets) == 500
    assert (sets[::2] != sets[1::2]).all()
    assert (weights == 1).all()
    sizes = np.bincount(sets.sum(axis=1), minlength=10)[1:9] / 500
    mass = 1 / (np.arange(1, 9) * np.arange(8, 0, -1))
    np.testing.assert_allclose(sizes, mass / mass.sum(), atol=0.05)
    # Each player is there as often as any other.
    np.testing.assert_allclose(sets.mean(axis=0), 0.5, atol=1e-9)


def test_an_odd_number_of_samples_is_kept():
    assert len(coalitions(12, 7, seed=0)[0]) == 7


def test_the_exact_values_of_a_network(c3d):
    clip = c3d.clips[0]
    labels = supervoxels(c3d.model, clip, 5)
    count = int(labels.max()) + 1
    sets = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    nothing = torch.zeros_like(clip[:, :1, :1, :1])
    scores = _variants.scores(c3d.model, present(clip, nothing, labels, sets), 1)
    expected = torch.from_numpy(shapley(scores.double().numpy(), count))[labels]
    found = kernel_shap(c3d.model, clip, 1, samples=2**count, segments=5)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("samples", [1, 2, 9, 60])
@pytest.mark.parametrize("segments", [1, 2, 20])
def test_values_add_up_to_the_whole(c3d, samples, segments):
    clip = c3d.clips[1]
    labels = supervoxels(c3d.model, clip, segments)
    found = kernel_shap(c3d.model, clip, 2, samples=samples, segments=segments, baseline="black")
    black = c3d.model.preprocess.black().expand_as(clip)
    whole, empty = _variants.scores(c3d.model, [clip, black], 2)
    sizes = torch.bincount(labels.flatten())[labels]
    torch.testing.assert_close((found / sizes).sum(), whole - empty, rtol=1e-4, atol=1e-5)


def test_the_seed_decides(c3d):
    one, same, other = (
        kernel_shap(c3d.model, c3d.clips[0], 1, samples=9, segments=20, seed=seed)
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_no_samples_are_refused(c3d):
    with pytest.raises(InputError, match="give 1 or more"):
        kernel_shap(c3d.model, c3d.clips[0], 1, samples=0)
