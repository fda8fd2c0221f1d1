"""GazeCom recordings (.coord) and eye movements labelled sample by sample (.arff).

The ARFF files are those of sp_tool, of the GazeCom labels, and of hollywood2_em (a part of
Actions in the Eye with labels). Layout: data_loaders.py, arff_helper.py and test_data of
github.com/MikhailStartsev/sp_tool; I. Agtzidis, M. Startsev, M. Dorr, In the pursuit of (ground)
truth: a hand-labelling tool for eye movements recorded during dynamic scene viewing, ETVIS 2016.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._lines import columns, labelled, named
from vidsal.recordings._rows import finish, keep, whole
from vidsal.recordings._source import EXTRA, MOST_COLUMNS, decode, numbers, parse, read_bytes

MICRO = 1e-6
COORD = ("time", "x", "y", "confidence")
EXPERT, MADE = "handlabeller_final", "eye_movement_type"
LABELS = {
    "fix": "fixation",
    "saccade": "saccade",
    "sp": "pursuit",
    "noise": "noise",
    "noise_cluster": "noise",
    "blink": "blink",
    "1": "fixation",
    "2": "saccade",
    "3": "pursuit",
    "4": "noise",
    "11": "blink",
}
ATTRIBUTE = re.compile(r"""@attribute\s+("[^"]*"|'[^']*'|\S+)""", re.IGNORECASE)
STATED = re.compile(r"%\s*@metadata\s+(\S+)\s+(\S+)", re.IGNORECASE)
DATA = re.compile(rb"^[ \t]*@data[ \t]*$", re.IGNORECASE | re.MULTILINE)
SUBJECT = r"([A-Z]{3}|\d{3})_.*\.(?:coord|arff)(?:\.gz)?$"


def gazecom(
    path: str, *, labels: str | None = None, confidence: float = 0.5, pursuit_step: float = 0.04
) -> pd.DataFrame:
    """Read a .coord file, or an ARFF file with or without labels.

    Places are pixels of the video, from 0; the video filled the surface whose size the file states.
    ``time`` is the file's own, whose zero is the start of the video.

    Where samples are labelled, runs of one label become one row each, beside the samples: a
    fixation at the mean of its samples, a saccade at its first one, lasting to the next sample
    after it. A smooth pursuit moves with what it follows and becomes rows that last
    ``pursuit_step`` at most. Labels are FIX, SACCADE, SP, NOISE, BLINK, or the numbers that the
    hand-labelling tool writes for them, 1, 2, 3, 4, 11; others (UNKNOWN, 0) make no event.

    Left out are samples of too low confidence (``lost``), labelled as noise or blink (``noise``,
    ``blink``), without a number (``not_a_number``), and lines of another form (``malformed``).

    Args:
        path: the file.
        labels: name of the attribute that holds the labels. Default: handlabeller_final (the
            experts' last word), else EYE_MOVEMENT_TYPE (an algorithm's), else none.
        confidence: samples of less are lost; the files hold 0 and 1.
        pursuit_step: seconds.

    Returns:
        columns time, x, y, event, duration; subject where the file is named as GazeCom's
        (AAF_beach.arff) or as hollywood2_em's (001_actioncliptest00003.arff).

    Raises:
        InputError: no such file, or attributes are missing.
    """
    if not pursuit_step > 0:
        raise InputError(f"pursuit_step: {pursuit_step!r} for {path}: must be above 0 seconds")
    data, dropped = read_bytes(path), Counter()
    if header := DATA.search(data):
        head, body = decode(data[: header.start()]), data[header.end() :]
        table, facts = _arff(head, body, labels, dropped, path), dict(STATED.findall(head))
        facts = {name.lower(): value for name, value in facts.items()}
    else:
        table, facts = _coord(data, labels, dropped, path)
    rows = pd.DataFrame({name: numbers(table[name]) for name in ("x", "y")})
    rows["clock"] = numbers(table["time"]) * MICRO
    rows["label"] = _labels(table["label"]) if "label" in table else ""
    rows["sure"] = numbers(table["confidence"]) >= confidence if "confidence" in table else True
    rows = keep(rows, np.isfinite(rows[["clock", "x", "y"]]).all(axis=1), "not_a_number", dropped)
    rows = _events(rows.sort_values("clock", kind="stable"), pursuit_step, dropped)
    rows = rows.assign(time=rows["clock"])
    if subject := named(path, SUBJECT):
        rows["subject"] = subject
    return finish(rows, dropped, _geometry(facts))


def _events(rows: pd.DataFrame, pursuit_step: float, dropped: Counter) -> pd.DataFrame:
    """Samples that were seen, and events."""
    places = {axis: rows[axis].where(rows["sure"]) for axis in ("x", "y")}
    made = labelled(rows.assign(**places), pursuit_step)
    rows = keep(rows, rows["sure"], "lost", dropped)
    for label in ("noise", "blink"):
        rows = keep(rows, rows["label"] != label, label, dropped)
    return pd.concat([rows.assign(event="sample", duration=0.0), made], ignore_index=True)


def _labels(words: pd.Series) -> pd.Series:
    """Our names of the labels; "1", "1.0", "FIX" and "'FIX'" are one."""
    words = words.fillna("").str.strip().str.strip("'\"").str.lower()
    return words.str.replace(r"\.0*$", "", regex=True).map(LABELS).fillna("")


def _arff(
    head: str, body: bytes, labels: str | None, dropped: Counter, path: str | Path
) -> pd.DataFrame:
    """Text columns time, x, y, and confidence and label where there are some."""
    names = [m[1].strip("'\"") for m in map(ATTRIBUTE.match, map(str.strip, head.split("\n"))) if m]
    lower = [name.lower() for name in names]
    if len(names) > MOST_COLUMNS or len(set(lower)) < len(lower):
        raise InputError(f"gaze recording {path}: {len(names)} attributes, some of one name")
    if missing := {"time", "x", "y"} - set(lower):
        raise InputError(
            f"gaze recording {path}: no attribute {', '.join(sorted(missing))}; the attributes are "
            f"{', '.join(names[:20]) or 'none'}"
        )
    label = _label_column(names, lower, labels, path)
    body = re.sub(rb"(?m)^[ \t]*%.*$", b"", body)
    table = parse(body, path, ",", [*lower, EXTRA], keep_default_na=False)
    good = (table[lower[-1]] != "") & (table.pop(EXTRA).str.strip() == "")
    table = keep(table, good, "malformed", dropped).reset_index(drop=True)
    return table.rename(columns={label: "label"})


def _label_column(names: list[str], lower: list[str], labels: str | None, path: object) -> str:
    """The attribute that holds the labels, "" for none."""
    if labels is None:
        return next((name for name in (EXPERT, MADE) if name in lower), "")
    if labels.lower() not in set(lower) - set(COORD):
        raise InputError(
            f"labels: {labels!r} for {path}: no such attribute; they are {', '.join(names[:20])}"
        )
    return labels.lower()


def _coord(
    data: bytes, labels: str | None, dropped: Counter, path: str | Path
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Text columns time, x, y, confidence, and what the lines ``gaze`` and ``geometry`` state."""
    if labels is not None:
        raise InputError(f"labels: {labels!r} for {path}: a .coord file has none; leave it out")
    head = re.search(rb"(?m)^[ \t]*gaze[ \t]+(\S+)[ \t]+(\S+)[ \t]*$", data)
    if head is None:
        raise InputError(
            f"gaze recording {path}: neither ARFF (no line @DATA) nor .coord (no line "
            "`gaze width height`); check the format"
        )
    facts = {"width_px": decode(head[1]), "height_px": decode(head[2])}
    if line := re.search(rb"(?m)^[ \t]*geometry[ \t]+(.+)$", data):
        words = decode(line[1]).split()
        facts |= {f"{name}_m": value for name, value in zip(words[::2], words[1::2], strict=False)}
    body = re.sub(rb"(?m)^[ \t]*(#|gaze|geometry).*$", b"", data)
    return columns(body, COORD, dropped, path, more=True), facts


def _geometry(facts: dict[str, str]) -> dict:
    """Size of the video and of the surface that it filled, and the distance from it."""

    def size(unit: str, factor: float = 1.0) -> list[float | int] | None:
        sides = [facts.get(f"{side}_{unit}", "") for side in ("width", "height")]
        values = numbers(pd.Series(sides, dtype=str)) * factor
        fine = np.isfinite(values).all() and (values > 0).all()
        return [whole(round(value, 6)) for value in values.tolist()] if fine else None

    distances = numbers(pd.Series([facts.get("distance_mm", ""), facts.get("distance_m", "")]))
    found = [d for d in (distances * [0.1, 100.0]).tolist() if d > 0]
    return {
        "screen": size("px"),
        "video_size": size("px"),
        "screen_cm": size("mm", 0.1) or size("m", 100.0),
        "distance_cm": whole(round(found[0], 6)) if found else None,
        "space": "video",
    }


def looks_like(path: Path, head: bytes) -> bool:
    """Say whether a file is one, by its header."""
    return b"\ngaze " in b"\n" + head[:2000] or b"@relation gaze" in head.lower()
