"""Training a classifier on a dataset."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import h5py

from vidsal import config as settings
from vidsal import heatmaps, networks, parts, registry, stage
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.video.stored import OpenFiles


def training_options(config: dict, model: str) -> dict[str, object]:
    """Return the options of `training.train` for one model: common ones, then its own."""
    common = {key: value for key, value in config["train"].items() if key != "per_model"}
    return common | config["train"]["per_model"].get(model, {})


def train(
    config: dict, name: str, rows_files: list[str], frames_files: list[str], folder: Path
) -> None:
    """Train a model on the train split of a dataset and choose its best epoch on the val split.

    In this process, or in as many as `processes` of the section `train` says.
    """
    processes = training_options(config, name).get("processes", 1)
    if processes == 1:
        train_here(config, name, rows_files, frames_files, folder)
        return
    from vidsal import _sharing

    job = {"name": name, "rows_files": list(rows_files), "frames_files": list(frames_files)}
    _sharing.launch(processes, job | {"config": config, "folder": str(folder)})


def train_here(
    config: dict, name: str, rows_files: list[str], frames_files: list[str], folder: Path
) -> None:
    """Train in this process: all there is to do, or its share when torchrun started several."""
    from vidsal import training

    rows = [row for path in rows_files for row in stage.read_sheet(path)]
    categories = sorted({row["label"] for row in rows if row["split"] == "train" and row["label"]})
    if len(categories) < 2:
        raise InputError(f"train: the train split has {len(categories)} labels; two are needed")
    options = training_options(config, name)
    key = parts.key(
        stage="train",
        rows=rows,
        frames=frame_keys(frames_files),
        model=networks.model_fields(config, name),
        options={k: v for k, v in options.items() if k not in training.OF_THE_RUN},
        seed=config["seed"],
        code=registry.fingerprint(__file__, *settings.choice(config, "models", name).code),
        numerics=networks.numerics_fields(config),
    )
    model = networks.new(config, name, categories, config["seed"])
    with contextlib.closing(FilesOfThreads()) as files:
        training.train(
            model,
            *_clips(rows, frames_files, categories, files),
            folder=folder,
            work=Path(config["cache"]["folder"]) / "train" / key,
            key=key,
            seed=config["seed"],
            **options,
        )


class FilesOfThreads:
    """Open files of frames, for each thread its own: one may close a file that another reads."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._own = threading.local()
        self._all: list[OpenFiles] = []

    def group(self, path: str, name: str) -> contextlib.AbstractContextManager[h5py.Group]:
        """Return a context with a video's group of a file."""
        from vidsal.video.stored import OpenFiles

        if not hasattr(self._own, "files"):
            self._own.files = OpenFiles(heatmaps.open_file)
            self._all.append(self._own.files)
        return self._own.files.group(path, name)

    def close(self) -> None:
        """Close the files of all threads."""
        for files in self._all:
            files.close()


def frame_keys(frames_files: list[str]) -> dict[str, str]:
    """Return video -> the key of the part that its frames are."""
    found = {}
    for path in frames_files:
        with heatmaps.open_file(path) as file:
            found |= {video: file[video].attrs["part_key"] for video in file}
    return found


def places_of(frames_files: list[str]) -> dict[str, str]:
    """Return video -> the file that holds its frames."""
    found = {}
    for path in frames_files:
        with heatmaps.open_file(path) as file:
            found |= dict.fromkeys(file, path)
    return found


def _clips(
    rows: list[dict], frames_files: list[str], categories: list[str], files: FilesOfThreads
) -> tuple[list[tuple], list[tuple]]:
    """Return (train, val) lists of (opener of the group of frames, number of the label)."""
    places = places_of(frames_files)
    made = {"train": [], "val": []}
    for row in rows:
        if row["video"] in places and row["label"] in categories:
            opener = partial(files.group, places[row["video"]], row["video"])
            made[row["split"]].append((opener, categories.index(row["label"])))
    return made["train"], made["val"]
