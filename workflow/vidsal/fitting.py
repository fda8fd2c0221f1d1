"""Training a classifier on a dataset, and classifying the videos of a shard with it."""

from __future__ import annotations

import contextlib
import logging
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

log = logging.getLogger(__name__)
PREDICTION_COLUMNS = [
    "video",
    "label",
    "predicted",
    "predicted_index",
    "probability",
    "correct",
    "categories",
    "logits",
    "clip_logits",
    "clip_starts",
    "crops",
    "average",
    "padded",
]


def training_options(config: dict, model: str) -> dict[str, object]:
    """Return the options of `training.train` for one model: common ones, then its own."""
    common = {key: value for key, value in config["train"].items() if key != "per_model"}
    return common | config["train"]["per_model"].get(model, {})


def testing_options(config: dict, model: str) -> dict[str, object]:
    """Return the options of `classifying.Views` for one model: common ones, then its own."""
    from dataclasses import fields

    from vidsal.classifying import Views

    given = config["classify"] | config["classify"]["per_model"].get(model, {})
    return {field.name: given[field.name] for field in fields(Views)}


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
        frames=_frame_keys(frames_files),
        model=networks.model_fields(config, name),
        options={k: v for k, v in options.items() if k not in training.OF_THE_RUN},
        seed=config["seed"],
        code=registry.fingerprint(__file__, *settings.choice(config, "models", name).code),
        numerics=networks.numerics_fields(config),
    )
    model = networks.new(config, name, categories, config["seed"])
    with contextlib.closing(_FilesOfThreads()) as files:
        training.train(
            model,
            *_clips(rows, frames_files, categories, files),
            folder=folder,
            work=Path(config["cache"]["folder"]) / "train" / key,
            key=key,
            seed=config["seed"],
            **options,
        )


class _FilesOfThreads:
    """Open files of frames, for each thread its own: one may close a file that another reads."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[OpenFiles] = []

    def group(self, path: str, name: str) -> contextlib.AbstractContextManager[h5py.Group]:
        from vidsal.video.stored import OpenFiles

        if not hasattr(self._own, "files"):
            self._own.files = OpenFiles(heatmaps.open_file)
            self._all.append(self._own.files)
        return self._own.files.group(path, name)

    def close(self) -> None:
        for files in self._all:
            files.close()


def _frame_keys(frames_files: list[str]) -> dict[str, str]:
    found = {}
    for path in frames_files:
        with heatmaps.open_file(path) as file:
            found |= {video: file[video].attrs["part_key"] for video in file}
    return found


def _clips(
    rows: list[dict], frames_files: list[str], categories: list[str], files: _FilesOfThreads
) -> tuple[list[tuple], list[tuple]]:
    """Return (train, val) lists of (opener of the group of frames, number of the label)."""
    places = {}
    for path in frames_files:
        with heatmaps.open_file(path) as file:
            places |= dict.fromkeys(file, path)
    made = {"train": [], "val": []}
    for row in rows:
        if row["video"] in places and row["label"] in categories:
            opener = partial(files.group, places[row["video"]], row["video"])
            made[row["split"]].append((opener, categories.index(row["label"])))
    return made["train"], made["val"]


def classify_shard(
    config: dict,
    dataset: str,
    name: str,
    rows_file: Path,
    frames_file: Path,
    weights: Path,
    out: Path,
    failures: Path,
) -> None:
    """Classify the videos of a shard; write logits per view and per video."""
    options = testing_options(config, name)
    with heatmaps.open_file(frames_file) as frames:
        rows = [row for row in stage.read_sheet(rows_file) if row["video"] in frames]
        own = settings.choice(config, "models", name)
        common = {
            "weights": parts.sha256(weights),
            "model": networks.model_fields(config, name),
            "views": options,
            "code": registry.fingerprint(__file__, *own.code),
            "numerics": networks.numerics_fields(config),
        }

        def fields(row: dict) -> dict[str, object]:
            part = frames[row["video"]].attrs["part_key"]
            return common | {"frames": part, "video": row["video"], "label": row["label"]}

        def prepare() -> object:
            return _classifier(config, networks.load(config, name, weights), frames, options)

        cache = stage.open_cache(config, dataset, "classify", name)
        work = stage.Stage("classify", cache, fields, prepare, suffix=".json")
        keys, failed = stage.run(work, rows)
        stage.write_table(work, out, keys, PREDICTION_COLUMNS)
        stage.write_failures(failures, failed, len(rows), config["max_failures"])


def _classifier(config: dict, model: object, frames: h5py.File, options: dict) -> object:
    from vidsal import classifying

    size, views = config["numerics"]["batch_size"], classifying.Views(**options)

    def make(row: dict, path: Path) -> None:
        group = frames[row["video"]]
        asked = partial(classifying.classify, model, group, views=views)
        found = networks.within_memory(size, asked)
        if found["padded"]:
            log.info(
                "%s: %d frames are fewer than a clip has; its last frame is repeated %d times",
                row["video"],
                len(group["time"]),
                found["padded"],
            )
        stage.write_json(path, [_prediction(row, model.categories, found, views.average)])

    return make


def _prediction(
    row: dict, categories: list[str] | None, found: dict[str, object], average: str
) -> dict[str, object]:
    """Return the row of the predictions of one video."""
    index = int(found["predicted"])
    label = categories[index] if categories else str(index)
    return {
        "video": row["video"],
        "label": row["label"],
        "predicted": label,
        "predicted_index": index,
        "probability": float(found["probability"]),
        "correct": bool(label == row["label"]),
        "categories": list(categories or []),
        "logits": [float(x) for x in found["video_logits"]],
        "clip_logits": [[float(x) for x in view] for view in found["logits"]],
        "clip_starts": [int(start) for start in found["starts"]],
        "crops": int(found["crops"]),
        "average": average,
        "padded": int(found["padded"]),
    }
