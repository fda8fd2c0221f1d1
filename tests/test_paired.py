"""Paired tests: against scipy and by hand; how often they are wrong; what they find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from vidsal import bootstrap, paired

DRAWS = 10_000  # ten times what is asked for, so that chance does not decide


def test_all_signs_give_the_exact_p_of_scipy():
    apart = np.random.default_rng(0).normal(0.4, 1, (11, 5))
    found = paired.sign_flips(apart)
    for column, p in zip(apart.T, found, strict=True):
        reference = scipy.stats.permutation_test(
            (column,),
            lambda x, axis: x.mean(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
        )
        assert p == pytest.approx(reference.pvalue, abs=1e-12)


def test_random_signs_come_near_the_exact_p(monkeypatch):
    apart = np.random.default_rng(1).normal(0.3, 1, (14, 6))
    exact = paired.sign_flips(apart)
    monkeypatch.setattr(paired, "EXACT_UP_TO", 0)
    assert paired.sign_flips(apart, seed=3) == pytest.approx(exact, abs=0.02)


def test_signs_by_hand():
    # 8 signs of (1, 2, 3): only +++ and --- reach 6, four reach 2 or more besides.
    assert paired.sign_flips(np.array([[1.0], [2.0], [3.0]])) == pytest.approx([2 / 8])
    assert paired.sign_flips(np.array([[1.0], [2.0], [-1.0]])) == pytest.approx([6 / 8])


def test_a_missing_difference_counts_as_a_missing_video():
    apart = np.random.default_rng(2).normal(0.5, 1, (12, 1))
    gone = np.vstack([apart, [[np.nan]]])
    assert paired.sign_flips(gone) == pytest.approx(paired.sign_flips(apart))
    assert np.isnan(paired.sign_flips(np.full((4, 1), np.nan)))
    assert paired.sign_flips(np.zeros((4, 1))) == [1.0]


@pytest.mark.parametrize("n", [12, 30, 80])
def test_wilcoxon_is_that_of_scipy_and_leaves_out_equal_videos(n):
    apart = np.random.default_rng(n).normal(0.2, 1, (n, 3))
    apart[:4, 1] = 0
    apart[5, 2] = np.nan
    for column, p in zip(apart.T, paired.signed_ranks(apart), strict=True):
        known = column[~np.isnan(column) & (column != 0)]
        assert p == pytest.approx(scipy.stats.wilcoxon(known).pvalue)
    assert paired.signed_ranks(np.zeros((5, 1))) == [1.0]


def test_holm_and_benjamini_hochberg_by_hand():
    p = np.array([0.01, np.nan, 0.04, 0.03])
    assert paired.holm(p) == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert paired.benjamini_hochberg(p) == pytest.approx([0.03, np.nan, 0.04, 0.04], nan_ok=True)
    assert paired.holm(np.array([0.6, 0.9])) == pytest.approx([1.0, 1.0])
    assert len(paired.holm(np.array([]))) == 0


def test_effects_by_hand():
    apart = np.array([[3.0], [1.0], [-2.0], [0.0]])
    assert paired.standardised(apart) == pytest.approx([0.5 / np.std(apart, ddof=1)])
    # Ranks of |3|, |1|, |2| are 3, 1, 2: 4 for, 2 against, of 6.
    assert paired.rank_biserial(apart) == pytest.approx([2 / 6])
    assert np.array(paired.win_parts(apart)).ravel() == pytest.approx([0.5, 0.25, 0.25])
    assert paired.rank_biserial(np.zeros((3, 1))) == [0.0]


def scores(rng, videos, maps, planted=0.0):
    """Scores of maps on videos that are easy or hard for all of them; the last map is better."""
    made = rng.normal(0, 1, (videos, 1)) + rng.normal(0, 0.5, (videos, maps))
    made[:, -1] += planted
    return pd.DataFrame(made, columns=[f"m{j}" for j in range(maps)])


def test_a_table_of_pairs_says_who_is_better():
    values = scores(np.random.default_rng(5), 20, 4, planted=1.0)
    table = paired.compare(values, seed=1).set_index(["a", "b"])
    assert len(table) == 6
    row = table.loc["m0", "m3"]
    apart = (values["m0"] - values["m3"]).to_numpy()
    assert row["difference"] == pytest.approx(apart.mean())
    interval = bootstrap.intervals(apart[:, None], seed=1)[0]
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["wins"] < 0.2 < 0.8 < row["losses"]
    turned = paired.compare(values, lower=True, seed=1).set_index(["a", "b"]).loc["m0", "m3"]
    assert turned["wins"] == row["losses"]
    assert turned["p"] == row["p"]
    assert (table["p_holm"] >= table["p"]).all()
    assert (table["p_bh"] <= table["p_holm"]).all()


def test_the_same_seed_gives_the_same_table():
    values = scores(np.random.default_rng(6), 20, 4)
    pd.testing.assert_frame_equal(paired.compare(values, seed=3), paired.compare(values, seed=3))
    assert not paired.compare(values, seed=3)["p"].equals(paired.compare(values, seed=4)["p"])


def test_one_map_has_no_pairs():
    assert paired.compare(pd.DataFrame({"a": [1.0, 2.0]})).empty


@pytest.mark.parametrize("videos", [8, 12, 25])
def test_false_positives_are_as_rare_as_said(videos):
    rng = np.random.default_rng(7)
    # Skewed differences of equal mean and of equal law but for the sign.
    apart = rng.choice([-1.0, 1.0], (videos, DRAWS)) * rng.gamma(1, 1, (videos, DRAWS))
    flips = paired.sign_flips(apart, flips=1999)
    ranks = paired.signed_ranks(apart)
    assert (flips <= 0.05).mean() <= 0.06
    assert (ranks <= 0.05).mean() <= 0.06
    assert (flips <= 0.05).mean() >= 0.02


def test_any_false_difference_among_all_pairs_is_as_rare_as_said():
    rng, videos, maps, draws = np.random.default_rng(8), 12, 5, 2000
    first, second = np.array([(i, j) for i in range(maps) for j in range(i)]).T
    pairs = [s[:, first] - s[:, second] for s in rng.normal(0, 1, (draws, videos, maps))]
    p = paired.sign_flips(np.concatenate(pairs, axis=1)).reshape(draws, -1)
    corrected = np.array([paired.holm(row) for row in p])
    assert (corrected.min(axis=1) <= 0.05).mean() <= 0.06
    # Without a correction some pair differs "significantly" far more often.
    assert (p.min(axis=1) <= 0.05).mean() > 0.15


def test_a_planted_difference_is_found():
    found = 0
    for trial in range(40):
        values = scores(np.random.default_rng(100 + trial), 16, 4, planted=0.8)
        table = paired.compare(values, samples=200, seed=trial)
        own = table[(table["b"] == "m3")]
        found += (own["p_holm"] < 0.05).all() and (own["difference"] < 0).all()
    assert found >= 30


def test_frames_taken_for_videos_would_find_differences_that_are_none():
    rng, videos, frames = np.random.default_rng(9), 12, 10
    per_video = rng.normal(0, 1, (videos, 1, DRAWS))
    per_frame = per_video + rng.normal(0, 0.3, (videos, frames, DRAWS))
    assert (paired.sign_flips(per_frame.mean(axis=1)) <= 0.05).mean() <= 0.06
    some = per_frame[:, :, :500].reshape(videos * frames, 500)
    assert (paired.sign_flips(some, flips=199) <= 0.05).mean() > 0.4
