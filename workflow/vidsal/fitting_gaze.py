"""Training a predictor of gaze on a dataset."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path

import pandas as pd

from vidsal import config as settings
from vidsal import heatmaps, networks, parts, registry, sheets, sigma, stage
from vidsal._gaze_task import Watched, Watching
from vidsal.errors import InputError
from vidsal.fitting import FilesOfThreads, frame_keys, places_of, training_options
from vidsal.truth import read_geometry

COLUMNS = ["frame", "x", "y"]


def train(
    config: dict,
    name: str,
    rows_files: list[str],
    frames_files: list[str],
    gaze_files: list[str],
    folder: Path,
) -> None:
    """Train a predictor of gaze on the train split and choose its best epoch on the val split.

    The densities have the width that maps are scored with (`score.sigma`).

    Args:
        config: the config.
        name: of the predictor in it.
        rows_files: rows of both splits.
        frames_files: their frames.
        gaze_files: their gaze.
        folder: where the results go.

    Raises:
        InputError: a split without gaze.
    """
    from vidsal import training

    rows = [row for path in rows_files for row in stage.read_sheet(path)]
    gaze = pd.concat([pd.read_parquet(path) for path in gaze_files], ignore_index=True)
    geometry = {video: one for path in gaze_files for video, one in read_geometry(path).items()}
    options = training_options(config, name)
    own = settings.choice(config, "gaze", name)
    key = parts.key(
        stage="train",
        rows=rows,
        frames=frame_keys(frames_files),
        gaze=sheets.row_hash(gaze),
        sigma=config["score"]["sigma"],
        model=networks.model_fields(config, name, "gaze"),
        options={k: v for k, v in options.items() if k not in training.OF_THE_RUN},
        seed=config["seed"],
        code=registry.fingerprint(__file__, *own.code),
        numerics=networks.numerics_fields(config),
    )
    with contextlib.closing(FilesOfThreads()) as files:
        splits = _watched(config, rows, frames_files, gaze, geometry, files)
        model = networks.new_gaze(config, name, config["seed"])
        training.train(
            model,
            splits["train"],
            splits["val"],
            folder=folder,
            work=Path(config["cache"]["folder"]) / "train" / key,
            key=key,
            seed=config["seed"],
            task=Watching,
            **options,
        )


def _watched(
    config: dict,
    rows: list[dict],
    frames_files: list[str],
    gaze: pd.DataFrame,
    geometry: dict[str, dict],
    files: FilesOfThreads,
) -> dict[str, list[Watched]]:
    """Return the videos of both splits that anybody looked at."""
    places, found = places_of(frames_files), {"train": [], "val": []}
    tables = {video: own[COLUMNS] for video, own in gaze.groupby("video")}
    for row in rows:
        video = row["video"]
        if video not in places or video not in tables or row["split"] not in found:
            continue
        with heatmaps.open_file(places[video]) as file:
            size = file[video].attrs["source_size"]
        known = geometry.get(video, {}).get("source_pixels_per_degree")
        width = sigma.pixels(config["score"]["sigma"], size, pixels_per_degree=known)
        opener = partial(files.group, places[video], video)
        found[row["split"]].append(Watched(opener, tables[video], width))
    for split, videos in found.items():
        if not videos:
            raise InputError(
                f"train: no video of the {split} split has gaze; a predictor of gaze needs some "
                "in both splits"
            )
    return found
