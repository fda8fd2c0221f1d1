"""One number from many frames, by each of the conventions under which numbers are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.scoring import WHOLE_CLIP
from vidsal.tables import write_tsv

KEYS = ["dataset", "split", "model", "method", "aggregation", "metric"]
SUBSET = 50_000
"""Frames that DHF1K's evaluation draws where there are more."""
CONVENTIONS = ("video_macro", "frame_micro", "fixation_weighted", "dhf1k_subset")


def averages(scores: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Means of the frames' scores by each convention.

    - ``video_macro``: the mean over the videos of the mean over their frames; every video counts as
      one. This is what all other tables hold.
    - ``frame_micro``: the mean over all frames of all videos; long videos count more.
    - ``fixation_weighted``: the mean over all frames, each as often as it has fixations (or pixels
      of the mask).
    - ``dhf1k_subset``: ``frame_micro`` of 50,000 random frames, as DHF1K's evaluation takes it; the
      same where there are no more.

    Args:
        scores: rows of scoring with one frame each, and possibly those of the whole clip; frames in
            which a metric is undefined are left out.
        seed: of the subset.

    Returns:
        KEYS, convention, mean, n: the frames (or videos) that went in.
    """
    frames = scores[(scores["frame"] != WHOLE_CLIP) & scores["value"].notna()]
    rows = []
    for key, own in frames.groupby(KEYS, sort=False):
        for convention, (mean, n) in _means(own, seed).items():
            rows.append((*key, convention, mean, n))
    return pd.DataFrame(rows, columns=[*KEYS, "convention", "mean", "n"])


def _means(own: pd.DataFrame, seed: int) -> dict[str, tuple[float, int]]:
    """Mean and number by convention, of the frames of one map and metric."""
    values, weights = own["value"].to_numpy(), own["n"].to_numpy()
    videos = own.groupby("video", sort=False)["value"].mean()
    subset = np.random.default_rng(seed).permutation(len(values))[:SUBSET]
    weighted = np.average(values, weights=weights) if weights.any() else np.nan
    found = (videos.mean(), len(videos)), (values.mean(), len(values))
    found += (weighted, len(values)), (values[subset].mean(), len(subset))
    return {name: (float(mean), n) for name, (mean, n) in zip(CONVENTIONS, found, strict=True)}


def write_averages(paths: list[str], out: str | Path, seed: int) -> None:
    """Write the table of `averages`; the files of one map belong together, whatever the shard."""
    made: dict[Path, list[str]] = {}
    for path in paths:
        kind = "".join(Path(path).suffixes[-2:])
        made.setdefault(Path(path).parent / kind, []).append(path)
    tables = [averages(pd.concat(map(pd.read_parquet, own)), seed=seed) for own in made.values()]
    empty = pd.DataFrame(columns=[*KEYS, "convention", "mean", "n"])
    write_tsv(pd.concat(tables, ignore_index=True) if tables else empty, out)
