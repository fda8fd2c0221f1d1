"""Maps that need no classifier: predicted gaze, and controls that know nothing of any network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from vidsal import _version, heatmaps, networks, parts, registry, stage
from vidsal import config as settings
from vidsal.explaining import chosen_rows, scaling, seen, source_attrs
from vidsal.video import frames as video_frames

FRAMES_AT_ONCE = 32


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


def gaze_shard(shard: Shard, model_name: str) -> None:
    """Predict gaze on the explained videos of a shard."""
    config = shard.config
    own = settings.choice(config, "gaze", model_name)
    common = {"numerics": networks.numerics_fields(config)}

    def prepare() -> Callable[[h5py.Group, str], np.ndarray]:
        networks.prepare(config)
        model = registry.load("gaze", own.method, config["rooms"])(**own.options)
        return lambda group, video: np.concatenate(list(model.predict(_stream(group))))

    _run(shard, own, (model_name, "gaze"), common, prepare)


def _stream(group: h5py.Group) -> Iterator[np.ndarray]:
    """Yield the frames of a video in blocks, so that an hour of video fits into memory."""
    total = len(group["frame_index"])
    for start in range(0, total, FRAMES_AT_ONCE):
        yield video_frames.read_frames(group, start, min(start + FRAMES_AT_ONCE, total))


def control_shard(shard: Shard, name: str) -> None:
    """Make a control's maps for the explained videos of a shard."""
    config = shard.config
    own = settings.choice(config, "controls", name)
    needs = registry.entry("controls", own.method, config["rooms"]).needs
    function = registry.load("controls", own.method, config["rooms"])

    def compute(group: h5py.Group, video: str) -> np.ndarray:
        given = {
            "frames": lambda: video_frames.read_frames(group),
            "rng": lambda: generator(config["seed"], video),
        }
        return function(*(given[need]() for need in needs), **own.options)

    _run(shard, own, ("none", name), {"seed": config["seed"]}, lambda: compute)


def generator(seed: int, video: str) -> np.random.Generator:
    """Return a random generator that belongs to one video, whatever else is run."""
    code = int(hashlib.sha1(video.encode()).hexdigest()[:8], 16)
    return np.random.default_rng([seed, code])


def _run(
    shard: Shard, own: settings.Choice, names: tuple[str, str], common: dict, prepare: Callable
) -> None:
    """Make the maps of a shard; `names` are (model, method) as in paths and tables."""
    config = shard.config
    code = registry.fingerprint(__file__, *own.code)
    common = common | {"method": own.method, "options": own.options, "code": code}
    with heatmaps.open_file(shard.frames) as frames:
        known = [r for r in stage.read_sheet(shard.rows, shard.name) if r["video"] in frames]
        rows = chosen_rows(config, known)

        def fields(row: dict) -> dict[str, object]:
            part = frames[row["video"]].attrs["part_key"]
            return common | {"frames": part, "video": row["video"]}

        def prepared() -> Callable[[dict, Path], None]:
            compute = prepare()
            return lambda row, path: _write(path, frames[row["video"]], compute, row["video"])

        cache = parts.Cache(config["cache"]["folder"], "-".join(("maps", *names)))
        work = stage.Stage(own.room, cache, fields, prepared)
        keys, failed = stage.run(work, rows)
        stage.write_h5(work, shard.heatmaps, keys, _attrs(shard.dataset, own, names, code))
        stage.write_failures(shard.failures, failed, len(rows), config["max_failures"])


def _attrs(dataset: str, own: settings.Choice, names: tuple[str, str], code: str) -> dict:
    return {
        "schema": heatmaps.SCHEMA,
        "Conventions": "CF-1.11",
        "dataset": dataset,
        "model": names[0],
        "method": names[1],
        "options": settings.digest(own.options),
        "weights_sha256": "",
        "target_rule": "",
        "code": code,
        "vidsal_version": _version.version(),
    }


def _write(path: Path, group: h5py.Group, compute: Callable, video: str) -> None:
    saliency = np.asarray(compute(group, video), dtype=np.float32)
    canvas = tuple(int(side) for side in group.attrs["canvas_size"])
    transform = scaling(canvas, saliency.shape[-2:]) @ group.attrs["transform"]
    source = [int(side) for side in group.attrs["source_size"]]
    attrs = source_attrs(group) | {
        "target": -1,
        "target_label": "",
        "coverage": np.ones(len(saliency), np.int32),
        "seen": seen(transform, saliency.shape[-2:], source),
    }
    frame_index, time = group["frame_index"][()], group["time"][()]
    heatmaps.write_part(path, heatmaps.Heatmap(saliency, transform, frame_index, time, attrs))
