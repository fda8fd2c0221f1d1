"""From a tracker's own clock and trials to the columns that all readers return."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._source import compiled

ORDER = ("subject", "video", "time", "frame", "x", "y", "event", "duration")


def zero(
    rows: pd.DataFrame,
    first: pd.Series,
    messages: pd.DataFrame,
    start_message: str | None,
    path: str | Path,
    dropped: Counter,
) -> pd.DataFrame:
    """Rows with ``time``: seconds since the start of their trial.

    Args:
        rows: columns ``clock`` (s, the tracker's), ``trial`` and others.
        first: trial -> clock of its first row, also of one that was left out.
        messages: columns ``clock``, ``trial``, ``text``, in order.
        start_message: regular expression of the message that starts a trial's video; None = the
            first row of the trial.
        path: the file, for messages.
        dropped: gets the rows of trials without such a message as ``no_start``.

    Raises:
        InputError: no message fits, or it is no regular expression.
    """
    if start_message is None:
        starts = first
    else:
        pattern = compiled("start_message", start_message, path)
        found = [bool(pattern.search(text)) for text in messages["text"]]
        fits = messages[np.array(found, dtype=bool)]
        if fits.empty:
            raise InputError(
                f"start_message: {start_message!r} for {path}: fits no message; "
                f"the messages are {_some(messages)}"
            )
        starts = fits.groupby("trial")["clock"].first()
    rows = keep(rows, rows["trial"].isin(starts.index), "no_start", dropped)
    return rows.assign(time=rows["clock"] - rows["trial"].map(starts).astype(np.float64))


def keep(rows: pd.DataFrame, good: np.ndarray, reason: str, dropped: Counter) -> pd.DataFrame:
    """The good rows; the others are counted."""
    good = np.asarray(good, dtype=bool)
    dropped[reason] += int((~good).sum())
    return rows[good]


def finish(rows: pd.DataFrame, dropped: Counter, geometry: dict) -> pd.DataFrame:
    """The table that a reader returns: rows by trial and clock, finite, in our columns.

    Args:
        rows: columns x, y, event, clock, time or frame; optionally trial, duration, video, subject.
        dropped: gets the rows without a place or time as ``not_a_number``.
        geometry: what the file states; entries that are None are left out.
    """
    clock = "time" if "time" in rows else "frame"
    numeric = rows[[name for name in (clock, "x", "y") if name in rows]].astype(np.float64)
    good = np.isfinite(numeric).all(axis=1)
    if clock == "frame":
        good &= numeric["frame"] % 1 == 0
    if "duration" in rows:
        length = rows["duration"].fillna(0.0).astype(np.float64)
        rows, good = rows.assign(duration=length), good & np.isfinite(length) & (length >= 0)
    rows = keep(rows, good, "not_a_number", dropped)
    rows = rows.sort_values([name for name in ("trial", "clock") if name in rows], kind="stable")
    types = dict.fromkeys(("time", "x", "y", "duration"), np.float64) | {"frame": np.int64}
    types |= dict.fromkeys(("subject", "video", "event"), str)
    table = rows[[name for name in ORDER if name in rows]]
    table = table.astype({name: types[name] for name in table}).reset_index(drop=True)
    table.attrs["geometry"] = {name: value for name, value in geometry.items() if value is not None}
    table.attrs["dropped"] = {reason: count for reason, count in dropped.items() if count}
    return table


def runs(*columns: pd.Series) -> np.ndarray:
    """int64 numbers 0, 1, ... of the stretches in which all columns keep their value."""
    starts = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        values = column.to_numpy()
        starts[1:] |= values[1:] != values[:-1]
    return np.cumsum(starts)


def extent(span: float) -> int:
    """Pixels between the corners of a screen, whether these name pixels or edges.

    Screens have an even number of pixels, so that 0 .. 1919 and 0 .. 1920 are both 1920.
    """
    span = round(span)
    return span + 1 if span % 2 else span


def whole(number: float) -> float | int:
    """The number, as an int where it is one."""
    return int(number) if float(number).is_integer() else float(number)


def _some(messages: pd.DataFrame) -> str:
    """The first messages that differ, for an error."""
    texts = [text[:60] for text in messages["text"].drop_duplicates().head(6)]
    return "; ".join(map(repr, texts)) if texts else "none"
