"""Means over videos with confidence intervals, summaries of tables, paired differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from vidsal import bootstrap
from vidsal.bootstrap import Mean

KEYS = ("dataset", "split", "model", "method", "aggregation", "metric")
WHOLE_CLIP = -1


def bootstrap_mean(
    values: Sequence[float] | np.ndarray,
    *,
    level: float = 0.95,
    samples: int = 9999,
    seed: int = 0,
) -> Mean:
    """Mean over videos with a bootstrap interval; the videos are what is drawn, never the frames.

    Bias-corrected and accelerated (BCa) intervals: B. Efron, JASA 82(397), 1987.

    Args:
        values: one per video; NaN is left out.
        level: confidence level, 0 to 1.
        samples: bootstrap samples.
        seed: of the draws; equal values and seed give equal intervals.

    Returns:
        mean, low, high, n. Bounds are NaN for fewer than 2 values, and equal to the mean where all
        values are equal.
    """
    column = np.asarray(values, dtype=np.float64)[:, None]
    return bootstrap.intervals(column, level=level, samples=samples, seed=seed)[0]


def bootstrap_mean_of_groups(
    values: Sequence[float] | np.ndarray,
    groups: Sequence[object] | np.ndarray,
    *,
    level: float = 0.95,
    samples: int = 9999,
    seed: int = 0,
) -> Mean:
    """Mean over groups of their means, with a percentile interval; videos are what is drawn.

    Mean class accuracy is one: `values` say who is right, `groups` are the labels. A group of which
    a draw holds no video does not count in that draw.

    Args:
        values: one per video, without NaN.
        groups: the group of each.
        level: confidence level, 0 to 1.
        samples: bootstrap samples.
        seed: of the draws.

    Returns:
        mean, low, high, n (videos). Bounds are NaN for fewer than 2 videos.
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    pairs = np.stack([member.astype(np.float64), np.asarray(values, np.float64)])
    # Videos of one group with equal values are alike: only how many of each are drawn counts.
    (member, value), counts = np.unique(pairs, axis=1, return_counts=True)
    n, belongs = int(counts.sum()), member[:, None] == np.arange(len(names))
    if n == 0:
        return Mean(np.nan, np.nan, np.nan, 0)
    mean = float(_mean_of_groups(counts[None], value, belongs)[0])
    if n == 1:
        return Mean(mean, np.nan, np.nan, 1)
    rng, batch = np.random.default_rng(seed), max(1, 10**7 // len(counts))
    drawn = [
        _mean_of_groups(rng.multinomial(n, counts / n, min(batch, samples - first)), value, belongs)
        for first in range(0, samples, batch)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return Mean(mean, float(low), float(high), n)


def _mean_of_groups(counts: np.ndarray, value: np.ndarray, belongs: np.ndarray) -> np.ndarray:
    """Mean over groups (d,) of draws: counts (d,cells), value (cells,), belongs (cells,groups)."""
    belongs = belongs.astype(np.float64)
    sizes, sums = counts @ belongs, (counts * value) @ belongs
    means = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    return means.sum(axis=1) / (sizes > 0).sum(axis=1)


def summarise(table: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """One row per map and metric: mean over videos, interval, and what is missing.

    Every video counts once, however long it is. The value of a video is its row with frame -1 (see
    ``scoring.score_video``); rows of single frames are only counted.

    Args:
        table: long table with video, frame, metric, value, n, reason, and any of dataset, split,
            model, method, aggregation, by which it is grouped.
        level: confidence level of the intervals.
        seed: of the bootstrap, the same for every row.

    Returns:
        those columns, then mean, low, high, n (videos with a value), frames (frames with a value;
        empty where the table holds no rows of frames), samples (sum of n over the videos with a
        value: fixations or mask pixels), undefined (videos without a value), reasons
        ("constant_map=2 no_fixation=1", of those).
    """
    keys = [key for key in KEYS if key in table]
    groups = table.groupby(keys, sort=False, dropna=False)
    rows = [
        dict(zip(keys, names, strict=True)) | _summary(group, level, seed)
        for names, group in groups
    ]
    columns = ["mean", "low", "high", "n", "frames", "samples", "undefined", "reasons"]
    return pd.DataFrame(rows, columns=[*keys, *columns]).astype({"frames": "Int64"})


def paired_difference(
    a: pd.Series, b: pd.Series, *, level: float = 0.95, samples: int = 9999, seed: int = 0
) -> Mean:
    """Mean over videos of a - b, with an interval; the videos are paired by the index.

    Args:
        a: one value per video, indexed by the video's name.
        b: the same for what is compared; videos that only one of them has, or in which one is NaN,
            are left out.
        level: confidence level.
        samples: bootstrap samples.
        seed: of the draws.
    """
    return bootstrap_mean((a - b).to_numpy(), level=level, samples=samples, seed=seed)


def _summary(group: pd.DataFrame, level: float, seed: int) -> dict[str, object]:
    """The figures of one map and metric."""
    videos = group[group["frame"] == WHOLE_CLIP]
    frames = group[group["frame"] != WHOLE_CLIP]
    missing = videos["value"].isna()
    counts = videos.loc[missing, "reason"].value_counts().sort_index()
    return bootstrap_mean(videos["value"], level=level, seed=seed)._asdict() | {
        "frames": int(frames["value"].notna().sum()) if len(frames) else pd.NA,
        "samples": int(videos.loc[~missing, "n"].sum()),
        "undefined": int(missing.sum()),
        "reasons": " ".join(f"{reason}={count}" for reason, count in counts.items()),
    }
