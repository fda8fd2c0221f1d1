"""One per-video stage over one shard: cached part by part, failures kept apart, order fixed.

A stage says which fields its part key has and how one video is made; this module does the rest:
it makes only what the cache lacks, logs progress, writes the failures table and assembles the
shard's file in sheet order.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vidsal import heatmaps, parts, sheets
from vidsal.errors import InputError, disk_is_full

FAILURE_COLUMNS = ["video", "stage", "reason"]
log = logging.getLogger(__name__)
Row = dict[str, object]


@dataclass
class Stage:
    """What a stage is: its name, cache, part key fields and maker.

    Attributes:
        name: name of the stage, as in the failures table.
        cache: opened namespace of the part cache.
        fields: row -> everything that the bytes of its part depend on.
        prepare: called once, only when something has to be made; returns make(row, path), which
            writes the part of one video to `path`.
        suffix: ending of the part files.
    """

    name: str
    cache: parts.Cache
    fields: Callable[[Row], dict[str, object]]
    prepare: Callable[[], Callable[[Row, Path], None]]
    suffix: str = ".h5"


def run(stage: Stage, rows: list[Row]) -> tuple[dict[str, str], list[Row]]:
    """Make what is missing; return (video -> part key of all that worked, failures).

    An error of `prepare` (no weights, say) is an error of the whole job and passes through.
    """
    wanted, failures = _keys(stage, rows)
    known = [row for row in rows if str(row["video"]) in wanted]
    todo = [r for r in known if stage.cache.find(wanted[str(r["video"])], stage.suffix) is None]
    if todo:
        make, started = stage.prepare(), time.monotonic()
        for done, row in enumerate(todo, start=1):
            video = str(row["video"])
            try:
                _make(stage, make, row, wanted[video])
            except Exception as error:
                failures.append(failure(stage.name, video, error))
            _progress(stage.name, video, done, len(todo), started)
    failed = {row["video"] for row in failures}
    log.info("%s: %d videos, %d to make, %d failed", stage.name, len(rows), len(todo), len(failed))
    return {video: key for video, key in wanted.items() if video not in failed}, failures


def _keys(stage: Stage, rows: list[Row]) -> tuple[dict[str, str], list[Row]]:
    """Return video -> part key; a video whose inputs cannot even be read is a failure."""
    keys: dict[str, str] = {}
    failures: list[Row] = []
    for row in rows:
        video = str(row["video"])
        try:
            keys[video] = parts.key(stage=stage.name, **stage.fields(row))
        except Exception as error:
            failures.append(failure(stage.name, video, error))
    return keys, failures


def _make(stage: Stage, make: Callable, row: Row, key: str) -> None:
    with parts.replacing(stage.cache.path(key, stage.suffix)) as temporary:
        make(row, temporary)


def _progress(name: str, video: str, done: int, total: int, started: float) -> None:
    each = (time.monotonic() - started) / done
    log.info("%s: %s (%d of %d, %.2f s each)", name, video, done, total, each)


def failure(name: str, video: str, error: Exception) -> Row:
    """Return the row of the failures table; a full disk is no video's failure and is raised."""
    if disk_is_full(error):
        raise InputError(f"{name}: the disk is full; free some space and run again") from error
    known = isinstance(error, InputError)
    reason = str(error) if known else f"{type(error).__name__}: {error}"
    log.warning("%s: %s failed: %s", name, video, reason)
    if not known:
        log.warning("%s", traceback.format_exc())
    return {"video": video, "stage": name, "reason": " ".join(reason.split())}


def open_cache(config: dict, dataset: str, *names: str) -> parts.Cache:
    """Return the namespace of one dataset, stage, model and method."""
    return parts.Cache(config["cache"]["folder"], f"{dataset}/{'-'.join(names)}")


def found(stage: Stage, keys: dict[str, str]) -> list[tuple[str, parts.Found]]:
    """Return (video, where its part lies), in the order of the keys."""
    if any(stage.cache.find(key, stage.suffix) is None for key in keys.values()):
        stage.cache.refresh()
    return [(video, stage.cache.find(key, stage.suffix)) for video, key in keys.items()]


def write_failures(
    path: str | Path, failures: list[Row], rows: int, limit: float, left_out: list[Row] = ()
) -> None:
    """Write the failures table of a shard; refuse a shard in which too many videos failed.

    Videos in `left_out` are listed too, but are nobody's failure.

    Raises:
        InputError: more than `limit` (a fraction of the shard's videos) failed.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame([*failures, *left_out], columns=FAILURE_COLUMNS)
    table.to_csv(path, sep="\t", index=False, lineterminator="\n")
    if rows and len(failures) > limit * rows:
        first = failures[0]
        raise InputError(
            f"{first['stage']}: {len(failures)} of {rows} videos failed, more than max_failures "
            f"({limit:g}) allows; the first: {first['video']}: {first['reason']}"
        )


def write_json(path: Path, value: object) -> None:
    """Write a JSON part with sorted keys; floats keep all their digits."""
    path.write_text(json.dumps(value, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def read_rows(found_: parts.Found) -> list[Row]:
    """Return the rows of one video from a JSON part or from a packed table."""
    if not found_.group:
        return json.loads(found_.path.read_text(encoding="utf-8"))
    table = pd.read_parquet(found_.path, filters=[("video", "==", found_.group)])
    return table.to_dict("records")


def write_table(stage: Stage, path: str | Path, keys: dict[str, str], columns: list[str]) -> None:
    """Assemble a stage whose parts are rows into one Parquet table, and adopt it as a pack."""
    rows = [row for _, place in found(stage, keys) for row in read_rows(place)]
    table = pd.DataFrame(rows, columns=columns)
    with parts.replacing(Path(path)) as temporary:
        table.to_parquet(temporary, index=False)
    # A video without rows cannot be found again in a table, so its part stays single.
    there = set(table["video"])
    kept = {key: video for video, key in keys.items() if video in there}
    stage.cache.adopt(Path(path), kept, stage.suffix)


def write_h5(
    stage: Stage, path: str | Path, keys: dict[str, str], attrs: dict[str, object]
) -> None:
    """Assemble a stage whose parts are HDF5 groups into one shard file, and adopt it as a pack."""
    heatmaps.assemble(Path(path), found(stage, keys), attrs)
    stage.cache.adopt(Path(path), {key: video for video, key in keys.items()}, stage.suffix)


def read_sheet(path: str | Path, shard: str = "") -> list[Row]:
    """Return rows of a sample sheet as dictionaries, only those of a finer shard if one is named.

    Empty numbers are None.
    """
    table = sheets.read(path)
    if shard:
        table = sheets.rows(table, shard)
    table = table.astype(object)
    return table.where(table.notna(), None).to_dict("records")
