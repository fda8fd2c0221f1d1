"""Classifying the videos of a shard."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import h5py

from vidsal import config as settings
from vidsal import heatmaps, networks, parts, registry, stage

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


def testing_options(config: dict, model: str) -> dict[str, object]:
    """Return the options of `classifying.Views` for one model: common ones, then its own."""
    from dataclasses import fields

    from vidsal.classifying import Views

    given = config["classify"] | config["classify"]["per_model"].get(model, {})
    return {field.name: given[field.name] for field in fields(Views)}


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
                "%s: %d frames are fewer than a clip has; %d of them are shown again",
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
