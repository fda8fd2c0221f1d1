"""Scores by groups of videos: by a column of the sample sheet, by right against wrong predictions.

A group is what a video belongs to, so groups are compared across videos: labels are shuffled among
the videos, whose own values stay. Frames play no part.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import kruskal

from vidsal import bootstrap, paired

SHUFFLES = 9999
MOST_GROUPS = 20
"""Maps are compared within groups only of a column that has no more groups."""
FEWER_SAMPLES = 1999
"""Bootstrap samples behind intervals within groups, of which there are many."""
GROUP_COLUMNS = ["group", "map", "mean", "low", "high", "n"]
BETWEEN_COLUMNS = [
    *("map", "groups", "n", "spread", "eta_squared"),
    *("p", "p_kruskal", "p_holm", "p_bh"),
]


def means(
    values: pd.DataFrame, groups: pd.DataFrame, *, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Means of every map in every group of videos, with BCa intervals over these videos.

    Args:
        values: a row per video, a column per map.
        groups: the same rows and columns: the group of the video, which may differ by map (a video
            is right for one network and wrong for another); '' = in none.
        level: confidence level.
        seed: of the draws.

    Returns:
        columns `GROUP_COLUMNS`, groups in the order of their names.
    """
    rows, labels = [], groups.to_numpy(object)
    for name in _names(groups):
        there = (labels == name).any(axis=0)
        own = np.where(labels == name, values.to_numpy(np.float64), np.nan)[:, there]
        found = bootstrap.intervals(own, level=level, seed=seed)
        rows += [
            {"group": name, "map": map_} | mean._asdict()
            for map_, mean in zip(values.columns[there], found, strict=True)
        ]
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)


def between(values: pd.DataFrame, groups: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Test for every map whether its score differs between the groups.

    Args:
        values: a row per video, a column per map.
        groups: as for `means`.
        seed: of the shuffles.

    Returns:
        a row per map that has two groups: how many groups and videos; spread (largest less
        smallest mean); eta_squared (part of the variance that lies between groups); p of the
        variance between groups when labels are shuffled among videos; p_kruskal (Kruskal-Wallis);
        and p corrected over the maps.
    """
    rows, found = [], {}
    for labels, maps in _alike(values, groups):
        there = labels != ""
        codes, member = np.unique(labels[there], return_inverse=True)
        if len(codes) < 2:
            continue
        known = values[maps].to_numpy(np.float64)[there]
        facts = _facts(known, member) | {"p": shuffled(known, member, seed=seed)}
        for column, name in enumerate(maps):
            found[name] = {key: value[column] for key, value in facts.items()}
            found[name] |= {"map": name, "groups": len(codes), "n": len(known)}
    rows = [found[name] for name in values if name in found]
    made = pd.DataFrame(rows, columns=BETWEEN_COLUMNS)
    made["p_holm"] = paired.holm(made["p"].to_numpy(np.float64))
    made["p_bh"] = paired.benjamini_hochberg(made["p"].to_numpy(np.float64))
    return made


def within(
    values: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    lower: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare maps with each other inside every group (`paired.compare`).

    Maps whose videos are grouped in another way are not compared: they would be on other videos.
    p is corrected over the pairs of a group.
    """
    options = {"lower": lower, "level": level, "samples": FEWER_SAMPLES, "seed": seed}
    tables = []
    for name in _names(groups):
        for members, maps in _sets(groups, name):
            made = paired.compare(values.loc[members, maps], **options)
            tables.append(made.assign(group=name))
    columns = ["group", *paired.PAIR_COLUMNS]
    kept = [table for table in tables if len(table)]
    return pd.concat(kept)[columns] if kept else pd.DataFrame(columns=columns)


def shuffled(values: np.ndarray, member: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """p of the variance between groups, when their labels are shuffled among videos.

    Args:
        values: float (n,k) without NaN, a row per video.
        member: int (n,), the number of each video's group.
        seed: of the shuffles; the data's own labels count as one of them.

    Returns:
        float64 (k,); 1 where all values are equal.
    """
    n, centred = len(values), values - values.mean(axis=0)
    sizes = np.bincount(member)
    least = _between_groups(member[None], centred, sizes)[0]
    least = least - 1e-12 * (centred**2).sum(axis=0)
    rng, hits = np.random.default_rng(seed), np.zeros(values.shape[1])
    batch = max(1, bootstrap.AT_ONCE // n)
    for first in range(0, SHUFFLES, batch):
        count = min(batch, SHUFFLES - first)
        labels = rng.permuted(np.broadcast_to(member, (count, n)), axis=1)
        hits += (_between_groups(labels, centred, sizes) >= least).sum(axis=0)
    return (hits + 1) / (SHUFFLES + 1)


def _between_groups(labels: np.ndarray, centred: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Sum of squares between groups (b,k) for labels (b,n) of centred values (n,k)."""
    groups = np.flatnonzero(sizes)
    return sum(((labels == g).astype(np.float64) @ centred) ** 2 / sizes[g] for g in groups)


def _facts(values: np.ndarray, member: np.ndarray) -> dict[str, np.ndarray]:
    """Spread of the groups' means, eta squared and p_kruskal of every column (n,k)."""
    groups = [values[member == number] for number in range(member.max() + 1)]
    own = np.array([group.mean(axis=0) for group in groups])
    whole = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    inside = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups)
    constant = np.ptp(values, axis=0) == 0
    p = np.ones(values.shape[1])
    if not constant.all():
        p[~constant] = kruskal(*(group[:, ~constant] for group in groups), axis=0).pvalue
    return {
        "spread": np.ptp(own, axis=0),
        "eta_squared": 1 - inside / np.where(constant, np.nan, whole),
        "p_kruskal": p,
    }


def _names(groups: pd.DataFrame) -> list[str]:
    return sorted(set(groups.to_numpy().ravel()) - {""})


def _alike(values: pd.DataFrame, groups: pd.DataFrame) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield (group of each video, '' where unknown or without a value; maps of which it is so)."""
    labels = np.where(values.notna(), groups.to_numpy(object), "").astype(str)
    kinds, member = np.unique(labels, axis=1, return_inverse=True)
    for kind in range(kinds.shape[1]):
        yield kinds[:, kind], list(values.columns[member.ravel() == kind])


def _sets(groups: pd.DataFrame, name: str) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield (rows of the group, maps) for maps that have the same videos in a group."""
    inside = groups.to_numpy(object) == name
    kinds, member = np.unique(inside, axis=1, return_inverse=True)
    for kind in range(kinds.shape[1]):
        if kinds[:, kind].any():
            yield kinds[:, kind], list(groups.columns[member.ravel() == kind])
