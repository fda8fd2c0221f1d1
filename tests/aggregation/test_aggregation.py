"""Identities of the aggregations over time."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.aggregation.frames import frames
from vidsal.aggregation.maximum import maximum
from vidsal.aggregation.mean import mean
from vidsal.aggregation.shuffled import shuffled


@pytest.fixture
def heatmaps():
    return np.random.default_rng(5).normal(size=(7, 4, 5)).astype(np.float32)


def test_frames_changes_nothing(heatmaps):
    np.testing.assert_array_equal(frames(heatmaps), heatmaps)


def test_mean_is_the_sum_over_the_number(heatmaps):
    expected = heatmaps.astype(np.float64).sum(axis=0) / 7
    np.testing.assert_allclose(mean(heatmaps), expected, rtol=1e-6)


def test_mean_does_not_drown_small_values_in_long_videos():
    heatmaps = np.full((40_000, 1, 1), 0.1, np.float32)
    assert mean(heatmaps)[0, 0] == np.float32(0.1)


def test_maximum_is_reached_and_never_exceeded(heatmaps):
    top = maximum(heatmaps)
    assert (heatmaps <= top).all()
    assert (heatmaps == top).any(axis=0).all()


@pytest.mark.parametrize("aggregate", [mean, maximum])
def test_one_map_for_the_clip_whatever_the_order(aggregate, heatmaps):
    assert aggregate(heatmaps).shape == (4, 5)
    assert aggregate(heatmaps).dtype == np.float32
    np.testing.assert_allclose(aggregate(heatmaps[::-1]), aggregate(heatmaps), rtol=1e-6)
    np.testing.assert_array_equal(aggregate(heatmaps[:1]), heatmaps[0])


def test_shuffled_moves_every_frame_and_loses_none(heatmaps):
    for seed in range(20):
        made = shuffled(heatmaps, seed=seed)
        assert (made != heatmaps).any(axis=(1, 2)).all()
        assert sorted(map(bytes, made)) == sorted(map(bytes, heatmaps))
    np.testing.assert_array_equal(shuffled(heatmaps), shuffled(heatmaps.copy()))
    np.testing.assert_array_equal(shuffled(heatmaps[:1]), heatmaps[:1])
