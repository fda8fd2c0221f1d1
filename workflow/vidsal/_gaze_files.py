"""Gaze files as they come: text or parquet in, a table with our column names out."""

from __future__ import annotations

import csv
import difflib
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vidsal.errors import InputError

READABLE = ("subject", "frame", "time", "x", "y", "duration")
HEADERLESS = {3: ("frame", "x", "y"), 4: ("subject", "frame", "x", "y")}


def load(path: Path, columns: dict[str, str | int]) -> tuple[pd.DataFrame | None, int]:
    """The file's own table (None for an empty file) and the number of malformed lines.

    Args:
        path: .parquet, or text with tabs, commas, semicolons or blanks between the columns.
        columns: our names to those of the file; the subject's column is read as text.

    Raises:
        InputError: the file is not there, or no table.
    """
    if not path.is_file():
        raise InputError(f"gaze recording {path}: no such file; check the column fixations")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path), 0
        return _load_text(path, str(columns.get("subject", "subject")))
    except (OSError, ValueError, csv.Error) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"gaze recording {path}: not readable as a table: {reason}") from error


def _load_text(path: Path, subject: str) -> tuple[pd.DataFrame | None, int]:
    """A text table; the slow parser, which can skip broken lines, only where it is needed."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line.strip() for line in file if line.strip()), None)
    if first is None:
        return None, 0
    separator = next((mark for mark in "\t,;" if mark in first), r"\s+")
    options = {"sep": separator, "encoding": "utf-8-sig", "encoding_errors": "replace"}
    options |= {"index_col": False, "skipinitialspace": True, "dtype": {subject: str}}
    names = _headerless(first.split(None if separator == r"\s+" else separator))
    if names:
        options |= {"header": None, "names": names}
    with warnings.catch_warnings():
        # A delimiter at the end of every line is harmless and not worth a warning.
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, low_memory=False, **options), 0
        except pd.errors.ParserError:
            bad: list[list[str]] = []
            table = pd.read_csv(path, engine="python", on_bad_lines=bad.append, **options)
            return table, len(bad)


def _headerless(fields: list[str]) -> list[str] | None:
    """Names for the columns of a file without a header; None where the fields are a header."""
    try:
        [float(field) for field in fields]
    except ValueError:
        return None
    return list(HEADERLESS.get(len(fields), map(str, range(len(fields)))))


def select(raw: pd.DataFrame, columns: dict[str, str | int], path: Path) -> pd.DataFrame:
    """The file's columns under our names; numbers where numbers belong, NaN where they fail.

    Args:
        raw: table of ``load``.
        columns: our names to those of the file.
        path: the file, for messages.

    Returns:
        columns frame or time, x, y, subject (text, "0" where the file has none), and duration
        where there is one.

    Raises:
        InputError: a column is missing, or ``columns`` names one that we do not know.
    """
    raw = raw.rename(columns=lambda name: str(name).strip())
    for name in columns:
        if name not in READABLE:
            raise InputError(f"columns: {name!r} for {path}: unknown{_nearest(name, READABLE)}")
    clock = _clock(raw, columns)
    rows = pd.DataFrame(index=raw.index)
    for name in (clock, "x", "y"):
        rows[name] = pd.to_numeric(raw[_found(raw, columns, name, path)], errors="coerce")
    if "duration" in columns or "duration" in raw:
        source = _found(raw, columns, "duration", path)
        rows["duration"] = pd.to_numeric(raw[source], errors="coerce")
    rows["subject"] = "0"
    if "subject" in columns or "subject" in raw:
        rows["subject"] = raw[_found(raw, columns, "subject", path)].fillna("").astype(str)
    return rows


def _clock(raw: pd.DataFrame, columns: dict[str, str | int]) -> str:
    """Whether the rows are dated by ``frame`` or by ``time``; the frame where both are there."""
    if "frame" in columns or "time" in columns:
        return "frame" if "frame" in columns else "time"
    return "time" if "time" in raw and "frame" not in raw else "frame"


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
