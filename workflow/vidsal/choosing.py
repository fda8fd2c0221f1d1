"""Which videos are shown, which scores are good ones, and which maps are floors or ceilings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import directions

CONTROL_MODEL = "none"
"""The model name that controls carry."""
CEILINGS = directions.stating("controls", directions.CEILING)
"""Controls of the package that are no floor but what people reach: their files say so."""
LOWER_IS_BETTER = directions.stating("metrics", directions.LOWER)
"""Metrics of the package whose small values are good: their files say so."""


def role(model: str, method: str, ceilings: Collection[str] = CEILINGS) -> str:
    """Return what a row of a table is: method, control (a floor) or ceiling (what people reach)."""
    if model != CONTROL_MODEL:
        return "method"
    return "ceiling" if method in ceilings else "control"


def choose(config: dict, slot: int, index_file: Path, scores_file: Path, out: Path) -> None:
    """Write the index rows of the video that a slot shows (slots count from 1).

    The digests in the rows make the film rerun when a map of its video changed, and only then.
    """
    index = pd.read_csv(index_file, sep="\t", dtype=str, keep_default_na=False)
    scores = pd.read_parquet(scores_file)
    lower = directions.lower_is_better(config)
    order = ranked(sorted(set(index["video"])), scores, config["show"], lower)
    video = order[slot - 1] if slot <= len(order) else None
    out.parent.mkdir(parents=True, exist_ok=True)
    index[index["video"] == video].to_csv(out, sep="\t", index=False, lineterminator="\n")


def ranked(
    videos: list[str],
    scores: pd.DataFrame,
    show: dict,
    lower: Collection[str] = LOWER_IS_BETTER,
) -> list[str]:
    """Return the videos to show, in order, by `show.pick`.

    `spread` takes them evenly from the sorted names; `best` and `worst` go by the mean score of
    the explanations in the first metric there is, `most_disagreeing` by its spread over them.
    Of the metrics in `lower` small values are good.
    """
    pick, count = show["pick"], show["videos"]
    if isinstance(pick, list):
        return [video for video in pick if video in videos][:count]
    if pick == "spread" or scores.empty:
        places = np.linspace(0, len(videos) - 1, min(count, len(videos))).round().astype(int)
        return [videos[place] for place in places]
    own = scores[scores["model"] != CONTROL_MODEL]
    own = scores if own.empty else own
    metric = own["metric"].iloc[0]
    own = own[own["metric"] == metric].dropna(subset=["value"])
    by_video = own.groupby("video")["value"]
    rank = by_video.std() if pick == "most_disagreeing" else by_video.mean()
    upwards = pick != "most_disagreeing" and (pick == "worst") != (metric in lower)
    order = rank.sort_index().sort_values(ascending=upwards, kind="stable")
    return list(order.index[:count])
