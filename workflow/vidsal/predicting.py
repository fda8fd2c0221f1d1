"""Maps that need no classifier: predicted gaze, and controls that know nothing of any network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from vidsal import (
    _version,
    fixations,
    heatmaps,
    histograms,
    networks,
    parts,
    registry,
    sheets,
    stage,
)
from vidsal import config as settings
from vidsal.densities import on_grid
from vidsal.gaze._model import GazeModel
from vidsal.mapping import chosen_rows, scaling, seen, source_attrs
from vidsal.video.stored import StoredFrames


@dataclass(frozen=True)
class Shard:
    """One shard to make maps for: where its rows and frames are, and where its maps go."""

    config: dict
    dataset: str
    name: str
    rows: Path
    frames: Path
    heatmaps: Path
    failures: Path


def gaze_shard(shard: Shard, model_name: str, weights: str | Path | None = None) -> None:
    """Predict gaze on the explained videos of a shard, with the weights in a file, if any."""
    config = shard.config
    own = settings.choice(config, "gaze", model_name)
    digest = parts.sha256(weights) if weights else ""
    fields = {
        "numerics": networks.numerics_fields(config),
        "weights": digest,
        "files": networks.model_fields(config, model_name, "gaze")["files"],
    }
    entry = registry.entry("gaze", own.method, config["rooms"])
    folder = own.options.get(entry.constants.get("FILES", ""))

    def common(video: str) -> dict[str, object]:
        return fields if folder is None else fields | {"files": sheets.stamp_of(folder, video)}

    def prepare() -> Callable[[Path, h5py.Group, str], None]:
        model = networks.load_gaze(config, model_name, weights)

        def write(path: Path, group: h5py.Group, video: str) -> None:
            if model.maps:
                made = model.maps(video, group["frame_index"][()])
                heatmaps.write_part(path, _heatmap(group, made, made.shape[-2:], {}))
            else:
                networks.within_memory(
                    model.batch, lambda batch: _stream(path, group, model, batch)
                )

        return write

    _run(shard, own, (model_name, "gaze"), common, prepare, weights_sha256=digest)


def _stream(path: Path, group: h5py.Group, model: GazeModel, batch: int) -> None:
    """Predict gaze on a video and write it, a few frames of it in memory at a time."""
    frames = StoredFrames(group)
    options = {"batch": batch} if model.net is not None else {}
    pieces = model.predict(frames.blocks(), **options)
    empty = np.empty(0, np.float32)
    heatmaps.write_pieces(path, pieces, len(frames), lambda size: _heatmap(group, empty, size, {}))


def control_shard(
    shard: Shard, name: str, gaze: str | None = None, everyone: str | None = None
) -> None:
    """Make a control's maps for the explained videos of a shard.

    A control that asks for `fixations` gets those of one random half of the observers; the map's
    attribute `made_of_subjects` names them, so that scoring can leave them out. One that asks for
    `other_fixations` gets those of all other videos: of the pool `everyone`, without the own ones.
    """
    config = shard.config
    own = settings.choice(config, "controls", name)
    needs = registry.entry("controls", own.method, config["rooms"]).needs
    function = registry.load("controls", own.method, config["rooms"])
    table = pd.read_parquet(gaze) if gaze else None

    def write(path: Path, group: h5py.Group, video: str) -> None:
        frames = StoredFrames(group)
        given = {"frames": frames, "rng": generator(config["seed"], video)}
        notes = {}
        if "fixations" in needs:
            given["fixations"], notes = _half(config, table, group, video, frames.shape)
        if "other_fixations" in needs:
            given["other_fixations"] = _of_others(table, everyone, video)
        made = function(*(given[need] for need in needs), **own.options)
        saliency = np.asarray(made, dtype=np.float32)
        heatmaps.write_part(path, _heatmap(group, saliency, saliency.shape[-2:], notes))

    def common(video: str) -> dict[str, object]:
        found = {"seed": config["seed"], "gaze": gaze_digest(table, video)}
        return found | ({"everyone": parts.sha256(Path(everyone))} if everyone else {})

    observers = None
    if "fixations" in needs:
        observers = table.groupby("video")["subject"].nunique().to_dict()
    _run(shard, own, ("none", name), common, lambda: write, observers)


def _of_others(table: pd.DataFrame, everyone: str, video: str) -> np.ndarray:
    """Return the histogram of the gaze on all videos but one."""
    own = table.loc[table["video"] == video, ["u", "v"]].to_numpy(dtype=np.float64)
    return histograms.read_pool(everyone).histogram - histograms.histogram(own)


def gaze_digest(table: pd.DataFrame | None, video: str) -> str:
    """Return a digest of the gaze on one video, '' without gaze."""
    return "" if table is None else sheets.row_hash(table[table["video"] == video])


def _half(
    config: dict, table: pd.DataFrame, group: h5py.Group, video: str, shape: tuple
) -> tuple[np.ndarray, dict[str, object]]:
    """Return the fixations of a random half of the observers on the canvas, and their names."""
    own = table[table["video"] == video]
    first, _ = fixations.split_halves(own, generator(config["seed"], video))
    points, _ = on_grid(first, group.attrs["transform"], shape[1:3], shape[0])
    return points, {"made_of_subjects": json.dumps(sorted(first["subject"].astype(str).unique()))}


def generator(seed: int, video: str) -> np.random.Generator:
    """Return a random generator that belongs to one video, whatever else is run."""
    code = int(hashlib.sha1(video.encode()).hexdigest()[:8], 16)
    return np.random.default_rng([seed, code])


def _with_gaze(rows: list[dict], observers: dict | None) -> tuple[list[dict], list[dict]]:
    """Return the rows that a map can be made for, and the others with the reason."""
    if observers is None:
        return rows, []
    kept = [row for row in rows if observers.get(row["video"], 0) >= 2]
    reason = "gaze of fewer than two observers: one half cannot predict another"
    others = [row["video"] for row in rows if observers.get(row["video"], 0) < 2]
    return kept, [{"video": v, "stage": "observers", "reason": reason} for v in others]


def _run(
    shard: Shard,
    own: settings.Choice,
    names: tuple[str, str],
    common: Callable[[str], dict],
    prepare: Callable,
    observers: dict[str, int] | None = None,
    weights_sha256: str = "",
) -> None:
    """Make the maps of a shard; `names` are (model, method) as in paths and tables.

    `common` gives what every part key holds for a video; `prepare` what writes a video's part, from
    its frames; `observers` the number of people with gaze on each video, when the map needs two of
    them.
    """
    config = shard.config
    code = registry.fingerprint(__file__, *own.code)
    shared = {"method": own.method, "options": own.resolved, "code": code}
    with heatmaps.open_file(shard.frames) as frames:
        known = [r for r in stage.read_sheet(shard.rows, shard.name) if r["video"] in frames]
        rows, left_out = _with_gaze(chosen_rows(config, known), observers)

        def fields(row: dict) -> dict[str, object]:
            part = frames[row["video"]].attrs["part_key"]
            return shared | common(row["video"]) | {"frames": part, "video": row["video"]}

        def prepared() -> Callable[[dict, Path], None]:
            write = prepare()
            return lambda row, path: write(path, frames[row["video"]], row["video"])

        cache = stage.open_cache(config, shard.dataset, "maps", *names)
        work = stage.Stage(own.room, cache, fields, prepared)
        keys, failed = stage.run(work, rows)
        attrs = _attrs(shard.dataset, own, names, code) | {"weights_sha256": weights_sha256}
        stage.write_h5(work, shard.heatmaps, keys, attrs)
        limit = config["max_failures"]
        stage.write_failures(shard.failures, failed, len(rows), limit, left_out)


def _attrs(dataset: str, own: settings.Choice, names: tuple[str, str], code: str) -> dict:
    return {
        "schema": heatmaps.SCHEMA,
        "Conventions": "CF-1.11",
        "dataset": dataset,
        "model": names[0],
        "method": names[1],
        "options": settings.digest(own.options),
        "target_rule": "",
        "code": code,
        "vidsal_version": _version.version(),
    }


def _heatmap(
    group: h5py.Group, saliency: np.ndarray, size: tuple[int, int], notes: dict[str, object]
) -> heatmaps.Heatmap:
    """Return a map of `size` over the whole picture, with all that its file says of it."""
    canvas = tuple(int(side) for side in group.attrs["canvas_size"])
    transform = scaling(canvas, size) @ group.attrs["transform"]
    source = [int(side) for side in group.attrs["source_size"]]
    attrs = (
        source_attrs(group)
        | {
            "target": -1,
            "target_label": "",
            "coverage": np.ones(len(group["frame_index"]), np.int32),
            "seen": seen(transform, size, source),
        }
        | notes
    )
    frame_index, time = group["frame_index"][()], group["time"][()]
    return heatmaps.Heatmap(saliency, transform, frame_index, time, attrs)
