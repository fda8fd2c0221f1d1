"""Ranks, Friedman and Nemenyi: against scipy, published values, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from vidsal import ranking


def table(values):
    return pd.DataFrame(values, columns=[f"m{j}" for j in range(np.shape(values)[1])])


def test_the_studentised_range_is_that_of_scipy():
    q = np.array([0.5, 1.7, 3.3, 5.0])
    for k in (2, 3, 10, 40):
        expected = scipy.stats.studentized_range.sf(q, k, np.inf)
        assert ranking.range_tail(q, k) == pytest.approx(expected, abs=1e-9)


# q_0.05 of table 5(a) in Demsar 2006, for 2 to 10 classifiers.
PUBLISHED = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


@pytest.mark.parametrize(("k", "q"), list(enumerate(PUBLISHED, start=2)))
def test_critical_differences_are_the_published_ones(k, q):
    found = ranking.critical_difference(k, 14)
    assert found == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * 14)), abs=2e-3)


def test_nemenyi_finds_what_lies_further_apart_than_the_critical_difference():
    distance = ranking.critical_difference(4, 20)
    p = ranking.nemenyi(np.array([1.0, 1 + 0.99 * distance, 1 + 1.01 * distance, 3.0]), 20)
    assert p[0, 1] > 0.05 > p[0, 2]
    assert p[0, 0] == 1.0
    assert np.array_equal(p, p.T)
    assert np.isnan(ranking.nemenyi(np.full(3, np.nan), 0)).all()


def test_friedman_is_that_of_scipy_on_complete_videos():
    values = table(np.random.default_rng(0).normal(size=(15, 4)))
    values.iloc[3, 2] = np.nan
    found = ranking.overall(values)
    reference = scipy.stats.friedmanchisquare(*values.dropna().to_numpy().T)
    assert (found.n, found.maps) == (14, 4)
    assert (found.statistic, found.p) == pytest.approx(reference)


def test_friedman_where_there_is_nothing_to_test():
    assert np.isnan(ranking.overall(table(np.ones((5, 2)))).p)
    assert ranking.overall(table(np.ones((5, 3)))).p == 1.0
    assert np.isnan(ranking.overall(table(np.full((5, 3), np.nan))).p)


def test_ranks_by_hand():
    found = ranking.ranks(table([[3.0, 1.0, 2.0], [5.0, 5.0, 1.0]])).set_index("map")
    assert list(found["mean_rank"]) == [1.25, 2.25, 2.5]
    assert list(found["rank"]) == [1, 2, 3]
    # m0 beats both in the first video, one and a half of two in the second.
    assert found["win_rate"].to_dict() == {"m0": 0.875, "m1": 0.375, "m2": 0.25}
    turned = ranking.ranks(table([[3.0, 1.0, 2.0], [5.0, 5.0, 1.0]]), lower=True)
    assert list(turned["rank"]) == [3, 2, 1]


def test_a_clear_order_has_sure_ranks_and_equal_maps_have_not():
    noise = np.random.default_rng(1).normal(0, 0.1, (20, 3))
    clear = ranking.ranks(table(noise + np.array([0, 5, 10])))
    assert list(clear["rank_low"]) == list(clear["rank_high"]) == [3, 2, 1]
    alike = ranking.ranks(table(noise))
    assert (alike["rank_high"] - alike["rank_low"]).max() >= 1


def test_equal_maps_share_their_rank_and_no_video_gives_no_ranks():
    column = np.random.default_rng(2).normal(size=(9, 1))
    found = ranking.ranks(table(np.hstack([column, column])))
    assert list(found["rank"]) == list(found["mean_rank"]) == [1.5, 1.5]
    nothing = ranking.ranks(table([[np.nan, 1.0], [1.0, np.nan]]))
    assert list(nothing["n"]) == [0, 0]
    assert nothing["mean_rank"].isna().all()


def test_a_map_without_any_value_takes_no_videos_from_the_others():
    values = table(np.random.default_rng(5).normal(size=(9, 4)))
    values["m1"] = np.nan
    found = ranking.ranks(values).set_index("map")
    assert list(found["n"]) == [9, 0, 9, 9]
    assert found["mean_rank"].isna().to_dict() == {"m0": 0, "m1": 1, "m2": 0, "m3": 0}
    pd.testing.assert_frame_equal(
        found.drop("m1"), ranking.ranks(values.drop(columns="m1")).set_index("map")
    )
    assert ranking.overall(values)[:2] == (9, 3)
    p = ranking.nemenyi(found["mean_rank"].to_numpy(), 9)
    kept = ranking.nemenyi(found["mean_rank"].drop("m1").to_numpy(), 9)
    assert np.array_equal(np.delete(np.delete(p, 1, 0), 1, 1), kept)
    assert np.isnan(p[1]).all()


def test_friedman_is_rarely_wrong():
    rng = np.random.default_rng(3)
    p = [ranking.overall(table(rng.normal(size=(15, 5)))).p for _ in range(3000)]
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.06
