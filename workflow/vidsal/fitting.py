"""Training a classifier on a dataset, and classifying the videos of a shard with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import h5py

from vidsal import config as settings
from vidsal import heatmaps, networks, parts, registry, stage
from vidsal.errors import InputError

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
]


def training_options(config: dict, model: str) -> dict[str, object]:
    """Return the options of `training.train` for one model: common ones, then its own."""
    common = {key: value for key, value in config["train"].items() if key != "per_model"}
    return common | config["train"]["per_model"].get(model, {})


def train(
    config: dict, name: str, rows_files: list[str], frames_files: list[str], folder: Path
) -> None:
    """Train a model on the train split of a dataset and choose its best epoch on the val split."""
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
        options=options,
        seed=config["seed"],
        code=registry.fingerprint(__file__, *settings.choice(config, "models", name).code),
        numerics=networks.numerics_fields(config),
    )
    model = networks.new(config, name, categories, config["seed"])
    train_clips, val_clips = _clips(rows, frames_files, categories)
    training.train(
        model,
        train_clips,
        val_clips,
        folder=folder,
        work=Path(config["cache"]["folder"]) / "train" / key,
        key=key,
        seed=config["seed"],
        **options,
    )


def _frame_keys(frames_files: list[str]) -> dict[str, str]:
    found = {}
    for path in frames_files:
        with heatmaps.open_file(path) as file:
            found |= {video: file[video].attrs["part_key"] for video in file}
    return found


def _clips(
    rows: list[dict], frames_files: list[str], categories: list[str]
) -> tuple[list[tuple], list[tuple]]:
    """Return (train, val) lists of (opener of the group of frames, number of the label)."""
    places = {}
    for path in frames_files:
        with heatmaps.open_file(path) as file:
            places |= dict.fromkeys(file, path)
    made = {"train": [], "val": []}
    for row in rows:
        if row["video"] in places and row["label"] in categories:
            opener = partial(_opened, places[row["video"]], row["video"])
            made[row["split"]].append((opener, categories.index(row["label"])))
    return made["train"], made["val"]


@contextlib.contextmanager
def _opened(path: str, video: str) -> Iterator[h5py.Group]:
    with heatmaps.open_file(path) as file:
        yield file[video]


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
    """Classify the videos of a shard; write logits per clip and per video."""
    with heatmaps.open_file(frames_file) as frames:
        rows = [row for row in stage.read_sheet(rows_file) if row["video"] in frames]
        own = settings.choice(config, "models", name)
        common = {
            "weights": parts.sha256(weights),
            "model": networks.model_fields(config, name),
            "code": registry.fingerprint(__file__, *own.code),
            "numerics": networks.numerics_fields(config),
        }

        def fields(row: dict) -> dict[str, object]:
            part = frames[row["video"]].attrs["part_key"]
            return common | {"frames": part, "video": row["video"], "label": row["label"]}

        def prepare() -> object:
            return _classifier(config, networks.load(config, name, weights), frames)

        cache = stage.open_cache(config, dataset, "classify", name)
        work = stage.Stage("classify", cache, fields, prepare, suffix=".json")
        keys, failed = stage.run(work, rows)
        stage.write_table(work, out, keys, PREDICTION_COLUMNS)
        stage.write_failures(failures, failed, len(rows), config["max_failures"])


def _classifier(config: dict, model: object, frames: h5py.File) -> object:
    from vidsal import classifying

    categories = model.categories

    def make(row: dict, path: Path) -> None:
        found = classifying.classify(
            model, frames[row["video"]], batch_size=config["numerics"]["batch_size"]
        )
        index = int(found["predicted"])
        label = categories[index] if categories else str(index)
        made = {
            "video": row["video"],
            "label": row["label"],
            "predicted": label,
            "predicted_index": index,
            "probability": float(found["probability"]),
            "correct": bool(label == row["label"]),
            "categories": list(categories or []),
            "logits": [float(x) for x in found["video_logits"]],
            "clip_logits": [[float(x) for x in clip] for clip in found["logits"]],
        }
        stage.write_json(path, [made])

    return make
