"""KL against its references and by its identities."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.kl import kl


def test_reference(case):
    expected = case.reference["kl_mit"]
    assert kl(case.saliency, case.density)[0] == pytest.approx(expected, abs=1e-9)


def test_octave_reference(case):
    # Octave's epsilon is 2^-52 with all its digits, which shows where the map is zero; its code
    # knows neither the shift of negative maps nor the uniform map for all-zero ones.
    if case.kind not in ("neg", "zero"):
        expected = case.mit["kl"]
        assert kl(case.saliency, case.density)[0] == pytest.approx(expected, abs=2e-5)


def test_reference_float32(case32):
    expected = case32.reference["kl_mit"]
    assert kl(case32.saliency, case32.density)[0] == pytest.approx(expected, abs=1e-4)


def test_identities(rng):
    density = rng.random((2, 9, 9))
    np.testing.assert_allclose(kl(7 * density, density), 0, atol=1e-9)
    assert (kl(rng.random((2, 9, 9)), density) > 0).all()


def test_by_hand():
    saliency, density = np.array([[[1.0, 3.0]]]), np.array([[[1.0, 1.0]]])
    expected = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert kl(saliency, density)[0] == pytest.approx(expected, abs=1e-12)


def test_zero_map_where_people_looked_is_punished():
    saliency, density = np.array([[[0.0, 1.0]]]), np.array([[[1.0, 0.0]]])
    assert kl(saliency, density)[0] == pytest.approx(-np.log(2.2204e-16), abs=1e-9)


def test_undefined(unusable, unseen):
    assert np.isnan(kl(unusable.saliency, unusable.density)).all()
    assert np.isnan(kl(unseen.saliency, unseen.density)).all()
