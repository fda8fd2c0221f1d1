"""CC against its references and by its invariances."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.cc import cc


def test_reference(case):
    score = cc(case.saliency, case.density)[0]
    if case.kind in ("const", "zero"):
        assert np.isnan(score)
    else:
        assert score == pytest.approx(case.reference["cc"], abs=1e-9)
        assert score == pytest.approx(case.mit["cc"], abs=1e-9)


def test_reference_float32(case32):
    if case32.kind not in ("const", "zero"):
        score = cc(case32.saliency, case32.density)[0]
        assert score == pytest.approx(case32.reference["cc"], abs=2e-5)


def test_reference_video(video):
    expected = [frame["cc"] for frame in video["reference"]]
    np.testing.assert_allclose(cc(video["saliency"], video["density"]), expected, atol=1e-9)


def test_identities(rng):
    density = rng.random((2, 9, 9))
    np.testing.assert_allclose(cc(3 * density - 1, density), 1, atol=1e-12)
    np.testing.assert_allclose(cc(-density, density), -1, atol=1e-12)
    saliency = rng.random((2, 9, 9))
    np.testing.assert_allclose(cc(saliency, density), cc(density, saliency), atol=1e-12)
    expected = [np.corrcoef(saliency[t].ravel(), density[t].ravel())[0, 1] for t in range(2)]
    np.testing.assert_allclose(cc(saliency, density), expected, atol=1e-12)


def test_undefined(unusable, unseen, rng):
    assert np.isnan(cc(unusable.saliency, unusable.density)).all()
    assert np.isnan(cc(unseen.saliency, unseen.density)).all()
    assert np.isnan(cc(rng.random((1, 4, 4)), np.full((1, 4, 4), 0.1))).all()


def test_two_grids_are_refused(rng):
    with pytest.raises(ValueError, match="one grid"):
        cc(rng.random((1, 4, 4)), rng.random((1, 4, 5)))


def test_arguments_are_left_alone(rng):
    saliency, density = rng.random((2, 5, 5)), rng.random((2, 5, 5))
    before = saliency.copy(), density.copy()
    cc(saliency, density)
    np.testing.assert_array_equal(saliency, before[0])
    np.testing.assert_array_equal(density, before[1])
