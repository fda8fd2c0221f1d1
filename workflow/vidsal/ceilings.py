"""How well people predict people: the ceiling of every metric, and scores relative to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from vidsal import fixations, scoring
from vidsal.densities import density, on_grid
from vidsal.grids import comparison_grid
from vidsal.heatmaps import Heatmap

KINDS = ("leave_one_out", "split_half", "all_observers")
FEWEST = 4
"""Observers without whom a half cannot be halved again."""


def frames_as_they_are(maps: np.ndarray) -> np.ndarray:
    """Return the maps, one per frame."""
    return maps


@dataclass(frozen=True)
class Clip:
    """What has to be known of a video: its name, size [H, W] and number of frames.

    Densities are aggregated over time as the maps that they are the ceiling of; `options` are
    further arguments of ``scoring.score_video``: other, frames, sigma, max_side.
    """

    video: str
    size: tuple[int, int]
    num_frames: int
    aggregate: Callable[[np.ndarray], np.ndarray] = frames_as_they_are
    options: dict[str, object] = field(default_factory=dict)


def ceilings(
    clip: Clip,
    table: pd.DataFrame,
    metrics: scoring.Metrics,
    rng: np.random.Generator,
    *,
    splits: int = 10,
) -> pd.DataFrame:
    r"""Scores of people's gaze as a map of other people's gaze on one video.

    Maps are densities, with the Gaussian that the truth's density has, frame by frame.

    - ``leave_one_out``: each observer in turn is predicted by all others; the mean over observers.
      The highest of what can be measured, but on the gaze of single people, which metrics on
      densities (CC, SIM, KL) find hard to predict.
    - ``split_half``: a random half is predicted by the other half, over several splits, both ways.
    - ``all_observers``: the split halves, corrected for the number of observers. What k observers
      miss falls as 1/k, so that from the scores of n/2 and of n/4 observers as maps of the same
      half that of n follows:

    $$ s_n = s_{n/2} + \tfrac12 (s_{n/2} - s_{n/4}) $$

    Args:
        clip: the video.
        table: tidy gaze on the clip's clock, source pixels, with at least FEWEST observers.
        metrics: name -> (function, options).
        rng: draws the halves.
        splits: how many splits, each both ways.

    Returns:
        columns of ``scoring.score_video`` and kind; no rows for fewer observers.
    """
    if table["subject"].nunique() < FEWEST:
        return pd.DataFrame(columns=["kind", *scoring.COLUMNS])
    made = {"leave_one_out": [_scored(clip, metrics, *pair) for pair in _each_left_out(table)]}
    made |= {"split_half": [], "quarter": []}
    for predictors, truth in _halves(table, rng, splits):
        few, _ = fixations.split_halves(predictors, rng)
        made["split_half"].append(_scored(clip, metrics, predictors, truth))
        made["quarter"].append(_scored(clip, metrics, few, truth))
    means = {kind: _mean(tables) for kind, tables in made.items()}
    half, quarter = means["split_half"], means.pop("quarter")
    corrected = half["value"] + (half["value"] - quarter["value"]) / 2
    means["all_observers"] = half.assign(value=corrected)
    return pd.concat([means[kind].assign(kind=kind) for kind in KINDS], ignore_index=True)


def _each_left_out(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    for subject in sorted(table["subject"].unique()):
        own = table["subject"] == subject
        yield table[~own], table[own]


def _halves(
    table: pd.DataFrame, rng: np.random.Generator, splits: int
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    for _ in range(splits):
        halves = fixations.split_halves(table, rng)
        yield halves
        yield halves[::-1]


def _scored(
    clip: Clip, metrics: scoring.Metrics, predictors: pd.DataFrame, truth: pd.DataFrame
) -> pd.DataFrame:
    """Scores of the density of some people's gaze against that of others.

    Frames without gaze of the predictors, in which they say nothing, count as uniform maps.
    """
    options = clip.options
    width = options.get("sigma", scoring.SIGMA) * clip.size[0]
    grid = comparison_grid(clip.size, max_side=options.get("max_side", 512))
    points, _ = on_grid(predictors, grid.matrix, grid.shape, clip.num_frames)
    maps = density(points, grid.shape, clip.num_frames, width * grid.matrix[1, 1])
    numbers = np.arange(clip.num_frames)
    attrs = {"source_size": clip.size, "seen": [0, 0, clip.size[1], clip.size[0]]}
    heatmap = Heatmap(clip.aggregate(maps), grid.matrix, numbers, numbers.astype(float), attrs)
    return scoring.score_video(clip.video, heatmap, metrics, fixations=truth, **options)


def _mean(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The mean over tables of the same rows, NaN left out; the commonest reason where all are."""
    every = pd.concat(tables, ignore_index=True)
    groups = every.groupby(["video", "metric", "frame"], sort=False)
    made = groups.agg(value=("value", "mean"), n=("n", "mean"), outside=("outside", "mean"))
    reason = groups["reason"].agg(lambda codes: codes.mode().iloc[0])
    made["reason"] = reason.where(made["value"].isna(), "")
    made[["n", "outside"]] = made[["n", "outside"]].round().astype(np.int64)
    return made.reset_index()[list(scoring.COLUMNS)]


def normalised(
    scores: pd.DataFrame, baseline: pd.DataFrame, ceiling: pd.DataFrame, by: list[str]
) -> pd.DataFrame:
    r"""Scores between a baseline (0) and a ceiling (1).

    $$ \frac{s - b}{c - b} $$

    Means are compared, not single videos, whose ceiling may lie close to their baseline.

    Args:
        scores: columns `by` and value, and any others.
        baseline: columns `by` and value, one row each.
        ceiling: the same.
        by: what must agree: metric, and what else there is (dataset, split, aggregation).

    Returns:
        the scores, with baseline, ceiling and normalised; NaN where either is missing or where the
        ceiling is not better than the baseline by a thousandth of its size.
    """
    made = scores
    for name, table in (("baseline", baseline), ("ceiling", ceiling)):
        own = table[[*by, "value"]].rename(columns={"value": name})
        made = made.merge(own, on=by, how="left", validate="many_to_one")
    room = made["ceiling"] - made["baseline"]
    room = room.where(room.abs() > 1e-3 * made["ceiling"].abs())
    return made.assign(normalised=(made["value"] - made["baseline"]) / room)
