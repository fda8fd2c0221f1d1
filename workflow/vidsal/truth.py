"""The truth that maps are compared with: gaze and masks of a shard, on the clips' own clock."""

from __future__ import annotations

import inspect
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from vidsal import config as settings
from vidsal import fixations, heatmaps, parts, registry, scoring, sheets, stage
from vidsal.video import frames as video_frames

FIXATION_COLUMNS = ["video", "subject", "frame", "x", "y", "u", "v"]
DROPPED_COLUMNS = ["video", "reason", "rows"]


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
    """Write the fixations of a shard: `video subject frame x y u v`, one row per gaze sample.

    `frame` counts from the clip's first frame; x, y are source pixels; u, v are the same relative
    to the picture, 0 to 1 from edge to edge. Rows that cannot be used are counted by reason.
    """
    read = _reader(config, dataset, "read_fixations", fixations.read)
    tables, counts, failed = [], [], []
    with heatmaps.open_file(frames) as file:
        rows = _available(rows_file, file, "fixations")
        for row in rows:
            try:
                table, reasons = _gaze(read, row, file[row["video"]])
            except Exception as error:
                failed.append(stage.failure("read_gaze", row["video"], error))
                continue
            tables.append(table)
            counts += [{"video": row["video"], "reason": r, "rows": n} for r, n in reasons.items()]
    made = pd.concat(tables) if tables else pd.DataFrame(columns=FIXATION_COLUMNS)
    with parts.replacing(out) as temporary:
        made[FIXATION_COLUMNS].to_parquet(temporary, index=False)
    _write_histogram(histogram, scoring.histogram(made[["u", "v"]].to_numpy(dtype=np.float64)))
    pd.DataFrame(counts, columns=DROPPED_COLUMNS).to_csv(
        dropped, sep="\t", index=False, lineterminator="\n"
    )
    stage.write_failures(failures, failed, len(rows), config["max_failures"])


def pool(histograms: list[str], out: Path) -> None:
    """Write the sum of the shards' histograms (512,512) of where people looked."""
    _write_histogram(out, sum(read_histogram(path) for path in histograms))


def read_histogram(path: str | Path) -> np.ndarray:
    """Return a histogram of fixations over the relative picture, float64 (512,512)."""
    with np.load(path) as file:
        return file["histogram"]


def _write_histogram(path: Path, histogram: np.ndarray) -> None:
    # NumPy writes a fixed date into its archives, so equal histograms have equal bytes.
    with parts.replacing(path) as temporary:
        np.savez_compressed(temporary, histogram=histogram)


def _gaze(read: object, row: dict, group: h5py.Group) -> tuple[pd.DataFrame, dict[str, int]]:
    recording = read(row["fixations"])
    reasons = dict(recording.attrs.get("dropped", {}))
    height, width = (int(side) for side in group.attrs["source_size"])
    index = group["frame_index"][()]
    table = fixations.cut(recording, int(index[0]), int(index[-1]) + 1)
    u, v = (table["x"] + 0.5) / width, (table["y"] + 0.5) / height
    inside = u.between(0, 1) & v.between(0, 1)
    if (~inside).any():
        reasons["outside the picture"] = int((~inside).sum())
    if not inside.any():
        reasons["video without fixations"] = 0
    table = table.assign(video=row["video"], u=u, v=v)[inside]
    return table[FIXATION_COLUMNS], reasons


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


def _reader(config: dict, dataset: str, name: str, default: object) -> object:
    """Return the dataset's own reader with its options bound, or the default one."""
    own = settings.choice(config, "datasets", dataset)
    reader = getattr(registry.module("datasets", own.method, config["rooms"]), name, None)
    if reader is None:
        return default

    def read(*arguments: object) -> object:
        known = inspect.signature(reader).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in known.values())
        return reader(
            *arguments, **{k: v for k, v in own.options.items() if takes_all or k in known}
        )

    return read
