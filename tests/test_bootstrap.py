"""Bootstrap of many columns: against scipy, by coverage, and with observers inside videos."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from vidsal import bootstrap


def test_columns_have_the_intervals_of_scipy_each_on_its_own_videos():
    values = np.random.default_rng(0).gamma(2, size=(30, 4))
    values[[2, 9], 1] = np.nan
    made = bootstrap.intervals(values, seed=4, samples=2000)
    for column, found in zip(values.T, made, strict=True):
        known = column[~np.isnan(column)]
        reference = scipy.stats.bootstrap(
            (known,), np.mean, method="BCa", n_resamples=2000, rng=np.random.default_rng(4)
        ).confidence_interval
        expected = (known.mean(), reference.low, reference.high, len(known))
        assert found == pytest.approx(expected, rel=1e-12)


def test_columns_do_not_depend_on_their_neighbours():
    values = np.random.default_rng(1).normal(size=(15, 3))
    values[4, 0] = np.nan
    together = bootstrap.intervals(values, seed=2)
    alone = [bootstrap.intervals(values[:, [j]], seed=2)[0] for j in range(3)]
    assert np.array(together) == pytest.approx(np.array(alone), rel=1e-12)


def test_columns_without_values_or_with_one():
    values = np.array([[np.nan, 1.0], [np.nan, np.nan]])
    none, one = bootstrap.intervals(values)
    assert np.isnan(none[:3]).all()
    assert none.n == 0
    assert (one.mean, one.n) == (1.0, 1)
    assert np.isnan([one.low, one.high]).all()


def test_nested_equals_the_plain_one_where_a_video_has_one_observer():
    values = np.random.default_rng(3).gamma(2, size=40)
    plain = bootstrap.intervals(values[:, None])[0]
    nested = bootstrap.nested_mean(values, np.arange(40))
    assert nested.mean == pytest.approx(plain.mean)
    assert nested[1:3] == pytest.approx(plain[1:3], abs=0.03)


def test_nested_counts_videos_once_and_ignores_order_and_missing_values():
    values = np.array([1.0, 3.0, 10.0, np.nan, 2.0])
    videos = np.array(["a", "a", "b", "b", "a"])
    found = bootstrap.nested_mean(values, videos)
    assert (found.mean, found.n) == (6.0, 2)
    order = [4, 2, 0, 3, 1]
    assert bootstrap.nested_mean(values[order], videos[order]).mean == 6.0
    assert bootstrap.nested_mean([], []).n == 0
    assert np.isnan(bootstrap.nested_mean([1.0, 2.0], ["a", "a"]).low)


def nested_trial(rng, videos=20, observers=6):
    """Scores of observers who differ, on videos that differ; the true mean is 0."""
    own = rng.normal(0, 1, videos)[:, None] + rng.normal(0, 1.5, (videos, observers))
    return own.ravel(), np.repeat(np.arange(videos), observers)


def test_nested_intervals_cover_and_those_over_all_values_do_not():
    rng, nested, naive = np.random.default_rng(4), 0, 0
    for trial in range(150):
        values, videos = nested_trial(rng)
        found = bootstrap.nested_mean(values, videos, samples=500, seed=trial)
        nested += found.low <= 0 <= found.high
        found = bootstrap.intervals(values[:, None], samples=500, seed=trial)[0]
        naive += found.low <= 0 <= found.high
    assert 0.90 <= nested / 150 <= 1.0
    assert naive < nested - 10
