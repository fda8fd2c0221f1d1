"""The truth that maps are compared with: gaze and masks of a shard, on the clips' own clock."""

from __future__ import annotations

import inspect
import json
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vidsal import _gaze_geometry, fixations, heatmaps, histograms, parts, registry, sheets, stage
from vidsal import config as settings
from vidsal.errors import InputError
from vidsal.histograms import Pool, read_pool
from vidsal.video import frames as video_frames

FIXATION_COLUMNS = ["video", *fixations.COLUMNS, "u", "v"]
EXPORT_COLUMNS = ["video", "subject", "frame", "time", "x", "y", "duration", "event", "fixation"]
DROPPED_COLUMNS = ["video", "reason", "rows"]
SCHEMA = "vidsal-fixations/1"
FRAMES_OF_A_VIDEO = 16  # enough for metrics that draw one or a few frames of other videos
ABOUT = {
    "coordinates": "x, y: pixels of the upright video, centres at whole numbers from 0, y down",
    "frames": "frame: from 0, the clip's first frame; time: seconds since that frame",
}


def gaze_shard(
    config: dict,
    dataset: str,
    rows_file: Path,
    frames: Path,
    out: Path,
    histogram: Path,
    dropped: Path,
    failures: Path,
) -> None:
    """Write the fixations of a shard, one row per gaze sample or frame of a fixation.

    Columns: `video`, those of a tidy table (see `vidsal.fixations`), `u`, `v`. `frame` and `time`
    count from the clip's first frame; x, y are source pixels; u, v are the same relative to the
    picture, 0 to 1 from edge to edge. The key `vidsal` of the file's metadata holds, as JSON, the
    geometry with which each recording was read. Rows that cannot be used are counted by reason; a
    recording that loses more than half of them for one reason of place or time is listed among the
    failures, and a video of whose recordings nothing is left is a failure.
    """
    read = _reader(config, dataset, "read_fixations", fixations.read)
    tables, counts, failed, lost, geometry = [], [], [], [], {}
    with heatmaps.open_file(frames) as file:
        rows = _available(rows_file, file, "fixations")
        for row in rows:
            try:
                table, reasons, used, doubts = _gaze(read, row, file[row["video"]], config)
            except Exception as error:
                failed.append(stage.failure("read_gaze", row["video"], error))
                continue
            tables.append(table)
            geometry[row["video"]] = used
            counts += [{"video": row["video"], "reason": r, "rows": n} for r, n in reasons.items()]
            lost += [{"video": row["video"], "stage": "read_gaze", "reason": d} for d in doubts]
    made = _concatenated(tables)
    with parts.replacing(out) as temporary:
        pq.write_table(
            _described(pa.Table.from_pandas(made, preserve_index=False), geometry), temporary
        )
    counts_of_all = histograms.histogram(made[["u", "v"]].to_numpy(dtype=np.float64))
    _write_pool(histogram, Pool(counts_of_all, *sampled_frames(made)))
    pd.DataFrame(counts, columns=DROPPED_COLUMNS).to_csv(
        dropped, sep="\t", index=False, lineterminator="\n"
    )
    stage.write_failures(failures, failed, len(rows), config["max_failures"], lost)


def export_gaze(shards: list[str], out: Path, about: Path) -> None:
    """Write the gaze on all videos as one table, and its geometry beside it as JSON.

    Columns: video, subject, frame, time, x, y, duration, event, fixation, in the order of the
    shards. The JSON holds the geometry of each video; it also is the key `vidsal` of the table's
    metadata.
    """
    geometry = {v: g for path in shards for v, g in read_geometry(path).items()}
    empty = pa.Table.from_pandas(_concatenated([])[EXPORT_COLUMNS], preserve_index=False)
    schema = _described(empty, geometry).schema
    with parts.replacing(out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for path in shards:
            table = pq.read_table(path, columns=EXPORT_COLUMNS)
            writer.write_table(table.cast(schema))
    with parts.replacing(about) as temporary:
        stage.write_json(temporary, _about(geometry))


def read_geometry(path: str | Path) -> dict[str, dict]:
    """Return video -> geometry with which its gaze was read, from a table's metadata."""
    found = pq.read_schema(path).metadata or {}
    return json.loads(found.get(b"vidsal", b"{}")).get("geometry", {})


def _about(geometry: dict[str, dict]) -> dict[str, object]:
    return {"schema": SCHEMA, **ABOUT, "geometry": geometry}


def _described(table: pa.Table, geometry: dict[str, dict]) -> pa.Table:
    """Return the table with its geometry in the metadata."""
    text = json.dumps(_about(geometry), sort_keys=True)
    return table.replace_schema_metadata((table.schema.metadata or {}) | {b"vidsal": text.encode()})


def _concatenated(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of all videos as one, its columns of the same types without any rows."""
    types = {"video": str, **fixations.TYPES, "u": np.float64, "v": np.float64}
    kept = [table for table in tables if len(table)]
    made = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=FIXATION_COLUMNS)
    made.attrs = {}
    return made[FIXATION_COLUMNS].astype(types)


def sampled_frames(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the names of videos, and the fixations of at most 16 random frames of each.

    What is drawn depends on the names of the videos alone, so that other videos change nothing.
    """
    names, found = sorted(table["video"].unique()), [np.empty((0, 4))]
    for number, video in enumerate(names):
        own = table.loc[table["video"] == video, ["frame", "u", "v"]].to_numpy(dtype=np.float64)
        rng = np.random.default_rng(zlib.crc32(str(video).encode()))
        kept = np.isin(own[:, 0], rng.permutation(np.unique(own[:, 0]))[:FRAMES_OF_A_VIDEO])
        found.append(np.column_stack([np.full(kept.sum(), float(number)), own[kept]]))
    return np.array(names, dtype=str), np.concatenate(found)


def pool(shards: list[str], out: Path) -> None:
    """Write the sum of the shards' histograms of where people looked, and all their frames."""
    pools = [read_pool(path) for path in shards]
    starts = np.cumsum([0, *(len(each.videos) for each in pools)])
    pairs = zip(pools, starts[:-1], strict=True)
    frames = [each.frames + np.array([start, 0, 0, 0]) for each, start in pairs]
    videos = np.concatenate([each.videos for each in pools])
    summed = sum(each.histogram for each in pools)
    _write_pool(out, Pool(summed, videos, np.concatenate(frames)))


def _write_pool(path: Path, made: Pool) -> None:
    # NumPy writes a fixed date into its archives, so equal pools have equal bytes.
    with parts.replacing(path) as temporary:
        np.savez_compressed(temporary, **made._asdict())


def _gaze(
    read: Callable, row: dict, group: h5py.Group, config: dict
) -> tuple[pd.DataFrame, dict[str, int], dict, list[str]]:
    """Return the gaze on one clip, what was left out by reason, the geometry, and what is odd.

    Raises:
        InputError: there were rows, and all lie beside the video or outside its frames.
    """
    clip = _clip(row, group)
    recording = read(row["fixations"], clip=clip, formats=fixations.of_config(config))
    reasons = dict(recording.attrs.get("dropped", {}))
    geometry, lost = (recording.attrs.get(name, {}) for name in ("geometry", "lost"))
    recording = fixations.complete(recording)
    first, last = int(clip.frame_index[0]), int(clip.frame_index[-1])
    if row["end"] is None:
        _count(reasons, "frame_outside", recording["frame"] > last)
    table = fixations.cut(recording, first, last + 1)
    table["time"] -= clip.times[0]
    # A stored frame stands for those behind it that were left out.
    table["frame"] //= int(group.attrs.get("every", 1))
    again = table.duplicated(["subject", "frame", "x", "y"])
    _count(reasons, "duplicate", again)
    table = table[~again]
    u, v = ((table[axis] + 0.5) / side for axis, side in zip("xy", clip.size, strict=True))
    inside = u.between(0, 1) & v.between(0, 1)
    _count(reasons, "outside_video", ~inside)
    if not inside.any():
        lost = [*lost, *_nothing_left(row, len(recording), reasons, lost)]
        reasons["video without fixations"] = 0
    table = table.assign(video=row["video"], u=u, v=v)[inside]
    return table[FIXATION_COLUMNS], reasons, dict(geometry), list(lost)


def _nothing_left(row: dict, count: int, reasons: dict[str, int], lost: list[str]) -> list[str]:
    """A sentence for a clip without gaze, where the recording has some; refuse what was misread."""
    found = [
        f"{reasons[reason]} {reason}" for reason in _gaze_geometry.LOSSES if reasons.get(reason)
    ]
    if found:
        why = "; ".join(lost) or "is it the recording of this video, and its geometry right?"
        raise InputError(
            f"gaze {row['fixations']}: no row of it can be used ({', '.join(found)}): {why}"
        )
    if not count:
        return []  # nobody looked, or all of it was blinks
    end = "the end" if row["end"] is None else row["end"]
    return [
        f"gaze {row['fixations']}: none of its rows lies in frames {row['start'] or 0} to "
        f"{end} (exclusive); are start, end, `time_unit`, `lag` and the start message right?"
    ]


def _count(reasons: dict[str, int], reason: str, bad: pd.Series) -> None:
    if bad.any():
        reasons[reason] = reasons.get(reason, 0) + int(bad.sum())


def _clip(row: dict, group: h5py.Group) -> fixations.Clip:
    """Return what the frames file knows of a video."""
    height, width = (int(side) for side in group.attrs["source_size"])
    every = int(group.attrs.get("every", 1))
    clock = "clip_" if every > 1 else ""
    index = group[f"{clock}frame_index"][()]
    return fixations.Clip(
        names=(row["video"], Path(row["path"]).name),
        size=(width, height),
        fps=float(Fraction(group.attrs["fps"]) * every),
        num_frames=None if row["end"] is not None else int(index[-1]) + 1,
        times=group.attrs["start_time"] + group[f"{clock}time"][()],
        frame_index=index,
    )


def masks_shard(
    config: dict, dataset: str, rows_file: Path, frames: Path, out: Path, failures: Path
) -> None:
    """Write the ground-truth masks of a shard: `mask` (T,H,W) uint8 in source pixels, 0 = none."""
    read = _reader(config, dataset, "read_masks", video_frames.read_masks)
    own = settings.choice(config, "datasets", dataset)
    options = {} if read is video_frames.read_masks else own.resolved
    code = registry.fingerprint(__file__, *own.code)
    with heatmaps.open_file(frames) as file:
        rows = _available(rows_file, file, "masks")

        def make(row: dict, path: Path) -> None:
            index = file[row["video"]]["frame_index"][()]
            mask = read(row["masks"], int(index[0]), int(index[-1]) + 1)
            mask = mask[:: int(file[row["video"]].attrs.get("every", 1))]
            with h5py.File(path, "w", libver="v110") as part:
                _write_mask(part.create_group("video"), np.asarray(mask, dtype=np.uint8))

        def fields(row: dict) -> dict[str, object]:
            source = Path(row["masks"])
            content = parts.sha256(source) if source.is_file() else sheets.stamp_tree(str(source))
            part_key = file[row["video"]].attrs["part_key"]
            return {"masks": content, "frames": part_key, "options": options, "code": code}

        work = stage.Stage(
            "read_masks", stage.open_cache(config, dataset, "masks"), fields, lambda: make
        )
        keys, failed = stage.run(work, rows)
        stage.write_h5(work, out, keys, {"schema": "vidsal-masks/1"})
        stage.write_failures(failures, failed, len(rows), config["max_failures"])


def _write_mask(group: h5py.Group, mask: np.ndarray) -> None:
    group.create_dataset(
        "mask",
        data=mask,
        chunks=(1, *mask.shape[1:]),
        shuffle=True,
        compression="gzip",
        compression_opts=1,
        fletcher32=True,
    )


def _available(rows_file: Path, frames: h5py.File, column: str) -> list[dict]:
    """Return the rows whose frames are there and that name the wanted truth."""
    rows = stage.read_sheet(rows_file)
    return [row for row in rows if row["video"] in frames and row[column]]


def _reader(config: dict, dataset: str, name: str, default: Callable) -> Callable:
    """Return the dataset's own reader with its options bound, or the default one.

    Keyword arguments (what is known of the clip) reach only a reader whose signature names them.
    """
    own = settings.choice(config, "datasets", dataset)
    reader = getattr(registry.module("datasets", own.method, config["rooms"]), name, None)
    if reader is None:
        return default
    known = inspect.signature(reader).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in known.values())
    options = {k: v for k, v in own.options.items() if takes_all or k in known}

    def read(*arguments: object, **facts: object) -> object:
        return reader(*arguments, **options, **{k: v for k, v in facts.items() if k in known})

    return read
