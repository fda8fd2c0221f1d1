"""SMI iView X and BeGaze text exports: raw data (.txt, header of ## lines) and event lists.

Layout: BeGaze 2.3 manual, section 8.2 "Export file format"; IDF Converter 3 for the raw data.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._rows import finish, keep, runs, whole, zero
from vidsal.recordings._source import EXTRA, choose, decode, number, numbers, parse, read_bytes

MICRO = 1e-6
KINDS = ("fixation", "saccade", "blink")
EYES = {"left": "L", "right": "R", "both": "LR"}
RAW_HEADER = re.compile(rb"^[ ]*Time([\t,;])Type\1", re.MULTILINE)
EVENT_HEADER = re.compile(rb"^[ ]*Table Header for Fixations", re.MULTILINE)
STATED = re.compile(r"^(?:##)?[ \t]*([^:\t\[\r\n]+?(?: \[mm\])?)[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.M)


def smi(
    path: str, *, eye: Literal["both", "left", "right"] = "both", start_message: str | None = None
) -> pd.DataFrame:
    """Read a raw data export or an event list of SMI's software.

    Places are pixels of the calibration area (the screen), from 0. In raw data an eye at exactly
    (0, 0) was lost. Runs of samples that the column "Event Info" calls fixation or saccade become
    one row each: a fixation at the mean of its samples, a saccade at its first one, lasting to the
    next sample after it.

    ``time`` counts from the start message (text of a MSG line, or of a UserEvent) of its trial,
    else from the trial's first row. Left out are samples within a blink (``blink``), of eyes that
    were lost (``lost``), without a number (``not_a_number``), lines of another form
    (``malformed``), trials without a start message (``no_start``). An event list gives no places
    of blinks, which are not rows either.

    Args:
        path: the file.
        eye: left, right, or both (samples: mean of the eyes that were seen; events: those of the
            left eye where there are some).
        start_message: regular expression of the message at the video's first frame, per trial.

    Returns:
        columns subject (where named), video (the column Stimulus; else the number of the trial,
        where there are several), time, x, y, event, duration.

    Raises:
        InputError: no such export, or an option fits nothing.
    """
    choose("eye", eye, tuple(EYES), path)
    data = read_bytes(path)
    dropped: Counter = Counter()
    if header := RAW_HEADER.search(data):
        stated = _stated(data[: header.start()])
        rows, first, messages, used = _raw(
            data[header.start() :], decode(header[1]), eye, dropped, path
        )
    elif header := EVENT_HEADER.search(data):
        stated = _stated(data[: header.start()])
        rows, messages, used = _event_list(decode(data[header.start() :]), eye, dropped)
        first = pd.concat([rows, messages]).groupby("trial")["clock"].min()
    else:
        raise InputError(
            f"gaze recording {path}: no SMI export (neither a line Time, Type, ... nor a "
            '"Table Header for Fixations"); export raw data or events as text'
        )
    rows = zero(rows, first, messages, start_message, path, dropped)
    if "video" not in rows and rows["trial"].nunique() > 1:
        rows["video"] = rows["trial"].map({each: f"{each:g}" for each in rows["trial"].unique()})
    if stated.get("subject"):
        rows["subject"] = stated["subject"]
    return finish(rows, dropped, _geometry(stated, used))


def _stated(head: bytes) -> dict[str, str]:
    """The header's "## Name: value" lines, names in small letters."""
    return {name.lower(): value for name, value in STATED.findall(decode(head))}


def _geometry(stated: dict[str, str], eye: str | None) -> dict:
    """Screen, its size, the distance and the rate that the header states."""

    def listed(name: str, count: int, factor: float = 1.0) -> list[float | int] | None:
        parts = re.findall(r"-?\d+(?:[.,]\d+)?", stated.get(name, ""))
        values = [whole(round(float(part.replace(",", ".")) * factor, 6)) for part in parts]
        return values if len(values) == count and min(values) > 0 else None

    single = {
        "rate": listed("sample rate", 1),
        "distance_cm": listed("head distance [mm]", 1, 0.1),
    }
    return {name: value and value[0] for name, value in single.items()} | {
        "screen": listed("calibration area", 2),
        "screen_cm": listed("stimulus dimension [mm]", 2, 0.1),
        "eye": eye,
        "space": "screen",
    }


def _raw(
    body: bytes, separator: str, eye: str, dropped: Counter, path: str | Path
) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, str]:
    """Samples and events, first time of each trial, messages, the eye, of a raw data export."""
    head, _, body = body.partition(b"\n")
    names = [name.strip() for name in decode(head).split(separator)]
    samples, said = _lines(body, separator.encode(), dropped)
    places = [(letter, {f"{letter} POR {axis} [px]" for axis in "XY"}) for letter in EYES[eye]]
    eyes = [letter for letter, needed in places if needed <= set(names)]
    if not eyes:
        raise InputError(
            f"gaze recording {path}: no columns of gaze (POR X [px], POR Y [px]) for eye {eye!r}; "
            f"the columns are {', '.join(names)}"
        )
    table = _table(samples, names, separator, dropped, path)
    rows = pd.DataFrame({"clock": numbers(table["Time"]) * MICRO})
    rows["trial"] = numbers(table["Trial"]) if "Trial" in table else 1.0
    rows["x"], rows["y"] = _places(table, eyes)
    if "Stimulus" in table:
        rows["video"] = table["Stimulus"].fillna("").str.strip()
    rows["label"] = _labels(table, eyes)
    rows = keep(rows, np.isfinite(rows[["clock", "trial"]]).all(axis=1), "malformed", dropped)
    first = rows.groupby("trial")["clock"].min()
    events = _label_runs(rows)
    rows = keep(rows, rows["label"] != "blink", "blink", dropped)
    rows = keep(rows, ~np.isinf(rows["x"]), "lost", dropped)
    rows = rows.assign(event="sample", duration=0.0)
    messages = _messages(said, separator)
    used = eye if len(eyes) == len(EYES[eye]) else {"L": "left", "R": "right"}[eyes[0]]
    return pd.concat([rows, events], ignore_index=True), first, messages, used


def _lines(body: bytes, separator: bytes, dropped: Counter) -> tuple[bytes, list[bytes]]:
    """Sample lines joined, and message lines; others are malformed."""
    sample, said = separator + b"SMP" + separator, separator + b"MSG" + separator
    kept: list[bytes] = []
    messages: list[bytes] = []
    for line in body.splitlines():
        if sample in line:
            kept.append(line)
        elif said in line:
            messages.append(line)
        elif line.strip():
            dropped["malformed"] += 1
    return b"\n".join(kept), messages


def _table(
    samples: bytes, names: list[str], separator: str, dropped: Counter, path: str | Path
) -> pd.DataFrame:
    """The sample lines under the header's names, as text; longer lines are left out."""
    if len(set(names)) < len(names):
        raise InputError(f"gaze recording {path}: a column name occurs twice; export it again")
    wanted = [name for name in names if _wanted(name)] + [EXTRA]
    table = parse(samples, path, separator, [*names, EXTRA], usecols=wanted)
    long = table.pop(EXTRA).str.strip().fillna("") != ""
    dropped["malformed"] += int(long.sum())
    return table[~long].reset_index(drop=True)


def _wanted(name: str) -> bool:
    return name in ("Time", "Type", "Trial", "Stimulus", "Info") or name.endswith(
        (" POR X [px]", " POR Y [px]", " Event Info")
    )


def _places(table: pd.DataFrame, eyes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Mean place of the eyes that were seen; infinite where all were lost, NaN without numbers."""
    x = np.stack([numbers(table[f"{letter} POR X [px]"], True) for letter in eyes])
    y = np.stack([numbers(table[f"{letter} POR Y [px]"], True) for letter in eyes])
    lost = (x == 0) & (y == 0)
    seen = np.isfinite(x) & np.isfinite(y) & ~lost
    with np.errstate(invalid="ignore"):
        places = [np.where(seen, axis, 0).sum(axis=0) / seen.sum(axis=0) for axis in (x, y)]
    gone = ~seen.any(axis=0) & lost.any(axis=0)
    return np.where(gone, np.inf, places[0]), np.where(gone, np.inf, places[1])


def _labels(table: pd.DataFrame, eyes: list[str]) -> pd.Series:
    """What the export calls each sample; of the left eye where both are read."""
    for name in (f"{eyes[0]} Event Info", "Info"):
        if name in table:
            return table[name].fillna("").str.strip().str.lower()
    return pd.Series("", index=table.index, dtype=str)


def _label_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for every run of samples that is a fixation or a saccade."""
    rows = rows.reset_index(drop=True)
    video = rows["video"] if "video" in rows else rows["trial"]
    number = runs(rows["trial"], video, rows["label"])
    shown = rows.assign(
        x=rows["x"].replace(np.inf, np.nan), y=rows["y"].replace(np.inf, np.nan), last=rows["clock"]
    )
    groups = shown.groupby(number)
    made = groups.first().assign(last=groups["last"].last(), event=groups["label"].first())
    next_start = made["clock"].shift(-1)
    follows = (made["trial"].shift(-1) == made["trial"]) & (next_start > made["last"])
    made["duration"] = next_start.where(follows, made["last"]) - made["clock"]
    means = groups[["x", "y"]].mean()
    still = made["event"] == "fixation"
    made["x"], made["y"] = means["x"].where(still, made["x"]), means["y"].where(still, made["y"])
    return made[made["event"].isin(["fixation", "saccade"])].drop(columns="last")


def _messages(lines: list[bytes], separator: str) -> pd.DataFrame:
    """Time, trial and text of the MSG lines: Time, MSG, Trial, "# Message: text"."""
    found = []
    for line in lines:
        parts = decode(line).split(separator, 3)
        values = numbers(pd.Series([parts[0], parts[2]]))
        if len(parts) == 4 and np.isfinite(values).all():
            text = re.sub(r"^#?\s*Message:\s*", "", parts[3].strip())
            found.append((values[0] * MICRO, values[1], text))
    return pd.DataFrame(found, columns=["clock", "trial", "text"])


def _event_list(
    text: str, eye: str, dropped: Counter
) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    """Fixations and saccades, messages, and the eye, of an event list."""
    found: list[tuple] = []
    said: list[tuple] = []
    separator = "\t" if "Event Type\t" in text else ","
    lines = iter(text.splitlines())
    for line in lines:
        if line.lstrip().startswith("Table Header"):
            next(lines, None)
            continue
        if line.strip():
            dropped["malformed"] += not _event_line(line.split(separator), found, said)
    rows = pd.DataFrame(found, columns=["event", "eye", "trial", "clock", "duration", "x", "y"])
    rows = rows[rows["eye"].isin(list(EYES[eye]))]
    used = next((letter for letter in EYES[eye] if (rows["eye"] == letter).any()), None)
    rows = rows[rows["eye"] == used].drop(columns="eye")
    messages = pd.DataFrame(said, columns=["clock", "trial", "text"])
    return rows, messages, {"L": "left", "R": "right"}.get(used)


def _event_line(parts: list[str], found: list[tuple], said: list[tuple]) -> bool:
    """Take a line ``Fixation L, Trial, Number, Start, End, Duration, X, Y, ...``, or a message."""
    kind, _, eye = parts[0].strip().partition(" ")
    kind = kind.lower()
    try:
        if kind == "userevent":
            text = re.sub(r"^#?\s*Message:\s*", "", parts[4].strip())
            said.append((number(parts[3]) * MICRO, number(parts[1]), text))
        elif kind in ("fixation", "saccade"):
            trial, clock, duration, *place = (number(parts[at]) for at in (1, 3, 5, 6, 7))
            found.append((kind, eye, trial, clock * MICRO, duration * MICRO, *place))
        else:
            return kind in ("blink", "trigger")
    except (ValueError, IndexError):
        return False
    return True


def looks_like(path: Path, head: bytes) -> bool:
    """Say whether a file is one, by the program that wrote it."""
    text = head.replace(b"\0", b"")
    return any(mark in text for mark in (b"[BeGaze]", b"[iView]", b"IDF Converter"))
