"""Agreement: published examples, identities, and metrics that order maps alike or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, rankdata

from vidsal import agreement

N = np.nan
# Four observers, twelve units: the worked example of Krippendorff 2011, sections D and E.
EXAMPLE = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)


ALPHAS = [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]


@pytest.mark.parametrize(("level", "alpha"), ALPHAS)
def test_alpha_is_that_of_the_published_example(level, alpha):
    assert agreement.krippendorff_alpha(EXAMPLE, level) == pytest.approx(alpha, abs=6e-4)


def test_alpha_at_its_ends():
    same = np.tile(np.arange(6.0), (3, 1))
    assert agreement.krippendorff_alpha(same) == pytest.approx(1.0)
    assert agreement.krippendorff_alpha(np.array([[1.0, 2.0], [2.0, 1.0]])) < 0
    rng = np.random.default_rng(0)
    assert agreement.krippendorff_alpha(rng.normal(size=(2, 1000))) == pytest.approx(0, abs=0.1)
    assert np.isnan(agreement.krippendorff_alpha(np.ones((3, 4))))
    assert np.isnan(agreement.krippendorff_alpha(np.array([[1.0, N], [N, 2.0]])))


def test_w_by_hand_and_by_friedman():
    assert agreement.kendall_w(np.tile([1.0, 2.0, 3.0], (4, 1))).w == 1.0
    assert agreement.kendall_w(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).w == 0.0
    scores = np.random.default_rng(1).integers(0, 4, (6, 5)).astype(float)
    chi2, p = friedmanchisquare(*scores.T)
    found = agreement.kendall_w(scores)
    assert found.w == pytest.approx(chi2 / (6 * 4))
    assert found.p == pytest.approx(p)
    assert np.isnan(agreement.kendall_w(np.ones((3, 4))).w)


def long_table(cube):
    """Scores (metrics, videos, maps) as rows."""
    m, n, k = cube.shape
    index = pd.MultiIndex.from_product(
        [[f"x{i}" for i in range(m)], [f"v{i}" for i in range(n)], [f"a/{i}" for i in range(k)]],
        names=["metric", "video", "map"],
    )
    return pd.DataFrame({"value": cube.ravel()}, index=index).reset_index()


def test_metrics_that_order_alike_agree_and_turned_ones_are_turned():
    base = np.random.default_rng(2).normal(size=(1, 10, 6)) * 0.1 + np.arange(6)
    cube = np.concatenate([base, 2 * base + 1, -base])
    table = agreement.between_metrics(long_table(cube), lower={"x2"})
    assert list(table["statistic"]) == ["kendall_tau"] * 3 + ["kendall_w", "krippendorff_alpha"]
    assert table["value"].to_numpy() == pytest.approx(1.0)
    assert (table["n"] == 10).all()
    opposed = agreement.between_metrics(long_table(cube), lower=set())
    taus = opposed[opposed["statistic"] == "kendall_tau"].set_index(["metric_a", "metric_b"])
    expected = {("x0", "x1"): 1, ("x0", "x2"): -1, ("x1", "x2"): -1}
    assert taus["value"].to_dict() == pytest.approx(expected)
    assert opposed["value"].iloc[-2] == pytest.approx(1 / 9)


def test_a_map_or_video_that_a_metric_lacks_is_left_out():
    cube = np.random.default_rng(3).normal(size=(2, 8, 4))
    cube[1, :, 3] = np.nan
    cube[0, 5, 0] = np.nan
    table = agreement.between_metrics(long_table(cube), lower=set())
    assert (table["maps"] == 3).all()
    assert (table["n"] == 7).all()
    kept = np.delete(cube[:, :, :3], 5, axis=1)
    ranks = rankdata(kept, axis=2).reshape(2, -1)
    assert table["value"].iloc[-1] == pytest.approx(agreement.krippendorff_alpha(ranks))


def test_one_metric_agrees_with_nobody():
    cube = np.random.default_rng(4).normal(size=(1, 8, 4))
    assert agreement.between_metrics(long_table(cube), lower=set()).empty
