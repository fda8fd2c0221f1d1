"""Relevance mass by hand and at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.relevance_mass import relevance_mass


def test_by_hand():
    saliency = np.array([[[1.0, -5.0], [2.0, 5.0]]])
    mask = np.array([[[True, True], [True, False]]])
    assert relevance_mass(saliency, mask)[0] == pytest.approx(3 / 8)


def test_bounds_and_complement(rng):
    saliency = rng.normal(size=(4, 9, 9)).astype(np.float32)
    mask = rng.random((4, 9, 9)) < 0.3
    inside, outside = relevance_mass(saliency, mask), relevance_mass(saliency, ~mask)
    np.testing.assert_allclose(inside + outside, 1, atol=1e-12)
    np.testing.assert_array_equal(relevance_mass(saliency, np.ones_like(mask)), 1)


def test_positive_constant_gives_the_share_of_the_mask():
    mask = np.zeros((1, 10, 10), bool)
    mask[0, :2, :5] = True
    assert relevance_mass(np.full((1, 10, 10), 0.3), mask)[0] == pytest.approx(0.1)


def test_scale_changes_nothing(rng):
    saliency, mask = rng.normal(size=(2, 6, 6)), rng.random((2, 6, 6)) < 0.5
    np.testing.assert_allclose(
        relevance_mass(1e-30 * saliency, mask), relevance_mass(saliency, mask), atol=1e-12
    )


@pytest.mark.parametrize(
    ("level", "covered"), [(1.0, False), (0.0, True), (-1.0, True), (np.nan, True)]
)
def test_undefined(level, covered):
    saliency, mask = np.full((1, 4, 4), level), np.full((1, 4, 4), covered)
    assert np.isnan(relevance_mass(saliency, mask)).all()


def test_two_grids_are_refused():
    with pytest.raises(ValueError, match="one grid"):
        relevance_mass(np.zeros((1, 4, 4)), np.zeros((1, 4, 5), bool))
