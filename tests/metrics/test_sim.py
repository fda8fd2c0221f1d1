"""SIM against its reference and by its bounds."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.sim import sim


def test_reference(case):
    expected = case.reference["sim"]
    assert sim(case.saliency, case.density)[0] == pytest.approx(expected, abs=1e-9)


def test_reference_float32(case32):
    expected = case32.reference["sim"]
    assert sim(case32.saliency, case32.density)[0] == pytest.approx(expected, abs=2e-5)


def test_reference_video(video):
    expected = [frame["sim"] for frame in video["reference"]]
    np.testing.assert_allclose(sim(video["saliency"], video["density"]), expected, atol=1e-9)


def test_bounds(rng):
    density = rng.random((2, 9, 9))
    np.testing.assert_allclose(sim(5 * density, density), 1, atol=1e-12)
    left, right = np.zeros((1, 4, 4)), np.zeros((1, 4, 4))
    left[:, :, :2] = 1
    right[:, :, 2:] = 1
    assert sim(left, right)[0] == 0


def test_negative_map_is_shifted(rng):
    saliency, density = rng.normal(size=(1, 6, 6)), rng.random((1, 6, 6))
    np.testing.assert_array_equal(sim(saliency, density), sim(saliency - saliency.min(), density))


@pytest.mark.parametrize("level", [-2.0, 0.0, 3.0])
def test_constant_map_is_the_uniform_distribution(level, rng):
    density = rng.random((1, 6, 6))
    expected = np.minimum(density / density.sum(), 1 / 36).sum()
    assert sim(np.full((1, 6, 6), level), density)[0] == pytest.approx(expected, abs=1e-12)


def test_undefined(unusable, unseen):
    assert np.isnan(sim(unusable.saliency, unusable.density)).all()
    assert np.isnan(sim(unseen.saliency, unseen.density)).all()
