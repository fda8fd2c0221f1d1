"""Groups of videos: means, differences between groups, comparisons within, and their errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from vidsal import bootstrap, paired, strata


def tables(labels, maps=3, seed=0, planted=0.0):
    """Scores of videos by maps, and the group of each; group b scores higher in the first map."""
    values = np.random.default_rng(seed).normal(size=(len(labels), maps))
    values[:, 0] += planted * (np.array(labels) == "b")
    names = [f"m{j}" for j in range(maps)]
    groups = np.tile(np.array(labels, object)[:, None], maps)
    return pd.DataFrame(values, columns=names), pd.DataFrame(groups, columns=names)


def test_means_are_those_of_the_videos_of_each_group():
    values, groups = tables([*"aabbbb", ""])
    groups.loc[0, "m2"] = "b"
    table = strata.means(values, groups, seed=5).set_index(["group", "map"])
    own = values["m2"].to_numpy()[[0, 2, 3, 4, 5]]
    expected = bootstrap.intervals(own[:, None], seed=5)[0]
    assert tuple(table.loc["b", "m2"]) == pytest.approx(tuple(expected))
    assert table.loc["a", "m0"]["n"] == 2


def test_between_groups_against_scipy():
    values, groups = tables(list("aaaaabbbbbbcccc"), seed=1, planted=1.0)
    table = strata.between(values, groups).set_index("map")
    parts = [values["m0"][groups["m0"] == name] for name in "abc"]
    assert table.loc["m0", "p_kruskal"] == pytest.approx(scipy.stats.kruskal(*parts).pvalue)
    # Shuffling asks what the F test asks; on normal values both answer nearly alike.
    assert table.loc["m0", "p"] == pytest.approx(scipy.stats.f_oneway(*parts).pvalue, abs=0.02)
    assert (table["groups"] == 3).all()
    own = [part.mean() for part in parts]
    assert table.loc["m0", "spread"] == pytest.approx(max(own) - min(own))
    assert table["p_holm"].to_numpy() == pytest.approx(paired.holm(table["p"].to_numpy()))


def test_a_group_alone_and_equal_values_are_no_finding():
    values, groups = tables(["a"] * 6)
    assert strata.between(values, groups).empty
    values, groups = tables(list("aabb"))
    values["m1"] = 2.0
    row = strata.between(values, groups).set_index("map").loc["m1"]
    assert (row["p"], row["p_kruskal"]) == (1.0, 1.0)
    assert np.isnan(row["eta_squared"])


def test_groups_may_differ_by_map_and_missing_values_are_left_out():
    values, groups = tables(list("aaabbb"), seed=2)
    groups["m1"] = list("ababab")
    values.loc[5, "m2"] = np.nan
    table = strata.between(values, groups).set_index("map")
    assert table["n"].to_dict() == {"m0": 6, "m1": 6, "m2": 5}
    within = strata.within(values, groups)
    # m0 and m2 share their groups; m1 has nobody to be compared with.
    assert set(zip(within["a"], within["b"], strict=True)) == {("m0", "m2")}
    assert list(within["group"]) == ["a", "b"]
    expected = paired.compare(values[["m0", "m2"]][:3], samples=strata.FEWER_SAMPLES)
    assert within.iloc[0]["p"] == expected.iloc[0]["p"]


def test_false_positives_are_as_rare_as_said_and_a_planted_difference_is_found():
    rng = np.random.default_rng(3)
    member = np.repeat([0, 1, 1], 8)
    p = strata.shuffled(rng.gamma(1, 1, (24, 5000)), member)
    assert 0.03 <= (p <= 0.05).mean() <= 0.06
    planted = rng.normal(0, 1, (24, 100)) + 1.8 * member[:, None]
    assert (strata.shuffled(planted, member) <= 0.05).mean() >= 0.9
