"""Tables with any names of columns: CSV, TSV, text in columns, or Parquet."""

from __future__ import annotations

import csv
import difflib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._source import numbers

READABLE = ("subject", "video", "frame", "time", "x", "y", "duration", "event")
TEXTS = ("subject", "video", "event")
HEADERLESS = {3: ("frame", "x", "y"), 4: ("subject", "frame", "x", "y")}
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
EVENTS = ("sample", "fixation", "saccade", "pursuit", "blink", "noise")
MOST_COLUMNS = 5_000
STATES: list[str] = []  # of screen, distance, ...: a table states none of them


def table(
    path: str,
    *,
    columns: dict | None = None,
    frame_base: Literal[0, 1] = 0,
    time_unit: Literal["s", "ms", "us"] | None = None,
    new_subject: Literal["frame_decreases"] | None = None,
    event_names: dict | None = None,
) -> pd.DataFrame:
    """Read a gaze recording from a table.

    CSV (``,`` or ``;``), TSV, text in columns, or Parquet. A text file whose first line holds only
    numbers has no header: 3 columns are frame x y, 4 are subject frame x y, and ``columns`` may
    name columns by their number from 0. Places are pixels as they stand there.

    A row with a time, or with a duration, lasts: ``time`` and ``duration`` are in ``time_unit``. In
    a table of frame numbers without times a duration counts frames. In a table with both (unless
    ``columns`` names only one of them), a row is one frame, its time and duration are those of the
    whole event, and both may be empty: that is how vidsal itself writes gaze.

    Left out are lines with too many fields (``malformed``) and rows without a number where one is
    needed, or with a frame number that is not whole (``not_a_number``).

    Args:
        path: the file.
        columns: our names (subject, video, frame, time, x, y, duration, event) to those of the
            file.
        frame_base: number of the first frame in the file, 0 or 1.
        time_unit: s (default), ms or us.
        new_subject: "frame_decreases" starts a new observer wherever the frame number (or time)
            goes down, for recordings that were merely joined.
        event_names: the file's words in the column event to ours: {F: fixation, S: saccade}.

    Returns:
        columns time or frame, x, y, event, duration; subject and video where the file has them;
        ``span`` (frames) where a duration or the table itself counts frames.

    Raises:
        InputError: the file is not there or no table, a column is missing, or an option is unknown.
    """
    path, columns = Path(path), dict(columns or {})
    _check(path, columns, frame_base, time_unit, new_subject)
    raw, malformed = _load(path, columns)
    rows = _empty() if raw is None else _select(raw, columns, path, event_names)
    good = _usable(rows)
    rows, bad = rows[good].drop(columns=["odd"]).reset_index(drop=True), int((~good).sum())
    if new_subject:
        rows["subject"] = _recordings(rows)
    rows = _units(rows, frame_base, SECONDS[time_unit or "s"])
    counts = {"malformed": malformed, "not_a_number": bad}
    rows.attrs["dropped"] = {reason: count for reason, count in counts.items() if count}
    rows.attrs["geometry"] = {}
    return rows


def _check(
    path: Path, columns: dict, frame_base: int, time_unit: str | None, new_subject: str | None
) -> None:
    """Refuse options that cannot be meant."""
    for name in columns:
        if name not in READABLE:
            raise InputError(f"columns: {name!r} for {path}: unknown{_nearest(name, READABLE)}")
    for name, value, known in (
        ("frame_base", frame_base, (0, 1)),
        ("time_unit", time_unit, (None, *SECONDS)),
        ("new_subject", new_subject, (None, "frame_decreases")),
    ):
        if value not in known:
            choices = ", ".join(str(each) for each in known if each is not None)
            raise InputError(f"{name}: {value!r} for {path}: unknown; choose from {choices}")


def _load(path: Path, columns: dict[str, str | int]) -> tuple[pd.DataFrame | None, int]:
    """The file's own table (None for an empty file) and the number of malformed lines."""
    if not path.is_file():
        raise InputError(f"gaze recording {path}: no such file; check the column fixations")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path), 0
        return _load_text(path, [str(columns.get(name, name)) for name in TEXTS])
    except (OSError, ValueError, csv.Error, OverflowError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"gaze recording {path}: not readable as a table: {reason}") from error


def _load_text(path: Path, texts: list[str]) -> tuple[pd.DataFrame | None, int]:
    """A text table; the slow parser, which can skip broken lines, only where it is needed."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line.strip() for line in file if line.strip()), None)
    if first is None:
        return None, 0
    separator = next((mark for mark in "\t,;" if mark in first), r"\s+")
    fields = first.split(None if separator == r"\s+" else separator)
    if len(fields) > MOST_COLUMNS:
        raise ValueError(f"{len(fields)} columns")
    options = {"sep": separator, "encoding": "utf-8-sig", "encoding_errors": "replace"}
    options |= {"index_col": False, "skipinitialspace": True, "dtype": dict.fromkeys(texts, str)}
    if names := _headerless(fields):
        options |= {"header": None, "names": names}
    with warnings.catch_warnings():
        # A delimiter at the end of every line is harmless and not worth a warning.
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, low_memory=False, **options), 0
        except pd.errors.ParserError:
            bad: list[list[str]] = []
            made = pd.read_csv(path, engine="python", on_bad_lines=bad.append, **options)
            return made, len(bad)


def _headerless(fields: list[str]) -> list[str] | None:
    """Names for the columns of a file without a header; None where the fields are a header."""
    try:
        [float(field) for field in fields]
    except ValueError:
        return None
    return list(HEADERLESS.get(len(fields), map(str, range(len(fields)))))


def _select(
    raw: pd.DataFrame, columns: dict[str, str | int], path: Path, names: dict | None
) -> pd.DataFrame:
    """The file's columns under our names; ``odd`` marks rows with a text where a number belongs."""
    raw = raw.rename(columns=lambda name: str(name).strip())
    has = {name for name in READABLE if name in columns or name in raw}
    if len(asked := {"frame", "time"} & set(columns)) == 1:
        # Who names one of the two wants that one, whatever the file calls its columns.
        has -= {"frame", "time"} - asked
    clock = "frame" if "frame" in has or "time" not in has else "time"
    rows = pd.DataFrame({"odd": False}, index=raw.index)
    for name in dict.fromkeys([clock, "x", "y", *(n for n in ("time", "duration") if n in has)]):
        cells = raw[_found(raw, columns, name, path)]
        rows[name] = numbers(cells)
        rows["odd"] |= (rows[name].isna() & cells.notna()).to_numpy()
    for name in has & {"subject", "video"}:
        rows[name] = _text(raw[_found(raw, columns, name, path)])
    lasts = "duration" in rows
    kinds = raw[_found(raw, columns, "event", path)] if "event" in has else None
    rows["event"] = "fixation" if lasts else "sample"
    if kinds is not None:
        rows["event"] = _events(kinds, names or {}, rows["event"], path)
    return rows


def _events(cells: pd.Series, names: dict, default: pd.Series, path: Path) -> pd.Series:
    """The events of the rows in our words; an empty cell says nothing."""
    words = _text(cells).str.strip()
    ours = {str(word): event for word, event in names.items()}
    ours |= {word: word.lower() for word in words.unique() if word.lower() in EVENTS}
    unknown = sorted({*words.unique()} - {*ours, ""})
    wrong = sorted({str(event) for event in ours.values()} - {*EVENTS})
    if unknown or wrong:
        listed = ", ".join(map(repr, [*unknown, *wrong][:10]))
        raise InputError(
            f"column event in {path}: {listed} unknown; say what they are with event_names: "
            f"{{{(unknown or wrong)[0]}: fixation}}, ours are {', '.join(EVENTS)}"
        )
    return words.map(ours).where(words != "", default)


def _text(cells: pd.Series) -> pd.Series:
    """A column as text, empty where a cell is."""
    return cells.astype(object).where(cells.notna(), "").astype(str)


def _usable(rows: pd.DataFrame) -> pd.Series:
    """Which rows hold finite numbers, a whole frame number, and no negative duration."""
    clock = "frame" if "frame" in rows else "time"
    good = np.isfinite(rows[[clock, "x", "y"]]).all(axis=1) & ~rows["odd"]
    if clock == "frame":
        good &= rows["frame"] == np.floor(rows["frame"])
    for name in {"time", "duration"} & set(rows):
        good &= ~np.isinf(rows[name])
    if "duration" in rows:
        good &= ~(rows["duration"] < 0)
    return good


def _units(rows: pd.DataFrame, frame_base: int, seconds: float) -> pd.DataFrame:
    """Rows with frames from 0 and seconds."""
    both = "frame" in rows and "time" in rows
    if "frame" in rows:
        frame = (rows["frame"] - frame_base).clip(-1e15, 1e15).astype(np.int64)
        rows = rows.assign(frame=frame)
    if "frame" in rows and "duration" in rows and not both:
        return rows.rename(columns={"duration": "span"})
    for name in {"time", "duration"} & set(rows):
        rows = rows.assign(**{name: rows[name] * seconds})
    # The duration of such a row is that of the whole event, which has its other rows.
    return rows.assign(span=1.0) if both else rows


def _recordings(rows: pd.DataFrame) -> pd.Series:
    """A number for each of the recordings that were joined into one file."""
    clock = rows["frame"] if "frame" in rows else rows["time"]
    starts = clock.diff() < 0
    if "subject" in rows:
        starts |= rows["subject"] != rows["subject"].shift()
        starts.iloc[:1] = False
    return starts.cumsum().astype(str)


def _empty() -> pd.DataFrame:
    """A table without rows."""
    rows = {"odd": False, "frame": 0.0, "x": 0.0, "y": 0.0, "event": "sample"}
    return pd.DataFrame(rows, index=[0])[:0]


def _found(raw: pd.DataFrame, columns: dict[str, str | int], name: str, path: Path) -> str:
    """The file's name of one of our columns."""
    wanted = columns.get(name, name)
    if isinstance(wanted, int) and 0 <= wanted < raw.shape[1]:
        return raw.columns[wanted]
    if wanted in raw:
        return wanted
    there = list(raw.columns)
    listed = ", ".join(there[:20]) + (", ..." if len(there) > 20 else "")
    hint = " or time" if name == "frame" else ""
    raise InputError(
        f"column {wanted!r}{hint} in {path}: not there; the columns are {listed}"
        f"{_nearest(str(wanted), there)}; say which one it is with columns: {{{name}: ...}}"
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    """A hint at the most similar name, or nothing."""
    lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.4)
    return f" (nearest: {lower[close[0]]!r})" if close else ""
