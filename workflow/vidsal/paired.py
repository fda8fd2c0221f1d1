"""Are two maps different? Paired tests over videos, corrected for how many pairs there are.

Every map is scored on the same videos, so what is tested are differences within videos. The main
test flips the signs of these differences: if two maps are as good as each other, either sign was
as likely.

Reference: E. J. G. Pitman, "Significance Tests Which May be Applied to Samples from any
Populations", Supplement to the Journal of the Royal Statistical Society 4(1), 1937
(DOI 10.2307/2984124).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, rankdata, wilcoxon

from vidsal import bootstrap

FLIPS = 9999
EXACT_UP_TO = 14
"""Up to so many videos all signs are tried, half of which are 8192: the others mirror them."""
PER_PAIR = 200
"""Flips per pair of a family, so that the least p remains small when it is corrected."""
PAIR_COLUMNS = [
    *("a", "b", "n", "difference", "low", "high", "effect", "rank_effect"),
    *("wins", "ties", "losses", "p", "p_wilcoxon", "p_holm", "p_bh"),
]


def compare(
    values: pd.DataFrame,
    *,
    lower: bool = False,
    level: float = 0.95,
    samples: int = bootstrap.SAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every two maps on the videos that both have a value for.

    Args:
        values: a row per video, a column per map; NaN where a map has no value.
        lower: whether small values are the good ones.
        level: confidence level of the intervals of the differences.
        samples: bootstrap samples for these.
        seed: of the draws.

    Returns:
        a row per pair: a, b, n (videos); difference (mean of a - b) with its BCa interval low,
        high; effect (Cohen's d_z: the difference in its standard deviations) and rank_effect
        (matched-pairs rank-biserial correlation, -1 to 1), both positive where a is larger; wins,
        ties, losses (parts of the videos in which a is better, equal, worse); p (signs flipped),
        p_wilcoxon (signed ranks); and p corrected over all pairs of the table: p_holm bounds the
        chance of a single false difference, p_bh the part of false ones among those found.
    """
    pairs = list(combinations(range(values.shape[1]), 2))
    if not pairs:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    matrix, names = values.to_numpy(np.float64), list(values.columns)
    first, second = np.array(pairs).T
    apart = matrix[:, first] - matrix[:, second]
    means = bootstrap.intervals(apart, level=level, samples=samples, seed=seed)
    p = sign_flips(apart, flips=max(FLIPS, PER_PAIR * len(pairs) - 1), seed=seed)
    made = pd.DataFrame({"a": [names[i] for i in first], "b": [names[j] for j in second]})
    made["n"] = [mean.n for mean in means]
    made["difference"] = [mean.mean for mean in means]
    made["low"], made["high"] = [m.low for m in means], [m.high for m in means]
    made["effect"], made["rank_effect"] = standardised(apart), rank_biserial(apart)
    wins = win_parts(-apart if lower else apart)
    made["wins"], made["ties"], made["losses"] = wins
    made["p"], made["p_wilcoxon"] = p, signed_ranks(apart)
    made["p_holm"], made["p_bh"] = holm(p), benjamini_hochberg(p)
    return made[PAIR_COLUMNS]


def sign_flips(apart: np.ndarray, *, flips: int = FLIPS, seed: int = 0) -> np.ndarray:
    """Two-sided p of "the mean is 0" for columns of paired differences, by flipping their signs.

    All signs are tried up to `EXACT_UP_TO` videos; above it random ones, and the data's own signs
    count as one of them, so that p is never 0 and at most as many as alpha of true hypotheses are
    rejected at alpha.

    Args:
        apart: float (n,k), a row per video; NaN where a pair has no difference.
        flips: random signs.
        seed: of them.

    Returns:
        float64 (k,); 1 where all differences are 0, NaN where there is none.
    """
    known = np.where(np.isnan(apart), 0.0, apart)
    seen = np.abs(known.sum(axis=0))
    # Sums that are equal but for rounding must count as equal.
    least = seen - 1e-12 * np.abs(known).sum(axis=0)
    exact = len(known) <= EXACT_UP_TO
    signs = _all_signs(len(known)) if exact else _random_signs(len(known), flips, seed)
    hits, tried = np.zeros(known.shape[1]), 0
    for some in signs:
        hits += (np.abs(some @ known) >= least).sum(axis=0)
        tried += len(some)
    p = hits / tried if exact else (hits + 1) / (tried + 1)
    return np.where(np.isnan(apart).all(axis=0), np.nan, p)


def signed_ranks(apart: np.ndarray) -> np.ndarray:
    """Two-sided p of Wilcoxon's signed ranks for columns of paired differences (n,k).

    Differences of 0 are left out. Exact for at most 50 without ties, else the normal approximation
    (scipy). F. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1(6),
    1945 (DOI 10.2307/3001968).
    """
    made = np.full(apart.shape[1], np.nan)
    kept = np.where(apart == 0, np.nan, apart)
    for there, columns in bootstrap.patterns(kept):
        if there.any():
            made[columns] = wilcoxon(kept[there][:, columns], axis=0).pvalue
    return np.where((apart == 0).any(axis=0) & np.isnan(kept).all(axis=0), 1.0, made)


def standardised(apart: np.ndarray) -> np.ndarray:
    """Mean of each column of differences (n,k) in its standard deviations; NaN without spread."""
    made = np.full(apart.shape[1], np.nan)
    for there, columns in bootstrap.patterns(apart):
        known = apart[there][:, columns]
        if len(known) > 1:
            spread = known.std(axis=0, ddof=1)
            made[columns] = known.mean(axis=0) / np.where(spread > 0, spread, np.nan)
    return made


def rank_biserial(apart: np.ndarray) -> np.ndarray:
    """Rank sum of the positive less that of the negative differences, over both; 0 if all are 0.

    D. S. Kerby, "The Simple Difference Formula", Comprehensive Psychology 3, 2014
    (DOI 10.2466/11.IT.3.1).
    """
    kept = np.where(apart == 0, np.nan, apart)
    ranks = rankdata(np.abs(kept), axis=0, nan_policy="omit") if len(kept) else kept
    total = np.nansum(ranks, axis=0)
    made = np.nansum(np.sign(kept) * ranks, axis=0) / np.where(total > 0, total, 1)
    return np.where(np.isnan(apart).all(axis=0), np.nan, made)


def win_parts(apart: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parts of the videos in which differences (n,k) are above, equal to and below 0."""
    n = (~np.isnan(apart)).sum(axis=0)
    counts = [(apart > 0).sum(axis=0), (apart == 0).sum(axis=0), (apart < 0).sum(axis=0)]
    return tuple(np.where(n > 0, count / np.maximum(n, 1), np.nan) for count in counts)


def holm(p: np.ndarray) -> np.ndarray:
    """p corrected so that the chance of any false rejection is bounded; NaN stays and counts not.

    S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
    Statistics 6(2), 1979.
    """
    p = np.asarray(p, np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    made = p.copy()
    made[order] = np.minimum(raised, 1)
    return made


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """p corrected so that the part of false ones among the rejections is bounded; NaN stays.

    Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate: A Practical and Powerful
    Approach to Multiple Testing", Journal of the Royal Statistical Society B 57(1), 1995
    (DOI 10.1111/j.2517-6161.1995.tb02031.x).
    """
    made = np.asarray(p, np.float64).copy()
    known = ~np.isnan(made)
    if known.any():
        made[known] = false_discovery_control(made[known], method="bh")
    return made


def _all_signs(n: int) -> Iterator[np.ndarray]:
    """Yield every sign for n videos but the first, whose sign stays; the others mirror them."""
    numbers = np.arange(2 ** max(n - 1, 0))
    bits = numbers[:, None] >> np.arange(n) & 1
    yield 1.0 - 2.0 * bits


def _random_signs(n: int, flips: int, seed: int) -> Iterator[np.ndarray]:
    rng, batch = np.random.default_rng(seed), max(1, bootstrap.AT_ONCE // n)
    for first in range(0, flips, batch):
        size = (min(batch, flips - first), n)
        yield rng.integers(0, 2, size, dtype=np.int8) * 2.0 - 1.0
