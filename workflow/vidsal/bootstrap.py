"""Bootstrap intervals of means over videos, for many columns at once, and with observers inside.

What is drawn are videos, never frames: the frames of a video resemble each other, and taking them
for independent makes every interval too short. B. Efron, "Better Bootstrap Confidence Intervals",
Journal of the American Statistical Association 82(397), 1987 (DOI 10.1080/01621459.1987.10478410).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

SAMPLES = 9999
AT_ONCE = 10**7
"""Numbers held at once: draws come in batches that stay below it."""


class Mean(NamedTuple):
    """A mean over videos, its confidence interval, and the number of videos."""

    mean: float
    low: float
    high: float
    n: int


def draws(n: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each of n videos is drawn, float64 (d,n), until `samples` rows are out."""
    if n * samples <= AT_ONCE:
        yield _kept_draws(n, samples, seed)
        return
    rng, batch = np.random.default_rng(seed), max(1, AT_ONCE // n)
    for first in range(0, samples, batch):
        yield _drawn(rng, n, min(batch, samples - first))


@lru_cache(maxsize=2)
def _kept_draws(n: int, samples: int, seed: int) -> np.ndarray:
    """All draws at once, kept since the next column mostly asks for the same."""
    made = _drawn(np.random.default_rng(seed), n, samples)
    made.flags.writeable = False
    return made


def _drawn(rng: np.random.Generator, n: int, samples: int) -> np.ndarray:
    places = rng.integers(0, n, (samples, n)) + n * np.arange(samples)[:, None]
    counts = np.bincount(places.ravel(), minlength=places.size)
    return counts.reshape(places.shape).astype(np.float64)


def intervals(
    values: np.ndarray, *, level: float = 0.95, samples: int = SAMPLES, seed: int = 0
) -> list[Mean]:
    """Means of columns with BCa intervals; all columns share the draws of videos.

    Args:
        values: float (n,k), a row per video; NaN is left out, column by column.
        level: confidence level.
        samples: bootstrap samples.
        seed: of the draws.

    Returns:
        (mean, low, high, n) of each column. Bounds are NaN for fewer than 2 values, and equal to
        the mean where all values are equal.
    """
    values = np.asarray(values, np.float64)
    found: list[Mean | None] = [None] * values.shape[1]
    for there, columns in patterns(values):
        known = values[there][:, columns]
        for column, made in zip(columns, _complete(known, level, samples, seed), strict=True):
            found[column] = made
    return found


def patterns(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows with a value, columns) for every pattern of missing values among the columns."""
    there = ~np.isnan(values)
    kinds, member = np.unique(there, axis=1, return_inverse=True)
    for kind in range(kinds.shape[1]):
        yield kinds[:, kind], np.flatnonzero(member.ravel() == kind)


def bootstrap_means(values: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Means of columns over drawn videos, float64 (samples,k), of values (n,k) without NaN."""
    n = len(values)
    return np.concatenate([counts @ values / n for counts in draws(n, samples, seed)])


def nested_mean(
    values: Sequence[float] | np.ndarray,
    videos: Sequence[object] | np.ndarray,
    *,
    level: float = 0.95,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Mean:
    """Mean over videos of their means over observers, with a BCa interval over both.

    Videos are drawn, and anew within each drawn video its observers. A video counts once, however
    many people watched it. The acceleration is that of leaving out one video at a time.

    Args:
        values: one per video and observer; NaN is left out.
        videos: the video of each.
        level: confidence level.
        samples: bootstrap samples.
        seed: of the draws.

    Returns:
        mean, low, high, n (videos). Bounds are NaN for fewer than 2 videos.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    names, member, sizes = np.unique(
        np.asarray(videos)[known], return_inverse=True, return_counts=True
    )
    if not len(names):
        return Mean(np.nan, np.nan, np.nan, 0)
    padded = np.zeros((len(names), sizes.max()))
    order = np.argsort(member, kind="stable")
    column = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    padded[member[order], column] = values[known][order]
    means = padded.sum(axis=1) / sizes
    if len(names) == 1:
        return Mean(float(means[0]), np.nan, np.nan, 1)
    drawn = np.concatenate(list(_nested_draws(padded, sizes, samples, seed)))
    low, high = bca(drawn[:, None], means[:, None], level)
    return Mean(float(means.mean()), float(low[0]), float(high[0]), len(names))


def bca(drawn: np.ndarray, values: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """BCa bounds (k,), (k,) of means: of draws (samples,k), and of the values (n,k) behind them."""
    mean = values.mean(axis=0)
    apart = values - mean
    # Draws that are the mean but for rounding are ties, each half below it.
    close = 1e-12 * np.abs(values).max(axis=0)
    below = (drawn < mean - close).mean(axis=0)
    ties = (np.abs(drawn - mean) <= close).mean(axis=0)
    shift = ndtri((below + ties / 2).clip(1 / len(drawn), 1 - 1 / len(drawn)))
    spread = (apart**2).sum(axis=0) ** 1.5
    skew = (apart**3).sum(axis=0) / np.where(spread > 0, 6 * spread, 1)
    ordered = np.sort(drawn.T, axis=1).T
    low, high = (
        _quantile(ordered, ndtr(shift + z / (1 - skew * z)))
        for z in (shift + ndtri((1 - level) / 2), shift + ndtri((1 + level) / 2))
    )
    return low, high


def _quantile(ordered: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The quantile of each sorted column (samples,k) at its own part (k,), linear in between."""
    places = parts * (len(ordered) - 1)
    lower = np.floor(places).astype(np.int64).clip(0, len(ordered) - 1)
    upper, columns = np.minimum(lower + 1, len(ordered) - 1), np.arange(ordered.shape[1])
    start, end = ordered[lower, columns], ordered[upper, columns]
    return start + (places - lower) * (end - start)


def _complete(values: np.ndarray, level: float, samples: int, seed: int) -> list[Mean]:
    """The means of columns that have a value in every row."""
    n, k = values.shape
    if n < 2:
        means = values[0] if n else np.full(k, np.nan)
        return [Mean(float(mean), np.nan, np.nan, n) for mean in means]
    low, high = bca(bootstrap_means(values, samples, seed), values, level)
    constant, means = np.ptp(values, axis=0) == 0, values.mean(axis=0)
    # The mean of equal values is that value, to the last digit.
    means, low, high = (np.where(constant, values[0], each) for each in (means, low, high))
    return [Mean(float(means[j]), float(low[j]), float(high[j]), n) for j in range(k)]


def _nested_draws(
    padded: np.ndarray, sizes: np.ndarray, samples: int, seed: int
) -> Iterator[np.ndarray]:
    """Means (d,) of drawn videos whose observers are drawn: of values (videos, most observers)."""
    rng, (n, most) = np.random.default_rng(seed), padded.shape
    inside, batch = np.arange(most), max(1, AT_ONCE // (n * most))
    for first in range(0, samples, batch):
        videos = rng.integers(0, n, (min(batch, samples - first), n))
        own = sizes[videos][..., None]
        observers = np.floor(rng.random((*videos.shape, most)) * own).astype(np.int64)
        chosen = padded[videos[..., None], observers] * (inside < own)
        yield (chosen.sum(axis=2) / own[..., 0]).mean(axis=1)
