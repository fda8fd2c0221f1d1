"""NSS against its reference and by its invariances."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.nss import nss

POINTS = np.array([[0, 2, 3], [0, 2, 3], [1, 0, 4]], np.int32)


def test_reference(case):
    score = nss(case.saliency, case.fixations)[0]
    if case.kind in ("const", "zero"):
        assert np.isnan(score)
    else:
        assert score == pytest.approx(case.reference["nss"], abs=1e-9)


def test_reference_float32(case32):
    if case32.kind not in ("const", "zero"):
        score = nss(case32.saliency, case32.fixations)[0]
        assert score == pytest.approx(case32.reference["nss"], abs=2e-5)


def test_reference_video(video):
    expected = [frame["nss"] for frame in video["reference"]]
    np.testing.assert_allclose(nss(video["saliency"], video["fixations"]), expected, atol=1e-9)


def test_octave_reference_differs_by_the_degrees_of_freedom(case):
    if case.kind in ("const", "zero", "dups"):
        return
    score = nss(case.saliency, case.fixations)[0]
    count = case.saliency.size
    assert score * np.sqrt((count - 1) / count) == pytest.approx(case.mit["nss"], abs=1e-9)


def test_scale_and_shift_change_nothing(rng):
    saliency = rng.random((2, 9, 9))
    np.testing.assert_allclose(nss(40 * saliency - 7, POINTS), nss(saliency, POINTS), atol=1e-9)
    np.testing.assert_allclose(nss(-saliency, POINTS), -nss(saliency, POINTS), atol=1e-9)


def test_all_pixels_once_give_zero(rng):
    every = np.array([(0, row, col) for row in range(6) for col in range(5)], np.int32)
    assert nss(rng.random((1, 6, 5)), every)[0] == pytest.approx(0, abs=1e-12)


def test_undefined(unusable, unseen):
    assert np.isnan(nss(unusable.saliency, unusable.fixations)).all()
    assert np.isnan(nss(unseen.saliency, unseen.fixations)).all()
    # 0.1 is not exact in binary: the rounded variance of this map is not zero.
    assert np.isnan(nss(np.full((2, 7, 9), 0.1), POINTS)).all()


@pytest.mark.parametrize("offset", [0, 1e2, 1e4])
def test_float32_maps_far_from_zero_are_no_loss(rng, offset):
    saliency = (rng.random((3, 40, 50)) + offset).astype(np.float32)
    fixations = np.column_stack([rng.integers(0, side, 90) for side in saliency.shape])
    exact = nss(saliency.astype(np.float64), fixations)
    np.testing.assert_allclose(nss(saliency, fixations), exact, atol=5e-7)
