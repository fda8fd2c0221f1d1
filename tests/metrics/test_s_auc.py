"""Shuffled AUC against its reference, by brute force, and against AUC."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics.auc import auc
from vidsal.metrics.s_auc import s_auc


def test_reference(case):
    score = s_auc(case.saliency, case.fixations, case.other)[0]
    assert score == pytest.approx(case.reference["sauc_exact"], abs=1e-9)


def test_reference_float32(case32):
    score = s_auc(case32.saliency, case32.fixations, case32.other)[0]
    assert score == pytest.approx(case32.reference["sauc_exact"], abs=1e-9)


def test_brute_force_counts_the_weights(rng):
    saliency = rng.integers(0, 4, (2, 6, 7)).astype(np.float32)
    other = rng.integers(0, 3, (6, 7)).astype(np.float64)
    fixations = np.array([[1, 1, 1], [0, 5, 6], [1, 1, 1], [1, 3, 2]], np.int32)
    for frame, score in enumerate(s_auc(saliency, fixations, other)):
        hits = [saliency[tuple(row)] for row in fixations if row[0] == frame]
        negatives = np.repeat(saliency[frame].ravel(), other.ravel().astype(int))
        wins = [np.mean((negatives < hit) + 0.5 * (negatives == hit)) for hit in hits]
        assert score == pytest.approx(np.mean(wins), abs=1e-12)


def test_uniform_negatives_are_plain_auc(rng):
    saliency = rng.random((2, 8, 8))
    fixations = np.array([[0, 1, 1], [1, 7, 2]], np.int32)
    shuffled = s_auc(saliency, fixations, np.full((8, 8), 3.0))
    np.testing.assert_allclose(shuffled, auc(saliency, fixations), atol=1e-12)


def test_map_of_the_others_is_at_chance(rng):
    other = rng.integers(0, 5, (10, 10)).astype(np.float64)
    rows, cols = np.nonzero(other)
    points = [(0, r, c) for r, c in zip(rows, cols, strict=True) for _ in range(int(other[r, c]))]
    score = s_auc(rng.random((1, 10, 10)), np.array(points, np.int32), other)[0]
    assert score == pytest.approx(0.5, abs=1e-12)


def test_undefined(unusable, unseen):
    assert np.isnan(s_auc(unusable.saliency, unusable.fixations, unusable.other)).all()
    assert np.isnan(s_auc(unseen.saliency, unseen.fixations, unseen.other)).all()
    nowhere = np.zeros((4, 4))
    assert np.isnan(s_auc(np.ones((1, 4, 4)), np.array([[0, 1, 1]], np.int32), nowhere)).all()


KINDS = {
    "signed": lambda r, shape: r.normal(size=shape) ** 3,
    "negative": lambda r, shape: -r.gamma(0.3, size=shape),
    "rectified": lambda r, shape: np.maximum(r.normal(size=shape), 0),
    "lifted": lambda r, shape: 1e4 + r.random(shape),
    "levels": lambda r, shape: r.integers(-2, 3, shape).astype(float),
    "zeros": lambda r, shape: r.choice([0.0, -0.0, 1e-30, -1e-30, 5.0], shape),
    "wide": lambda r, shape: np.exp(r.normal(0, 15, shape)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_settling_in_steps_is_exact(rng, kind, dtype):
    for hits in (1, 3, 40):
        saliency = KINDS[kind](rng, (1, 20, 25)).astype(dtype)
        other = rng.integers(0, 4, (20, 25)).astype(np.float64)
        rows, cols = rng.integers(0, 20, hits), rng.integers(0, 25, hits)
        fixations = np.column_stack([np.zeros(hits), rows, cols]).astype(np.int32)
        negatives = np.repeat(saliency.ravel(), other.ravel().astype(int))
        own = saliency[0, rows, cols][:, None]
        wins = (negatives < own).sum() + (negatives == own).sum() / 2
        expected = wins / (hits * len(negatives))
        assert s_auc(saliency, fixations, other)[0] == pytest.approx(expected, abs=1e-12)
