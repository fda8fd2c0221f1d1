"""Which map is best? Ranks with intervals, win rates, and whether the maps differ at all.

J. Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", Journal of Machine
Learning Research 7, 2006: videos take the place of his data sets.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import friedmanchisquare, rankdata

from vidsal import bootstrap

RANK_COLUMNS = [
    *("map", "n", "mean", "rank", "rank_low", "rank_high"),
    *("mean_rank", "mean_rank_low", "mean_rank_high", "win_rate"),
]


class Overall(NamedTuple):
    """Friedman's test of "all maps are alike", and the difference of mean ranks that counts."""

    n: int
    maps: int
    statistic: float
    p: float
    critical_difference: float


def ranks(
    values: pd.DataFrame, *, lower: bool = False, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Rank maps, over the videos that all of them have a value for; one without any has no rank.

    Args:
        values: a row per video, a column per map.
        lower: whether small values are the good ones.
        level: confidence level.
        seed: of the draws of videos.

    Returns:
        a row per map: n (videos); mean; rank (of the mean, 1 = best, ties share the middle) and
        the percentile interval of that rank over drawn videos; mean_rank (of the ranks within each
        video) with its BCa interval; win_rate (part of the other maps that it beats, mean over
        videos, ties count one half).
    """
    whole = _complete(values)
    known, (n, k) = whole.to_numpy(np.float64), whole.shape
    if n == 0:
        empty = pd.DataFrame(np.nan, index=range(values.shape[1]), columns=RANK_COLUMNS)
        return empty.assign(map=list(values.columns), n=0)
    turned = known if lower else -known
    within = rankdata(turned, axis=1)
    means = bootstrap.intervals(within, level=level, seed=seed)
    made = pd.DataFrame({"n": n, "mean": known.mean(axis=0)}, index=whole.columns)
    made["rank"] = rankdata(_settled(turned.mean(axis=0)))
    made["rank_low"], made["rank_high"] = _rank_interval(turned, level, seed)
    made["mean_rank"] = [mean.mean for mean in means]
    made["mean_rank_low"] = [mean.low for mean in means]
    made["mean_rank_high"] = [mean.high for mean in means]
    made["win_rate"] = (k - within).mean(axis=0) / (k - 1) if k > 1 else np.nan
    made = made.reindex(values.columns).rename_axis("map").reset_index()
    return made.fillna({"n": 0}).astype({"n": int})[RANK_COLUMNS]


def _complete(values: pd.DataFrame) -> pd.DataFrame:
    """Return the videos that all maps have a value for; maps without any value do not count."""
    return values.dropna(axis=1, how="all").dropna()


def overall(values: pd.DataFrame, *, level: float = 0.95) -> Overall:
    """Test with Friedman's ranks whether maps differ, over videos with a value for all of them.

    Two maps whose mean ranks lie further apart than `critical_difference` differ by Nemenyi's
    test. NaN for fewer than 3 maps or 2 videos.
    """
    known = _complete(values).to_numpy(np.float64)
    n, k = known.shape
    if n < 2 or k < 3:
        return Overall(n, k, np.nan, np.nan, np.nan)
    if (known == known[:, :1]).all():
        return Overall(n, k, 0.0, 1.0, critical_difference(k, n, level=level))
    found = friedmanchisquare(*known.T)
    difference = critical_difference(k, n, level=level)
    return Overall(n, k, float(found.statistic), float(found.pvalue), difference)


def nemenyi(mean_ranks: np.ndarray, n: int) -> np.ndarray:
    """p of Nemenyi's test for all pairs (k,k) of the mean ranks (k,) over n videos, corrected.

    A map without a rank is compared with none: NaN.
    """
    mean_ranks = np.asarray(mean_ranks, np.float64)
    k = int(np.isfinite(mean_ranks).sum())
    if not n or k < 2:
        return np.full((len(mean_ranks), len(mean_ranks)), np.nan)
    apart = np.abs(mean_ranks[:, None] - mean_ranks)
    return range_tail(apart * np.sqrt(2) / np.sqrt(k * (k + 1) / (6 * n)), k)


def critical_difference(k: int, n: int, *, level: float = 0.95) -> float:
    """The difference of mean ranks of k maps over n videos that Nemenyi's test finds at 1-level."""
    return float(_critical_range(k, level) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))


@cache
def _critical_range(k: int, level: float) -> float:
    """The studentised range that is exceeded with the chance 1 - level, by bisection."""
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        above = range_tail(np.array(middle), k) > 1 - level
        low, high = (middle, high) if above else (low, middle)
    return high


def range_tail(q: np.ndarray, k: int) -> np.ndarray:
    """P(largest - smallest of k standard normal numbers > q): the studentised range, any shape.

    P(range <= q) = k int phi(z) (Phi(z) - Phi(z - q))^(k-1) dz, by the trapezoid rule, which for
    such integrals is right to about 1e-12.
    """
    z = np.linspace(-9, 9, 721)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    q = np.asarray(q, np.float64)
    inside = ndtr(z) - ndtr(z - q[..., None])
    covered = k * (density * inside ** (k - 1)).sum(axis=-1) * (z[1] - z[0])
    return np.where(np.isnan(q), np.nan, np.clip(1 - covered, 0.0, 1.0))


def _settled(means: np.ndarray) -> np.ndarray:
    """Means without the last digits, so that rounding makes no order among equals."""
    return np.round(means, 12)


def _rank_interval(turned: np.ndarray, level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (k,), (k,) of the rank of each column's mean over drawn videos."""
    if len(turned) < 2:
        return np.full(turned.shape[1], np.nan), np.full(turned.shape[1], np.nan)
    drawn = bootstrap.bootstrap_means(turned, bootstrap.SAMPLES, seed)
    order = rankdata(_settled(drawn), axis=1)
    low, high = np.quantile(order, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
