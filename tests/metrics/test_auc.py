"""Exact AUC against its reference, by brute force, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.auc import auc


def test_reference(case):
    expected = case.reference["auc_uniform_exact"]
    assert auc(case.saliency, case.fixations)[0] == pytest.approx(expected, abs=1e-9)


def test_reference_float32(case32):
    expected = case32.reference["auc_uniform_exact"]
    assert auc(case32.saliency, case32.fixations)[0] == pytest.approx(expected, abs=1e-9)


def test_reference_video(video):
    expected = [frame["auc_uniform_exact"] for frame in video["reference"]]
    scores = auc(video["saliency"], video["fixations"])
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-9)


def test_brute_force_with_ties_and_duplicates(rng):
    saliency = rng.integers(0, 4, (3, 6, 7)).astype(np.float32)
    fixations = np.array([[2, 1, 1], [0, 5, 6], [2, 1, 1], [0, 0, 0], [1, 3, 3]], np.int32)
    for frame, score in enumerate(auc(saliency, fixations)):
        hits = [saliency[tuple(row)] for row in fixations if row[0] == frame]
        wins = [np.mean((saliency[frame] < hit) + 0.5 * (saliency[frame] == hit)) for hit in hits]
        assert score == pytest.approx(np.mean(wins), abs=1e-12)


def test_only_the_order_counts(rng):
    saliency = rng.random((2, 9, 9))
    fixations = np.array([[0, 2, 3], [0, 8, 8], [1, 0, 4]], np.int32)
    expected = auc(saliency, fixations)
    np.testing.assert_array_equal(auc(np.exp(5 * saliency), fixations), expected)
    np.testing.assert_allclose(auc(-saliency, fixations), 1 - expected, atol=1e-12)


def test_chance_is_one_half_with_a_single_fixation(rng):
    saliency = rng.random((1, 20, 20))
    every = np.array([(0, row, col) for row in range(20) for col in range(20)], np.int32)
    scores = [auc(saliency, one[None])[0] for one in every]
    assert np.mean(scores) == pytest.approx(0.5, abs=1e-12)


def test_constant_map_is_at_chance():
    fixations = np.array([[0, 1, 1]], np.int32)
    assert auc(np.full((1, 5, 5), 3.0, np.float32), fixations)[0] == 0.5


def test_undefined(unusable, unseen):
    assert np.isnan(auc(unusable.saliency, unusable.fixations)).all()
    assert np.isnan(auc(unseen.saliency, unseen.fixations)).all()


def test_infinite_pixel_spoils_only_its_frame(rng):
    saliency = rng.random((2, 4, 4))
    saliency[0, 0, 0] = np.inf
    scores = auc(saliency, np.array([[0, 1, 1], [1, 1, 1]], np.int32))
    assert np.isnan(scores[0])
    assert np.isfinite(scores[1])


@pytest.mark.parametrize("row", [(2, 0, 0), (0, -1, 0), (0, 0, 4)])
def test_fixation_outside_is_refused(row):
    with pytest.raises(ValueError, match="on_grid"):
        auc(np.zeros((2, 4, 4)), np.array([row], np.int32))
