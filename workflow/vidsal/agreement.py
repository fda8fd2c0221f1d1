"""Do metrics order maps alike? Kendall's tau of every two, W and Krippendorff's alpha of all."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2, kendalltau, rankdata

from vidsal import bootstrap

AGREEMENT_COLUMNS = [
    *("statistic", "metric_a", "metric_b", "value", "low", "high", "p"),
    *("metrics", "maps", "n"),
]


class Concordance(NamedTuple):
    """Kendall's W, and p of "the raters have nothing in common"."""

    w: float
    p: float


def kendall_w(scores: np.ndarray) -> Concordance:
    """How far m raters order k things alike: 0 (not at all) to 1 (all in the same way).

    W = 12 sum_j (R_j - mean R)^2 / (m^2 (k^3 - k) - m sum_i T_i), R_j the rank sums, T_i = sum of
    t^3 - t over the ties of rater i. M. G. Kendall and B. Babington Smith, "The Problem of m
    Rankings", Annals of Mathematical Statistics 10(3), 1939 (DOI 10.1214/aoms/1177732186).

    Args:
        scores: float (m,k) without NaN; only their order within a row counts.

    Returns:
        W, and p by the chi-squared distribution of m (k - 1) W; NaN for fewer than 2 raters or
        things, or where every rater finds all things equal.
    """
    ranks = rankdata(scores, axis=-1)
    return Concordance(*(float(found[0]) for found in _concordance(ranks[None])))


def _concordance(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W and p (b,) of ranks (b,m,k)."""
    _, m, k = ranks.shape
    if m < 2 or k < 2:
        nothing = np.full(len(ranks), np.nan)
        return nothing, nothing
    spread = 12 * ((ranks.sum(axis=1) - m * (k + 1) / 2) ** 2).sum(axis=1)
    # Squared ranks miss by T/12 what they would sum to without ties.
    ties = k * (k + 1) * (2 * k + 1) * 2 * m - 12 * (ranks**2).sum(axis=(1, 2))
    whole = m**2 * (k**3 - k) - m * ties
    w = np.divide(spread, whole, out=np.full(len(ranks), np.nan), where=whole > 1e-9)
    return w, chi2.sf(m * (k - 1) * w, k - 1)


def krippendorff_alpha(values: np.ndarray, level: str = "interval") -> float:
    """How far raters give the same units the same values: 1 (always), 0 (by chance), below (worse).

    alpha = 1 - D_o / D_e: the mean squared distance of two values of one unit over that of any two
    values. K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.

    Args:
        values: float (raters, units), NaN = no value; a unit with one value says nothing.
        level: how far two values are apart: `nominal` (equal or not), `ordinal` (values between
            them, counted as often as they occur), `interval` (their difference).

    Returns:
        alpha; NaN where no unit has two values or all values are equal.
    """
    values = np.asarray(values, np.float64)
    values = values[:, (~np.isnan(values)).sum(axis=0) > 1]
    names, codes = np.unique(values[~np.isnan(values)], return_inverse=True)
    if len(names) < 2:
        return float("nan")
    counts = np.zeros((len(names), values.shape[1]))
    np.add.at(counts, (codes, np.nonzero(~np.isnan(values))[1]), 1)
    together = (counts / (counts.sum(axis=0) - 1)) @ counts.T
    together -= np.diag((counts / (counts.sum(axis=0) - 1)).sum(axis=1))
    total = counts.sum(axis=1)
    distance = _distances(names, total, level)
    expected = np.outer(total, total) - np.diag(total)
    observed = (together * distance).sum() * (total.sum() - 1)
    return float(1 - observed / (expected * distance).sum())


def _distances(names: np.ndarray, total: np.ndarray, level: str) -> np.ndarray:
    """Squared distances between the values that occur."""
    if level == "nominal":
        return 1.0 - np.eye(len(names))
    # Between ordered values lie those that occur, both ends by half.
    places = np.cumsum(total) - total / 2 if level == "ordinal" else names
    return (places[:, None] - places) ** 2


def between_metrics(
    table: pd.DataFrame, lower: set[str], *, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Say how far the metrics agree on which maps are good.

    Args:
        table: one value per row, columns metric, map, video, value. Counted are maps that every
            metric scores, on the videos that all of these have a value for.
        lower: metrics whose small values are the good ones; they are turned around.
        level: confidence level.
        seed: of the draws of videos.

    Returns:
        columns `AGREEMENT_COLUMNS`: a row `kendall_tau` for every two metrics (of the order of the
        maps' means), and for all metrics `kendall_w` (the same order, with an interval over drawn
        videos) and `krippendorff_alpha` (of the ranks of maps within each video).
    """
    cube, metrics = _cube(table, lower)
    m, n, k = cube.shape
    facts = {"metrics": m, "maps": k, "n": n}
    if m < 2 or n == 0 or k < 2:
        return pd.DataFrame(columns=AGREEMENT_COLUMNS)
    means = np.round(cube.mean(axis=1), 12)
    rows = []
    for one, other in combinations(range(m), 2):
        found = kendalltau(means[one], means[other])
        names = {"statistic": "kendall_tau", "metric_a": metrics[one], "metric_b": metrics[other]}
        rows.append(names | {"value": found.statistic, "p": found.pvalue} | facts | {"metrics": 2})
    whole = kendall_w(means)
    low, high = _w_interval(cube, level, seed)
    named = {"statistic": "kendall_w", "value": whole.w, "low": low, "high": high, "p": whole.p}
    rows.append(named | facts)
    alpha = krippendorff_alpha(rankdata(np.round(cube, 12), axis=2).reshape(m, n * k))
    rows.append({"statistic": "krippendorff_alpha", "value": alpha} | facts)
    return pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)


def _cube(table: pd.DataFrame, lower: set[str]) -> tuple[np.ndarray, list[str]]:
    """Scores (metrics, videos, maps), large = good, where all are known; and the metrics."""
    metrics = list(dict.fromkeys(table["metric"]))
    wide = table.pivot(index="video", columns=["metric", "map"], values="value")
    maps = [set(wide[metric].dropna(axis=1, how="all").columns) for metric in metrics]
    common = [name for name in dict.fromkeys(table["map"]) if all(name in own for own in maps)]
    if not common:
        return np.zeros((len(metrics), 0, 0)), metrics
    wide = wide[[(metric, name) for metric in metrics for name in common]].dropna()
    cube = wide.to_numpy(np.float64).reshape(len(wide), len(metrics), len(common))
    signs = np.array([-1.0 if metric in lower else 1.0 for metric in metrics])
    return cube.transpose(1, 0, 2) * signs[:, None, None], metrics


def _w_interval(cube: np.ndarray, level: float, seed: int) -> tuple[float, float]:
    """Percentile bounds of W over drawn videos."""
    m, n, k = cube.shape
    if n < 2:
        return np.nan, np.nan
    flat = cube.transpose(1, 0, 2).reshape(n, m * k)
    drawn = np.round(bootstrap.bootstrap_means(flat, 1999, seed), 12)
    w, _ = _concordance(rankdata(drawn.reshape(-1, m, k), axis=2))
    low, high = np.nanquantile(w, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
