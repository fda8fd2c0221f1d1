"""Pupil Labs gaze and fixations (.csv): Pupil Core exports, surfaces, Pupil Cloud.

Layout: docs.pupil-labs.com, "Pupil Player: Raw Data Exporter", "Terminology: Coordinate System",
"Neon Recording Format", "Marker Mapper".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._rows import finish, keep
from vidsal.recordings._source import choose, numbers, read_bytes, read_table


@dataclass(frozen=True)
class Kind:
    """One layout: its columns of time, x, y; seconds per unit; where normalised places start."""

    time: str
    x: str
    y: str
    seconds: float = 1.0
    origin: str | None = None  # bottom or top of normalised places; None = pixels
    duration: str | None = None
    fixation: str | None = None
    on: str | None = None
    frame: str | None = None


SURFACE_X, SURFACE_Y = (f"gaze position on surface {axis} [normalized]" for axis in "xy")
ON_SURFACE = "gaze detected on surface"
CORE = {"origin": "bottom", "frame": "world_index"}
CLOUD_FIXATION = {"seconds": 1e-9, "duration": "duration [ms]", "fixation": "fixation id"}
KINDS = (
    Kind("gaze_timestamp", "x_norm", "y_norm", on="on_surf", **CORE),
    Kind("gaze_timestamp", "norm_pos_x", "norm_pos_y", **CORE),
    Kind(
        "start_timestamp",
        "norm_pos_x",
        "norm_pos_y",
        origin="bottom",
        duration="duration",
        fixation="fixation_id",
        on="on_surf",
        frame="start_frame_index",
    ),
    Kind("timestamp [ns]", "gaze x [px]", "gaze y [px]", 1e-9),
    Kind("timestamp [ns]", SURFACE_X, SURFACE_Y, 1e-9, "top", on=ON_SURFACE),
    Kind("start timestamp [ns]", "fixation x [px]", "fixation y [px]", **CLOUD_FIXATION),
    Kind(
        "start timestamp [ns]",
        "fixation x [normalized]",
        "fixation y [normalized]",
        origin="top",
        on="fixation detected on surface",
        **CLOUD_FIXATION,
    ),
)
WANTED = {name for kind in KINDS for name in vars(kind).values() if isinstance(name, str)}
WANTED |= {"confidence", "worn", "blink id", "recording id", "section id", "start_frame"}
TRUE = ("true", "1", "1.0")


def pupil_labs(
    path: str,
    *,
    size: list[int] | None = None,
    confidence: float = 0.6,
    clock: Literal["time", "frame"] = "time",
    start_time: float | None = None,
) -> pd.DataFrame:
    """Read gaze or fixations that Pupil Labs software exported.

    Read are gaze_positions.csv, fixations.csv, gaze_positions_on_surface_*.csv and
    fixations_on_surface_*.csv of Pupil Player, and gaze.csv and fixations.csv of Pupil Cloud, of
    the scene camera or of a Marker Mapper. Pixels of the scene camera are taken as they are
    (``space`` "video": the recorded scene). Normalised places reach from edge to edge: x * width -
    0.5, and y * height - 0.5 with y counted down; Pupil Player counts y up, Pupil Cloud down.

    ``time`` counts from ``start_time``, else from the first row (of each recording and section, in
    files that join several). A fixation on a surface is
    written once for every scene frame; it becomes one row at its mean place. Left out are rows
    of little confidence (``low_confidence``), off the surface (``off_surface``), within a blink
    (``blink``), while the glasses were not worn (``not_worn``), without a number
    (``not_a_number``), lines with too many fields (``malformed``).

    Args:
        path: the .csv file.
        size: [width, height] in pixels of the scene picture, or of the video on the surface;
            needed where places are normalised.
        confidence: least confidence, where the file states it; Pupil Labs call 0.6 useful.
        clock: time, or frame: the scene frame that Pupil Player wrote beside each row.
        start_time: time of the video's first frame on the recording's own clock: seconds of Pupil
            time, or nanoseconds in files of Pupil Cloud.

    Returns:
        columns time or frame, x, y, event (sample or fixation), duration; subject (the recording)
        and video (the section) where the file joins several.

    Raises:
        InputError: none of these files, or ``size`` is missing.
    """
    choose("clock", clock, ("time", "frame"), path)
    data = read_bytes(path)
    separator = "\t" if b"\t" in data[: data.find(b"\n") + 1] else ","
    table, malformed = read_table(data, separator, WANTED.__contains__, path)
    dropped = Counter(malformed=malformed)
    kind = _kind(table, path)
    rows = _places(table, kind, size, path)
    rows["clock"] = numbers(table[kind.time])
    rows = _groups(rows, table)
    if clock == "frame":
        rows["frame"] = _frames(table, kind, path)
    else:
        first = rows.groupby("trial")["clock"].transform("min")
        origin = first if start_time is None else start_time
        rows["time"] = (rows["clock"] - origin) * kind.seconds
    rows = _select(rows, table, kind, confidence, dropped)
    if kind.fixation in table:
        rows = _once(rows, table[kind.fixation])
    return finish(rows, dropped, {"space": "video"})


def _kind(table: pd.DataFrame, path: str | Path) -> Kind:
    """The layout whose columns are all there."""
    for kind in KINDS:
        if {kind.time, kind.x, kind.y} <= set(table):
            return kind
    listed = ", ".join(table) or "none of them known"
    raise InputError(
        f"gaze recording {path}: no gaze of Pupil Labs (columns: {listed}); give "
        "gaze_positions.csv, gaze_positions_on_surface_*.csv, fixations.csv or gaze.csv"
    )


def _places(
    table: pd.DataFrame, kind: Kind, size: list[int] | None, path: str | Path
) -> pd.DataFrame:
    """x, y in pixels, event and duration in seconds."""
    x, y = numbers(table[kind.x]), numbers(table[kind.y])
    if kind.origin:
        if size is None or len(size) != 2 or min(size) <= 0:
            raise InputError(
                f"size: {size} for {path}: the places are normalised; give [width, height] of the "
                "scene picture, or of the video on the surface"
            )
        y = 1.0 - y if kind.origin == "bottom" else y
        x, y = x * size[0] - 0.5, y * size[1] - 0.5
    rows = pd.DataFrame({"x": x, "y": y, "event": "sample", "duration": 0.0})
    if kind.duration:
        # Pupil Player wrote seconds while it still called the first frame "start_frame".
        seconds = 1.0 if "start_frame" in table else 1e-3
        lengths = numbers(table[kind.duration]) * seconds if kind.duration in table else np.nan
        rows = rows.assign(event="fixation", duration=lengths)
    return rows


def _groups(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows with recording and section, which are subject and video where there are several."""
    names = ("recording id", "section id")
    ids = [table[name].fillna("") if name in table else "" for name in names]
    rows = rows.assign(subject=ids[0], video=ids[1])
    rows["trial"] = rows.groupby(["subject", "video"], sort=False).ngroup()
    single = [name for name in ("subject", "video") if rows[name].nunique() < 2]
    return rows.drop(columns=single)


def _frames(table: pd.DataFrame, kind: Kind, path: str | Path) -> np.ndarray:
    """The scene frame of each row, as Pupil Player wrote it."""
    name = next((name for name in (kind.frame, "world_index") if name in table), None)
    if kind.seconds != 1.0 or name is None:
        raise InputError(
            f"clock: 'frame' for {path}: the file names no scene frames; use time and start_time"
        )
    return numbers(table[name])


def _select(
    rows: pd.DataFrame, table: pd.DataFrame, kind: Kind, confidence: float, dropped: Counter
) -> pd.DataFrame:
    """Rows that are gaze on the picture, by what the file says of each."""
    if "worn" in table:
        worn = numbers(table["worn"])
        rows = keep(rows, ~(worn[rows.index] == 0), "not_worn", dropped)
    if "blink id" in table and not kind.duration:
        awake = table["blink id"].fillna("").str.strip() == ""
        rows = keep(rows, awake[rows.index], "blink", dropped)
    if "confidence" in table:
        sure = ~(numbers(table["confidence"]) < confidence)
        rows = keep(rows, sure[rows.index], "low_confidence", dropped)
    if kind.on and kind.on in table:
        on = table[kind.on].fillna("").str.strip().str.lower().isin(TRUE)
        rows = keep(rows, on[rows.index], "off_surface", dropped)
    return rows


def _once(rows: pd.DataFrame, number: pd.Series) -> pd.DataFrame:
    """One row per fixation, at the mean of its places."""
    groups = rows.groupby(["trial", number[rows.index]], sort=False)
    made = groups.first().reset_index(drop=True)
    return made.assign(x=groups["x"].mean().to_numpy(), y=groups["y"].mean().to_numpy())


def looks_like(path: Path, head: bytes) -> bool:
    """Say whether a file is one, by the names of its columns."""
    first = head.partition(b"\n")[0].lower()
    names = (b"norm_pos_x", b"gaze x [px]", b"fixation x [px]", b"on_surf")
    return any(name in first for name in names)
