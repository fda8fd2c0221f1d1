"""Ceilings of a dataset's scores, and its scores between a baseline and the ceiling."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import h5py
import pandas as pd

from vidsal import config as settings
from vidsal import heatmaps, histograms, parts, registry, score_shards, stage, statistics, truth
from vidsal.ceilings import FEWEST, Clip, ceilings, normalised
from vidsal.mapping import chosen_rows
from vidsal.predicting import generator
from vidsal.scoring import WHOLE_CLIP
from vidsal.tables import write_tsv

log = logging.getLogger(__name__)
BASELINES = ("other_videos", "fitted_centre", "centre", "uniform", "random")
"""Controls that can be the zero of normalised scores; the first that is there is."""
CEILING = "all_observers"
BY = ["dataset", "split", "aggregation", "metric"]


def ceiling_shard(
    config: dict,
    names: list[str],
    files: dict[str, str],
    where: dict[str, str],
    out: Path,
) -> None:
    """Write how well the observers of each explained video predict each other.

    `names` are those of metrics; `files` the shard's rows, frames and gaze, and the pool of
    everyone's; `where` says dataset, split and aggregation.
    """
    gaze, pool = pd.read_parquet(files["gaze"]), histograms.read_pool(files["everyone"])
    chosen = {name: settings.choice(config, "metrics", name) for name in names}
    metrics = {
        name: (registry.load("metrics", own.method, config["rooms"]), own.options)
        for name, own in chosen.items()
    }
    single_frames = score_shards.asks_for_frames(config, names)
    geometry, tables = truth.read_geometry(files["gaze"]), []
    with heatmaps.open_file(files["frames"]) as frames:
        rows = [row for row in stage.read_sheet(files["rows"]) if row["video"] in frames]
        for video in [row["video"] for row in chosen_rows(config, rows)]:
            own = gaze[gaze["video"] == video]
            if own["subject"].nunique() < FEWEST:
                log.warning("%s: fewer than %d observers, so no ceiling", video, FEWEST)
                continue
            others = score_shards.of_others(pool, own, video, single_frames)
            clip = _clip(config, video, frames[video], geometry.get(video), others, where)
            tables.append(ceilings(clip, own, metrics, generator(config["seed"], video)))
    made = pd.concat(tables) if tables else pd.DataFrame(columns=score_shards.SCORE_COLUMNS)
    made = made.rename(columns={"kind": "method"}).assign(**where, model="none", target="")
    with parts.replacing(out) as temporary:
        made.reindex(columns=score_shards.SCORE_COLUMNS).to_parquet(temporary, index=False)


def _clip(
    config: dict,
    video: str,
    group: h5py.Group,
    geometry: dict | None,
    others: dict[str, object],
    where: dict[str, str],
) -> Clip:
    own = settings.choice(config, "aggregation", where["aggregation"])
    function = registry.load("aggregation", own.method, config["rooms"])
    size = tuple(int(side) for side in group.attrs["source_size"])
    width = score_shards.density_width(config, group.attrs["source_size"], geometry)
    options = {"sigma": width, "max_side": config["score"]["max_side"], **others}
    count = len(group["frame_index"])
    return Clip(video, size, count, partial(function, **own.options), options)


def write_ceilings(
    scores: str, shards: list[str], ceiling: Path, relative: Path, seed: int
) -> None:
    """Write the summary of the ceilings, and the summary of the scores relative to them."""
    every = pd.concat(map(pd.read_parquet, shards), ignore_index=True)
    top = statistics.summarise(every[every["frame"] == WHOLE_CLIP], seed=seed)
    write_tsv(top, ceiling)
    table = statistics.summarise(pd.read_parquet(scores), seed=seed).rename(
        columns={"mean": "value"}
    )
    controls = set(table.loc[table["model"] == "none", "method"])
    name = next((each for each in BASELINES if each in controls), "")
    low = table[(table["model"] == "none") & (table["method"] == name)]
    high = top[top["method"] == CEILING].rename(columns={"mean": "value"})
    made = normalised(table, low, high, BY).assign(baseline_control=name)
    columns = ["dataset", "split", "model", "method", "aggregation", "metric", "value"]
    columns += ["baseline_control", "baseline", "ceiling", "normalised"]
    write_tsv(made[columns], relative)
