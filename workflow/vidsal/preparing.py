"""The first stages of a shard: videos in place, clips trimmed, frames on the canonical canvas."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import h5py
import pandas as pd

from vidsal import config as settings
from vidsal import parts, registry, sheets, stage
from vidsal.errors import InputError
from vidsal.video import frames as video_frames
from vidsal.video import trim as video_trim

log = logging.getLogger(__name__)
HEALTH_COLUMNS = [
    "video",
    "damaged",
    "reasons",
    "codec",
    "pixel_format",
    "stream",
    "video_streams",
    "rotation",
    "sar",
    "interlaced",
    "frames_decoded",
    "frames_header",
    "duration_check",
    "corrupt_packets",
    "corrupt_frames",
    "errors",
    "complaints",
    "odd_times",
    "checked_until",
    "fps",
    "start",
    "end",
    "start_time",
    "source_sha256",
]


FRAME_OPTIONS = ("max_side", "store", "crop", "resize", "grey", "every")


def dataset_sheet(config: dict, dataset: str) -> pd.DataFrame:
    """Return the checked sample sheet of a dataset, as its file in the room makes it."""
    own = settings.choice(config, "datasets", dataset)
    make = registry.load("datasets", own.method, config["rooms"])
    return sheets.check(make(dataset_folder(config, dataset), **own.options), dataset)


def dataset_folder(config: dict, dataset: str) -> str:
    """Return the folder that holds a dataset's downloads."""
    return str(Path(config["data"]) / dataset)


def download(config: dict, dataset: str, shard: str, out: Path) -> None:
    """Put the videos of a shard in place (render what the dataset renders) and write its rows.

    A video that is missing is no error here: `trim` reports it and the others carry on.
    """
    own = settings.choice(config, "datasets", dataset)
    rows = sheets.rows(dataset_sheet(config, dataset), shard)
    module = registry.module("datasets", own.method, config["rooms"])
    if hasattr(module, "render"):
        module.render(dataset_folder(config, dataset), rows, **own.options)
    gone, sentence = sheets.absent(rows)
    if gone:
        log.warning("dataset %s, %s: %s", dataset, shard, sentence)
    sheets.write(rows, out)


def trim_shard(
    config: dict, dataset: str, rows_file: Path, clips: Path, health: Path, failures: Path
) -> None:
    """Trim every video of a shard into `clips`, as hard links to the part cache."""
    rows = stage.read_sheet(rows_file)
    cache = stage.open_cache(config, dataset, "trim")
    fields = _trim_fields(config["video"]["on_damage"])
    work = stage.Stage(
        name="trim",
        cache=cache,
        fields=fields,
        prepare=lambda: lambda row, path: _trim_one(row, path, cache, fields(row)),
        suffix=".json",
    )
    keys, failed = stage.run(work, rows)
    clips.mkdir(parents=True, exist_ok=True)
    records = []
    for video, key in keys.items():
        records.append({"video": video} | _record(cache.path(key, ".json")))
        for suffix in (".mkv", ".json"):
            with parts.replacing(clips / f"{video}{suffix}") as temporary:
                parts.link_or_copy(cache.path(key, suffix), temporary)
    _write_health(health, records)
    stage.write_failures(failures, failed, len(rows), config["max_failures"])


def _trim_fields(on_damage: str) -> Callable[[dict], dict[str, object]]:
    """Return a function row -> what the bytes of its trimmed clip depend on."""
    digest, code = _source_digest(), registry.fingerprint(__file__)

    def fields(row: dict) -> dict[str, object]:
        return {
            "video": row["video"],
            "source": digest(row["path"]),
            "start": row["start"],
            "end": row["end"],
            "fps": row["fps"],
            "on_damage": on_damage,
            "code": code,
        }

    return fields


def _source_digest() -> Callable[[str], str]:
    """Return a function path -> digest of the source's content; each file is read once per job."""
    known: dict[str, str] = {}

    def digest(path: str) -> str:
        if path not in known:
            known[path] = _content_digest(Path(path))
        return known[path]

    return digest


def _content_digest(path: Path) -> str:
    if path.is_file():
        return parts.sha256(path)
    # A missing file or a folder of frames: trim itself says what is wrong with it.
    names = sorted(p for p in path.glob("*") if p.is_file()) if path.is_dir() else []
    return parts.key(files=[(p.name, parts.sha256(p)) for p in names], path=str(path))


def _trim_one(row: dict, path: Path, cache: parts.Cache, fields: dict[str, object]) -> None:
    key = parts.key(stage="trim", **fields)
    with parts.replacing(cache.path(key, ".mkv")) as film:
        record = video_trim.trim(
            row["path"],
            film,
            start=row["start"],
            end=row["end"],
            on_damage=fields["on_damage"],
            fps=row["fps"],
        )
    stage.write_json(path, record | {"part_key": key})


def _write_health(path: Path, records: list[dict]) -> None:
    table = pd.DataFrame(records, columns=HEALTH_COLUMNS)
    table["reasons"] = ["; ".join(reasons) for reasons in table["reasons"]]
    table.to_csv(path, sep="\t", index=False, lineterminator="\n")


def extract_shard(
    config: dict, dataset: str, rows_file: Path, clips: Path, out: Path, failures: Path
) -> None:
    """Decode the clips of a shard once, into `out`, one group per video."""
    rows = [r for r in stage.read_sheet(rows_file) if (clips / f"{r['video']}.json").is_file()]
    records = {r["video"]: _record(clips / f"{r['video']}.json") for r in rows}
    options = {name: config["video"][name] for name in FRAME_OPTIONS if name in config["video"]}
    _check_space(out, records.values(), options)
    code = registry.fingerprint(__file__)

    def make(row: dict, path: Path) -> None:
        record = records[row["video"]]
        with h5py.File(path, "w", libver="v110") as file:
            group = file.create_group("video")
            clip = clips / f"{row['video']}.mkv"
            video_frames.write_frames(clip, record, group, **options)
            group.attrs["part_key"] = parts.key(stage="frames", **fields(row))

    def fields(row: dict) -> dict[str, object]:
        return {"clip": records[row["video"]]["part_key"], "options": options, "code": code}

    cache = stage.open_cache(config, dataset, "frames")
    work = stage.Stage("frames", cache, fields, lambda: make)
    keys, failed = stage.run(work, rows)
    stage.write_h5(work, out, keys, {"schema": "vidsal-frames/1"})
    stage.write_failures(failures, failed, len(rows), config["max_failures"])


def _record(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _check_space(out: Path, records: object, options: dict) -> None:
    """Refuse before decoding when the disk cannot hold the shard's frames."""
    # Twice: the single parts lie beside the shard's file until it is complete.
    total = 2 * sum(_bytes(record, options) for record in records)
    out.parent.mkdir(parents=True, exist_ok=True)
    video_frames.check_space(out.parent, total)


def _bytes(record: dict, options: dict) -> int:
    """Return the bytes of a video's frames, 0 where it has no such frames and will be refused."""
    try:
        return video_frames.estimate_bytes(len(record["times"]), record["size"], **options)
    except InputError:
        return 0


def list_videos(config: dict, dataset: str, out: Path) -> None:
    """Write the sample sheet of a dataset that has to look at its folder.

    Raises:
        InputError: nothing was found.
    """
    sheet = dataset_sheet(config, dataset)
    if sheet.empty:
        raise InputError(
            f"dataset {dataset}: no videos found; check `videos` under datasets.{dataset}"
        )
    sheets.write(sheet, out)
