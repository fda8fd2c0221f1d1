"""Means, intervals, summaries: against scipy, by hand, and at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from vidsal import bootstrap, statistics


def test_mean_and_interval_are_those_of_scipy():
    values = np.random.default_rng(0).gamma(2, size=30)
    made = statistics.bootstrap_mean(values, seed=4)
    reference = scipy.stats.bootstrap(
        (values,), np.mean, method="BCa", rng=np.random.default_rng(4)
    ).confidence_interval
    assert made == pytest.approx((values.mean(), reference.low, reference.high, 30), rel=1e-12)
    assert made.low < made.mean < made.high


def test_same_seed_same_interval_and_wider_level_wider_interval():
    values = np.random.default_rng(1).normal(size=25)
    first = statistics.bootstrap_mean(values, seed=1)
    assert statistics.bootstrap_mean(values, seed=1) == first
    assert statistics.bootstrap_mean(values, seed=2) != first
    wide = statistics.bootstrap_mean(values, seed=1, level=0.99)
    assert wide.low < first.low < first.high < wide.high


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(2), 0
    for trial in range(200):
        found = statistics.bootstrap_mean(rng.normal(3, 2, 40), samples=999, seed=trial)
        hits += found.low <= 3 <= found.high
    assert 0.89 <= hits / 200 <= 0.99


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_no_value(values):
    found = statistics.bootstrap_mean(values)
    assert np.isnan(found[:3]).all()
    assert found.n == 0


def test_one_value_has_no_interval():
    found = statistics.bootstrap_mean([np.nan, 2.5])
    assert (found.mean, found.n) == (2.5, 1)
    assert np.isnan([found.low, found.high]).all()


def test_equal_values_have_a_degenerate_interval():
    assert statistics.bootstrap_mean([0.1] * 7) == (0.1, 0.1, 0.1, 7)


@pytest.mark.parametrize("values", [[0.0, 1.0], [0, 0, 0, 0, 1], [1e-12, 2e-12, 3e-12]])
def test_few_or_nearly_equal_values_have_finite_bounds(values):
    found = statistics.bootstrap_mean(values)
    bounds = [min(values), found.low, found.mean, found.high, max(values)]
    assert (np.diff(bounds) >= -1e-15).all()
    assert found.low < found.high


def test_many_videos_are_quick_and_drawn_in_batches(monkeypatch):
    values = np.random.default_rng(3).normal(size=60)
    exact = statistics.bootstrap_mean(values)
    monkeypatch.setattr(bootstrap, "AT_ONCE", 5000)
    assert statistics.bootstrap_mean(values) == pytest.approx(exact, abs=0.05)


def long_table(values, reasons=None, frames=(), **keys):
    """Whole-clip rows, one per value, then rows of single frames of the first video."""
    reasons = reasons or [""] * len(values)
    rows = [(f"v{i}", -1, value, 5, reasons[i]) for i, value in enumerate(values)]
    rows += [("v0", frame, value, 1, "") for frame, value in enumerate(frames)]
    table = pd.DataFrame(rows, columns=["video", "frame", "value", "n", "reason"])
    return table.assign(
        **{"model": "m", "method": "g", "aggregation": "mean", "metric": "nss"} | keys
    )


def test_summary_of_one_map():
    reasons = ["", "", "no_fixation", "constant_map", "no_fixation"]
    table = long_table([1.0, 2.0, np.nan, np.nan, np.nan], reasons, frames=[9.0, np.nan, 7.0])
    (row,) = statistics.summarise(table, seed=3).to_dict("records")
    expected = statistics.bootstrap_mean([1.0, 2.0], seed=3)
    assert (row["mean"], row["low"], row["high"], row["n"]) == expected
    assert (row["frames"], row["samples"], row["undefined"]) == (2, 10, 3)
    assert row["reasons"] == "constant_map=1 no_fixation=2"


def test_summary_keeps_groups_apart_in_their_order():
    table = pd.concat(
        [
            long_table([3.0, 4.0], metric="nss"),
            long_table([1.0], metric="auc"),
            long_table([7.0], model="none", metric="nss"),
        ]
    )
    made = statistics.summarise(table)
    assert list(zip(made["model"], made["metric"], strict=True)) == [
        ("m", "nss"),
        ("m", "auc"),
        ("none", "nss"),
    ]
    assert list(made["mean"]) == [3.5, 1.0, 7.0]
    assert made["frames"].isna().all()


def test_summary_groups_by_dataset_and_split_where_they_are_there():
    table = pd.concat([long_table([1.0], split="val"), long_table([3.0], split="test")])
    made = statistics.summarise(table.assign(dataset="d"))
    assert list(made.columns[:3]) == ["dataset", "split", "model"]
    assert list(made["mean"]) == [1.0, 3.0]


def test_summary_of_nothing():
    made = statistics.summarise(long_table([])[:0])
    assert len(made) == 0
    assert list(made.columns[:4]) == ["model", "method", "aggregation", "metric"]


def test_paired_difference_pairs_by_video():
    a = pd.Series({"x": 3.0, "y": 5.0, "z": np.nan, "only_a": 9.0})
    b = pd.Series({"y": 1.0, "x": 1.0, "z": 1.0, "only_b": 9.0})
    found = statistics.paired_difference(a, b, seed=5)
    assert (found.mean, found.n) == (3.0, 2)
    reverse = statistics.paired_difference(b, a, seed=5)
    assert reverse.mean == -3.0


def test_paired_difference_sees_what_the_means_hide():
    rng = np.random.default_rng(6)
    base = pd.Series(rng.normal(0, 10, 40))
    better = base + 0.2 + rng.normal(0, 0.1, 40)
    found = statistics.paired_difference(better, base)
    assert found.low > 0.1
    assert statistics.bootstrap_mean(better).low < base.mean()
