"""Gaze recordings as tidy tables: any format in, frames and pixels of the video out.

A tidy table has the columns ``subject`` (str), ``frame`` (int64, 0-based), ``x`` and ``y``
(float64, pixels of the video; x right, y down; whole numbers are pixel CENTRES, so a picture W
pixels wide reaches from -0.5 to W - 0.5), ``time`` (float64, seconds since the video's first frame,
of the start of the event; NaN where the recording names frames alone), ``duration`` (float64,
seconds of the whole event; NaN for samples), ``event`` (str: sample, fixation, pursuit, ...) and
``fixation`` (int64, number of the event, whatever its kind, among those of its subject on the
video, from 0; -1 for samples and for what no length is known of). An event that lasts has one row
for every frame that it reaches into, all with its number.
"""

from __future__ import annotations

import inspect
import logging
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal import _gaze_files, events
from vidsal import _gaze_geometry as places
from vidsal._gaze_files import Formats, of_config
from vidsal._gaze_frames import to_frames
from vidsal._gaze_geometry import Clip, keep
from vidsal.errors import InputError

__all__ = [
    "Clip",
    "Formats",
    "complete",
    "cut",
    "lacking_for_degrees",
    "of_config",
    "problems",
    "read",
    "split_halves",
    "write",
]
log = logging.getLogger(__name__)

TYPES = {"subject": str, "frame": np.int64, "x": np.float64, "y": np.float64}
TYPES |= {"time": np.float64, "duration": np.float64, "event": str, "fixation": np.int64}
COLUMNS = tuple(TYPES)
EVENTS = ("sample", "fixation", "saccade", "pursuit", "blink", "noise")
UNITS = ("degrees", "pixels")
ONE_OBSERVER = "0"


def read(
    path: str | Path,
    *,
    format: str = "table",
    screen: list[float] | None = None,
    screen_cm: list[float] | None = None,
    distance_cm: float | None = None,
    pixels_per_degree: float | None = None,
    space: Literal["screen", "video"] | None = None,
    rect: list[float] | Literal["screen", "fit", "centre"] | None = None,
    video_size: list[float] | None = None,
    fps: float | None = None,
    lag: float = 0.0,
    events: list[str] | None = None,
    detect: str | dict | None = None,
    video: str | None = None,
    subject: str | None = None,
    num_frames: int | None = None,
    clip: Clip | None = None,
    formats: Formats | None = None,
    **options: object,
) -> pd.DataFrame:
    """Read the gaze on one video into a tidy table.

    What a file states of its geometry is used, what is given here goes before it, and what is
    needed and stated nowhere is an error. Rows that cannot be used are left out and counted in
    ``attrs["dropped"]``: by the reasons of the format's reader, and as ``pursuit`` (of smooth
    pursuit, where that was not chosen), ``outside_screen``, ``outside_video``, ``frame_outside``
    (before the first or after the last frame) and ``duplicate`` (samples of the same subject, frame
    and place: what slow trackers repeat counts once; fixations all count, since lists of them often
    do not tell people apart).

    Args:
        path: a file; or a folder of files or a pattern (``gaze/*_clip7.asc``), one recording each.
        format: name of a file in ``vidsal/recordings``.
        screen: [width, height] in pixels of the screen that x, y refer to. A video of the same
            shape is taken to have filled it, which the geometry notes; for any other, ``rect`` must
            say where it lay.
        screen_cm: [width, height] of the screen in centimetres.
        distance_cm: of the eyes from the screen, in centimetres.
        pixels_per_degree: pixels of the recording in a degree of visual angle, in place of the
            three above.
        space: "screen" or "video": what x, y are pixels of, where that is not what the file says.
        rect: [x, y, width, height] of the video in pixels of the recording, edges from 0; or
            "screen" (stretched over it), "fit" (as large as fits) or "centre" (pixel for pixel).
            x_video = (x + 0.5 - left) * W / width - 0.5.
        video_size: [width, height] of the video; within the workflow known from the video.
        fps: frames per second, turns times into frames: a sample belongs to the frame on show,
            floor(time * fps), where a thousandth of a frame (and 0.1 ms at most) is forgiven to
            rounded times. Within the workflow the true times of the frames are known and used,
            unless it is given.
        lag: seconds added to all gaze times.
        events: which events count: of sample, fixation, pursuit, saccade, blink, noise. Default:
            fixation; where a file has none, sample.
        detect: make fixations of the samples: ivt, idt, or {method: ivt, velocity: 30, unit:
            degrees, ...}, see ``vidsal.events``; unit pixels needs lengths in pixels.
        video: name of the video in a file of several, where it is not that of the sample sheet.
        subject: regular expression whose first group, in the file's path, names the observer of
            files that name none. Default: what the pattern's only `*` stands for, else the file's
            name; "0" for a lone file.
        num_frames: frames of the video; later rows are left out.
        clip: what is known of the video.
        formats: formats beside those of vidsal.
        options: of the format.

    Returns:
        columns subject, frame, x, y, time, duration, event, in the order of the files;
        ``attrs["dropped"]``, and ``attrs["geometry"]``: all facts as they were used, and who stated
        each (``from``). ``attrs["lost"]`` holds a sentence for every file of which more than half
        lies off the screen, beside the video, or before or after its frames.

    Raises:
        InputError: nothing is there, a format or keyword is unknown, or a fact is missing.
    """
    given = {name: _plain(value) for name, value in locals().items() if name in _KEYWORDS}
    given |= options
    formats, clip = formats or Formats(), clip or Clip()
    if wrong := problems(given, formats):
        raise InputError(f"gaze recording {path}: {'; '.join(wrong)}")
    paths, several = [Path(path)], False
    if not (_gaze_files.is_folder(format, formats) and Path(path).is_dir()):
        paths, several = _gaze_files.find(path)
    names = _gaze_files.subjects(paths, subject, path)
    if not several and subject is None:
        names = [ONE_OBSERVER]
    dropped, tables, geometries, lost = Counter(), [], {}, []
    for place, name in zip(paths, names, strict=True):
        raw = _gaze_files.load(place, format, options, formats)
        table, geometry = _one(raw, place, name, given, clip, formats)
        dropped.update(table.attrs["dropped"])
        lost += table.attrs["lost"]
        geometries[str(place)] = geometry | {"format": format, "options": options}
        tables.append(table)
    return _joined(tables, dropped, geometries, lost, path)


_KEYWORDS = {
    name
    for name, each in inspect.signature(read).parameters.items()
    if each.kind is each.KEYWORD_ONLY
} - {"clip", "formats"}


def problems(given: dict, formats: Formats | None = None) -> list[str]:
    """A sentence for every keyword of ``read`` that is unknown, of a wrong type or no known name.

    Args:
        given: keywords; those of the format included.
        formats: formats beside those of vidsal.
    """
    given = {name: value for name, value in given.items() if name not in ("clip", "formats")}
    formats = formats or Formats()
    found = _gaze_files.problems(given, read, events.METHODS, formats)
    wrong = [n for n in given.get("events") or [] if n not in EVENTS]
    found += [f"events: {n!r} is unknown; choose from {', '.join(EVENTS)}" for n in wrong]
    facts = {n: v for n, v in given.items() if n in places.STATED and v is not None}
    odd = places.problems(facts)
    found += [one for one in odd if one.split(":")[0] not in {each.split(":")[0] for each in found}]
    if not found and _gaze_files.states_nothing(given.get("format", "table"), formats):
        found = places.contradictions(facts) + _thresholds(given.get("detect"), facts)
    return found


def _thresholds(detect: str | dict | None, facts: dict) -> list[str]:
    """What is missing for thresholds in degrees, where only the config states the geometry."""
    in_degrees = detect and (isinstance(detect, str) or detect.get("unit", UNITS[0]) == UNITS[0])
    lacking = places.lacking_for_degrees(facts)
    return [_no_degrees(lacking)] if in_degrees and lacking else []


def _no_degrees(lacking: list[str]) -> str:
    return (
        f"detect: thresholds are in degrees, and {', '.join(lacking)} of the recording are not "
        "known; give them, or pixels_per_degree, or unit: pixels with thresholds in pixels"
    )


def lacking_for_degrees(given: dict, formats: Formats) -> list[str]:
    """What pixels cannot be turned into degrees without, where no file of the format states it."""
    if not _gaze_files.states_nothing(given.get("format", "table"), formats):
        return []
    return places.lacking_for_degrees({n: v for n, v in given.items() if v is not None})


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """A tidy table with all its columns, from one that may lack those behind x and y."""
    lacking = {"time": np.nan, "duration": np.nan, "event": "sample", "fixation": -1}
    missing = {name: value for name, value in lacking.items() if name not in table}
    made = table.assign(**missing)[list(COLUMNS)].astype(TYPES).reset_index(drop=True)
    made.attrs = dict(table.attrs)
    return made


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write a tidy table as .csv, .tsv or .parquet; reading it back gives the same values.

    Args:
        table: tidy table; other columns are left out.
        path: the file to write.

    Raises:
        InputError: the ending is none of the three.
    """
    path, table = Path(path), complete(table)
    table.attrs = {}
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix in (".csv", ".tsv"):
        separator = "," if path.suffix == ".csv" else "\t"
        table.to_csv(path, sep=separator, index=False, lineterminator="\n")
    else:
        raise InputError(f"ending {path.suffix!r} of {path}: unknown; use .csv, .tsv or .parquet")


def cut(table: pd.DataFrame, start: int, end: int | None = None) -> pd.DataFrame:
    """The rows of the frames start <= frame < end, with start becoming frame 0.

    Args:
        table: tidy table on the clock of the source; times stay on it.
        start: first frame.
        end: one past the last frame; None = to the end.
    """
    kept = table["frame"] >= start
    if end is not None:
        kept &= table["frame"] < end
    rows = table[kept].reset_index(drop=True)
    return rows.assign(frame=rows["frame"] - start)


def split_halves(
    table: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of one random half of the observers, and those of the other half.

    Args:
        table: tidy table.
        rng: draws the halves; with an odd number of observers the second half has one more.
    """
    subjects = rng.permutation(np.sort(table["subject"].unique()))
    first = table["subject"].isin(subjects[: len(subjects) // 2])
    return table[first].reset_index(drop=True), table[~first].reset_index(drop=True)


def _one(
    raw: pd.DataFrame, path: Path, name: str, given: dict, clip: Clip, formats: Formats
) -> tuple[pd.DataFrame, dict]:
    """The gaze in one file, and its geometry."""
    dropped = Counter(raw.attrs.get("dropped", {}))
    geometry = places.settle(given, raw.attrs.get("geometry", {}), clip, path)
    way_out = _gaze_files.ways_to_name_videos(given["format"], formats)
    rows = _gaze_files.of_video(raw, given["video"], clip.names, path, way_out)
    rows = rows.reset_index(drop=True)
    rows = rows if "subject" in rows else rows.assign(subject=name)
    if given["detect"] is None:
        rows, chosen = _chosen(rows, given["events"], dropped)
    else:
        rows, chosen = _detected(rows, given["detect"], geometry, path), ["fixation"]
    misplaced, mistimed, count = Counter(), Counter(), len(rows)
    rows = places.to_video(rows, geometry, misplaced).reset_index(drop=True)
    lost = places.lost(misplaced, count, path)
    rows = to_frames(_counted(rows), geometry, clip, float(given["lag"]), path)
    limit = next((n for n in (given["num_frames"], clip.num_frames) if n is not None), np.inf)
    rows = keep(rows, rows["frame"].between(0, limit, inclusive="left"), "frame_outside", mistimed)
    lost += places.lost(mistimed, len(rows) + mistimed["frame_outside"], path)
    dropped += misplaced + mistimed
    again = rows.duplicated(["subject", "frame", "x", "y"]) & (rows["event"] == "sample")
    rows = keep(rows, ~again, "duplicate", dropped)
    rows.attrs = {"dropped": {reason: int(n) for reason, n in dropped.items() if n}}
    rows.attrs["lost"] = lost
    return complete(rows), _as_used(geometry, given, chosen)


def _chosen(
    rows: pd.DataFrame, wanted: list[str] | None, dropped: Counter
) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the events that count."""
    there = set(rows["event"])
    chosen = wanted or (["fixation"] if "fixation" in there or not there else ["sample"])
    if "pursuit" not in chosen:
        dropped["pursuit"] += int((rows["event"] == "pursuit").sum())
    return rows[rows["event"].isin(chosen)], list(chosen)


def _detected(
    rows: pd.DataFrame, asked: str | dict, geometry: places.Geometry, path: Path
) -> pd.DataFrame:
    """Fixations found in the samples, observer by observer."""
    asked = {"method": asked} if isinstance(asked, str) else dict(asked)
    method, unit = asked.pop("method"), asked.pop("unit", "degrees")
    scale = _scale(method, unit, asked, geometry, path)
    samples = rows[rows["event"] == "sample"]
    if samples.empty and len(rows):
        raise InputError(f"detect: {method} for {path}: there are no samples; leave detect out")
    if "time" not in samples:
        if "fps" not in geometry.facts:
            raise InputError(f"detect: {method} for {path}: needs fps, for there are no times")
        samples = samples.assign(time=samples["frame"] / geometry.facts["fps"])
    samples = samples[np.isfinite(samples["time"])].sort_values("time", kind="stable")
    made = [pd.DataFrame({"subject": [], "time": [], "duration": [], "x": [], "y": []})]
    for subject, own in samples.groupby("subject", sort=False):
        time, x, y = (own[axis].to_numpy(dtype=np.float64) for axis in ("time", "x", "y"))
        found = events.METHODS[method](time, x / scale, y / scale, **asked)
        made.append(found.assign(subject=subject, x=found["x"] * scale, y=found["y"] * scale))
    found = [table for table in made[1:] if len(table)] or made[:1]
    return pd.concat(found, ignore_index=True).assign(event="fixation")


def _scale(method: str, unit: str, asked: dict, geometry: places.Geometry, path: Path) -> float:
    """Pixels of the recording in one unit of the thresholds."""
    if unit not in UNITS:
        raise InputError(f"detect: unit {unit!r} for {path}: choose from {', '.join(UNITS)}")
    if unit == "pixels":
        if missing := [name for name in events.LENGTHS[method] if name not in asked]:
            raise InputError(f"detect: {method} in pixels for {path}: needs {', '.join(missing)}")
        return 1.0
    angle = places.pixels_per_degree(geometry.facts)
    if angle is None:
        lacking = places.lacking_for_degrees(geometry.facts)
        raise InputError(f"gaze recording {path}: {_no_degrees(lacking)}")
    return angle


def _as_used(geometry: places.Geometry, given: dict, chosen: list[str]) -> dict:
    """Everything that turned the recording into the table, as plain values for JSON."""
    made = {name: _plain(value) for name, value in geometry.facts.items()}
    made |= {"events": chosen, "detect": given["detect"], "lag": float(given["lag"])}
    made |= {"rect": geometry.area and [float(side) for side in geometry.area]}
    made |= {"source_size": geometry.size and [_plain(side) for side in geometry.size]}
    if (angle := geometry.source_pixels_per_degree()) is not None:
        made["source_pixels_per_degree"] = angle
    return made | {"from": dict(sorted(geometry.sources.items()))}


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Fraction):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``fixation``: a number for each event in the file whose length is known."""
    length = next((rows[name] for name in ("duration", "span") if name in rows), None)
    known = np.zeros(len(rows), bool) if length is None else length.notna().to_numpy()
    known = known & (rows["event"] != "sample").to_numpy()
    number = np.arange(len(rows))
    if {"frame", "time", "duration"} <= set(rows):  # one row for each frame of an event already
        same = ["subject", "event", "time", "duration", "x", "y"]
        number = rows.groupby(same, sort=False, dropna=False).ngroup().to_numpy()
    return rows.assign(fixation=np.where(known, number, -1))


def _renumbered(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The tables of files as one, in which the events of each subject have numbers from 0."""
    made = pd.concat(tables, ignore_index=True)
    file = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    known = made["fixation"] >= 0
    event = (made.assign(file=file)[known]).groupby(["file", "fixation"], sort=False).ngroup()
    own = event.groupby(made["subject"][known], sort=False).transform(lambda n: pd.factorize(n)[0])
    made.loc[known, "fixation"] = own
    return made


def _joined(
    tables: list[pd.DataFrame],
    dropped: Counter,
    geometries: dict[str, dict],
    lost: list[str],
    path: str | Path,
) -> pd.DataFrame:
    """The tables of all files as one; what their geometries have in common stands on top."""
    filled = [table for table in tables if len(table)] or tables[:1]
    made = _renumbered(filled)
    all_of = list(geometries.values())
    common = {k: v for k, v in all_of[0].items() if all(g.get(k, ...) == v for g in all_of)}
    own = {p: {k: v for k, v in g.items() if k not in common} for p, g in geometries.items()}
    made.attrs = {"dropped": {reason: int(n) for reason, n in dropped.items() if n}}
    made.attrs["geometry"] = common | ({"of_files": own} if any(own.values()) else {})
    if made.attrs["dropped"]:
        log.info("%s: %d rows used, left out: %s", path, len(made), made.attrs["dropped"])
    made.attrs["lost"] = lost
    for sentence in lost:
        log.warning("%s", sentence)
    return made
