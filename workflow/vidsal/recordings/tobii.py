"""Tobii Pro Lab and Tobii Studio data exports (.tsv): samples, fixations, saccades, media.

Column names: Tobii Pro Lab and Tobii Studio 3 user manuals, "Data export". The same quantity is
called "Gaze point X", "Gaze point X (MCSpx)", "Gaze point X [DACS px]" or "GazePointX (ADCSpx)".
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
from vidsal.recordings._source import choose, numbers, read_bytes, read_table

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "μs": 1e-6, "µs": 1e-6}
STAMPS = ("us", "μs", "µs", "ms", "s", "")
EVENTS = {"fixation": "fixation", "saccade": "saccade", "smoothpursuit": "pursuit"}
EYES = {"left": "left", "right": "right", "both": ""}
TEXTS = ("participantname", "recordingname", "sensor", "event", "eyemovementtype", "media")
ALIASES = {
    "studioevent": "event",
    "gazeeventtype": "eyemovementtype",
    "fixationindex": "eyemovementtypeindex",
    "presentedmedianame": "media",
    "presentedstimulusname": "media",
    "medianame": "media",
    "presentedmediawidth": "mediawidth",
    "presentedmediaheight": "mediaheight",
    "presentedmediapositionx": "mediaposx",
    "presentedmediapositiony": "mediaposy",
    "recordingresolutionwidth": "screenwidth",
    "recordingresolutionheight": "screenheight",
}
PREFERRED = ("dacspx", "adcspx", "", "mcspx")
PREFIXES = ("gazepoint", "fixationpoint", "validity", "recording", "participant", "sensor")
PREFIXES += ("event", "studioevent", "eyemovement", "gazeevent", "fixationindex", "presented")
PREFIXES += ("media",)


def tobii(
    path: str,
    *,
    eye: Literal["both", "left", "right"] = "both",
    coordinates: Literal["screen", "media"] | None = None,
    time_unit: Literal["s", "ms", "us"] | None = None,
    start_message: str | None = None,
) -> pd.DataFrame:
    """Read a data export of Tobii Pro Lab or Tobii Studio (tabs between the columns).

    Places are the export's own pixels, from 0 at the left and top: of the screen (DACS, ADCS, or
    no system named), or of the shown media or scene video (MCS; ``space`` is then "video").
    Decimal commas are read. A saccade stands at its first sample, a fixation at its fixation
    point, or where there is none at the mean of its samples.

    ``time`` counts from the start message, else from the first row that shows the medium (every
    showing counts anew), else from the recording's first row. Left out are samples of eyes that
    were not seen (``invalid``), without a place (``not_a_number``), outside of any medium
    (``no_video``), lines with too many fields (``malformed``). Rows of other sensors are no gaze
    and are passed over.

    Args:
        path: the file.
        eye: left or right (only samples that are valid), or both (the export's own combination).
        coordinates: screen or media, where the export holds both; default screen.
        time_unit: ms, us or s, of a column "Recording timestamp" that names no unit; it is then
            known only in Studio exports (ms) and beside a column "Recording duration" (in ms).
        start_message: regular expression of the text in column Event (StudioEvent) at the first
            frame.

    Returns:
        columns subject (where participants are named), video (where media are), time, x, y,
        event, duration.

    Raises:
        InputError: no such export, or a choice is open that the file does not settle.
    """
    choose("eye", eye, tuple(EYES), path)
    if coordinates is not None:
        choose("coordinates", coordinates, ("screen", "media"), path)
    table, malformed = read_table(read_bytes(path), "\t", _wanted, path)
    dropped = Counter(malformed=malformed)
    columns = _columns(table)
    system = _system(columns, coordinates, eye, path)
    data = _tidy(table, columns, system, eye)
    data["clock"] = data["clock"] * _unit(table, columns, data, time_unit, path)
    data = keep(data, np.isfinite(data["clock"]), "malformed", dropped)
    data["trial"] = runs(data["recording"], data["media"])
    rows = pd.concat([_samples(data, dropped), _events(data)], ignore_index=True)
    if (data["media"] != "").any():
        rows = keep(rows, rows["media"] != "", "no_video", dropped).rename(
            {"media": "video"}, axis=1
        )
    first = data.groupby("trial")["clock"].min()
    rows = zero(rows, first, _messages(data), start_message, path, dropped)
    if (data["participantname"] != "").any():
        rows = rows.rename({"participantname": "subject"}, axis=1)
    return finish(rows, dropped, _geometry(data, system, eye))


def _wanted(name: str) -> bool:
    """Whether a column may say something about gaze (the others are many and slow)."""
    return _split(name)[0].startswith(PREFIXES)


def _split(name: str) -> tuple[str, str]:
    """ "Gaze point X [MCS px]" as ("gazepointx", "mcspx"); unit or system may be empty."""
    match = re.match(r"\s*([^\[(]*)(?:[\[(](.*?)[\])])?", name)
    base, unit = match[1].lower(), (match[2] or "").lower()
    return re.sub(r"[^a-z0-9]", "", base), re.sub(r"\s", "", unit)


def _columns(table: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(our base name, unit or system) -> the file's column."""
    found: dict[tuple[str, str], str] = {}
    for name in table:
        base, unit = _split(str(name))
        found.setdefault((ALIASES.get(base, base), unit), name)
    return found


def _system(columns: dict, coordinates: str | None, eye: str, path: str | Path) -> str:
    """The coordinate system to read; the screen's goes first."""
    point = f"gazepoint{EYES[eye]}x"
    there = [system for system in PREFERRED if (point, system) in columns]
    if not there and eye == "both":
        there = [system for system in PREFERRED if ("fixationpointx", system) in columns]
    if coordinates is not None:
        there = [system for system in there if (system == "mcspx") == (coordinates == "media")]
    if not there:
        listed = ", ".join(str(name) for name in columns.values()) or "none of gaze"
        raise InputError(
            f"gaze recording {path}: no column of gaze points in pixels for eye {eye!r} and "
            f"coordinates {coordinates!r}; the columns are {listed}; export Gaze point X and Y"
        )
    return there[0]


def _tidy(table: pd.DataFrame, columns: dict, system: str, eye: str) -> pd.DataFrame:
    """The columns that count under fixed names: text without blanks, numbers as float64."""

    def numeric(base: str, *units: str) -> np.ndarray:
        name = next((columns[base, unit] for unit in units if (base, unit) in columns), None)
        return np.full(len(table), np.nan) if name is None else numbers(table[name], True)

    made = {}
    for base in TEXTS:
        name = columns.get((base, ""))
        made[base] = table[name].fillna("").str.strip() if name else ""
    data = pd.DataFrame(made, index=table.index).rename(columns={"event": "said"})
    data["recording"] = data["participantname"] + "\0" + data["recordingname"]
    data["clock"] = numeric("recordingtimestamp", *STAMPS)
    for axis in ("x", "y"):
        data[axis] = numeric(f"gazepoint{EYES[eye]}{axis}", system)
        data[f"fix_{axis}"] = numeric(f"fixationpoint{axis}", system)
    data["length"] = numeric("gazeeventduration", "", "ms") * 1e-3
    data["index"] = numeric("eyemovementtypeindex", "")
    for base in ("mediawidth", "mediaheight", "mediaposx", "mediaposy", "screenwidth"):
        data[base] = numeric(base, "", "px", "dacspx", "adcspx")
    data["screenheight"] = numeric("screenheight", "", "px")
    data["valid"] = True
    if eye != "both" and ("validity" + eye, "") in columns:
        validity = table[columns["validity" + eye, ""]].fillna("").str.strip().str.lower()
        data["valid"] = validity.isin(["valid", "0", "1"])
    return data


def _unit(
    table: pd.DataFrame, columns: dict, data: pd.DataFrame, time_unit: str | None, path: str | Path
) -> float:
    """Seconds per unit of the time stamps."""
    stated = next((unit for unit in STAMPS if ("recordingtimestamp", unit) in columns), None)
    if stated is None:
        raise InputError(f"gaze recording {path}: no column Recording timestamp; export it too")
    if stated in SECONDS:
        return SECONDS[stated]
    if time_unit is not None:
        choose("time_unit", time_unit, ("s", "ms", "us"), path)
        return SECONDS[time_unit]
    if columns["recordingtimestamp", stated] == "RecordingTimestamp":
        return 1e-3
    length = columns.get(("recordingduration", ""))
    lengths = numbers(table[length], True) if length else np.array([np.nan])
    if np.isfinite(lengths).any() and np.isfinite(data["clock"]).any():
        return 1e-6 if np.nanmax(data["clock"]) > 2 * np.nanmax(lengths) else 1e-3
    raise InputError(
        f"column Recording timestamp in {path}: names no unit; say time_unit: ms or us"
    )


def _samples(data: pd.DataFrame, dropped: Counter) -> pd.DataFrame:
    """One row for every gaze sample; rows that only say something else are no samples."""
    tracker = data["sensor"].str.lower().isin(["", "eye tracker"])
    placed = np.isfinite(data["x"]) & np.isfinite(data["y"])
    anything = np.isfinite(data["x"]).any() or np.isfinite(data["y"]).any()
    rows = data[tracker & (placed | (data["said"] == "")) & anything]
    rows = keep(rows, rows["valid"], "invalid", dropped)
    return rows.assign(event="sample", duration=0.0)


def _events(data: pd.DataFrame) -> pd.DataFrame:
    """One row for every fixation, saccade and pursuit, at its first row in each medium."""
    kind = data["eyemovementtype"].str.lower().str.replace(" ", "").map(EVENTS)
    rows = data[kind.notna()].assign(event=kind)
    if rows.empty:
        return rows.assign(duration=0.0)
    number = runs(rows["trial"], rows["event"], rows["index"].fillna(-1), rows["length"].fillna(-1))
    groups = rows.groupby(number)
    made = groups.first()
    lasted = groups["clock"].last() - made["clock"]
    made["duration"] = made["length"].where(made["length"].notna(), lasted)
    still = made["event"] != "saccade"
    means = groups[["x", "y"]].mean()
    for axis in ("x", "y"):
        place = made[f"fix_{axis}"].where(made[f"fix_{axis}"].notna(), means[axis])
        made[axis] = place.where(still, made[axis])
    return made


def _messages(data: pd.DataFrame) -> pd.DataFrame:
    """Time, trial and text of the events; one just before a medium is shown belongs to it."""
    said = data[data["said"] != ""]
    early = (said["media"] == "") & (data["media"] != "").any()
    return pd.DataFrame(
        {"clock": said["clock"], "trial": said["trial"] + early, "text": said["said"]}
    )


def _geometry(data: pd.DataFrame, system: str, eye: str) -> dict:
    """Screen, and place of the medium on it, where the file states one and only one."""
    geometry: dict = {"eye": eye, "space": "video" if system == "mcspx" else "screen"}
    screen = _constant(data, "screenwidth", "screenheight")
    rect = _constant(data, "mediaposx", "mediaposy", "mediawidth", "mediaheight")
    return geometry | {"screen": screen, "rect": rect if geometry["space"] == "screen" else None}


def _constant(data: pd.DataFrame, *names: str) -> list[float | int] | None:
    """The values of columns that never change."""
    values = data[list(names)].dropna().drop_duplicates()
    if len(values) != 1:
        return None
    found = [whole(value) for value in values.iloc[0]]
    return found if min(found[-2:]) > 0 else None


def looks_like(path: Path, head: bytes) -> bool:
    """Say whether a file is one, by the names of its columns."""
    first = head.replace(b"\0", b"").partition(b"\n")[0].replace(b" ", b"").lower()
    return b"recordingtimestamp" in first and (b"gazepoint" in first or b"gazeeventtype" in first)
