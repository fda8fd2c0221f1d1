"""BIDS eye tracking (*_physio.tsv.gz with its JSON): one eye's samples, and its physioevents.

Source: BIDS 1.11 specification, "Physiological recordings", sections 'Physiology "events"' and
"Eye-tracking" (BEP020).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings import _bids
from vidsal.recordings._rows import extent, finish, keep, whole, zero
from vidsal.recordings._source import compiled, numbers

PIXELS = ("pixel", "pixels", "px")
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
EVENTS = {"fixation": "fixation", "saccade": "saccade", "pursuit": "pursuit"}
EVENTS |= {"smooth_pursuit": "pursuit", "smooth pursuit": "pursuit"}
EYES = {"left": "left", "right": "right", "cyclopean": "both"}


def bids(
    path: str, *, start_message: str | None = None, start_event: str | None = None
) -> pd.DataFrame:
    """Read an eye-tracking recording of a BIDS dataset: ``*_recording-eye1_physio.tsv.gz``.

    Columns, units and rate come from the JSON sidecars (inherited ones too, up to the folder of
    dataset_description.json), the screen from those of the task's events. Places become pixels of
    the screen, from 0 at the left and top: normalised places reach from edge to edge (x * width -
    0.5), lengths are parts of ScreenSize, y of a screen whose origin is at the bottom is turned
    over. Fixations, saccades and pursuits of ``*_physioevents.tsv.gz`` stand at the mean of their
    samples, saccades at their first one.

    Three things that published datasets do otherwise than the specification: a resolution of
    [1919, 1079] is the last pixel's number, and 1920 x 1080 is meant; a ScreenDistance above 10 is
    in cm; durations of physioevents are seconds unless the events of a kind would then last longer
    than the recording, in which case they have the unit of the onset, as in the specification's
    own example.

    ``time`` counts from the start message or start event, else from the first sample. Left out
    are samples without a place (``not_a_number``), lines with too many fields (``malformed``),
    rows outside of the start events' durations (``outside_trial``).

    Args:
        path: the .tsv.gz (or .tsv) file of one eye.
        start_message: regular expression of the message in the physioevents at the video's first
            frame.
        start_event: regular expression of the rows of the task's events.tsv that are a video; it
            is matched to the row's text, cells joined by tabs. The video is named by stim_file,
            else by trial_type, where there are several such rows.

    Returns:
        columns subject, video (with several start events), time, x, y, event, duration.

    Raises:
        InputError: no such file, no eye-tracking recording, or places that are not on a screen.
    """
    path = Path(path)
    if start_message is not None and start_event is not None:
        raise InputError(f"start_message and start_event for {path}: give one of the two")
    if not path.is_file():
        raise InputError(f"gaze recording {path}: no such file; check the column fixations")
    meta = _bids.sidecar(path, "physio")
    shown = _bids.sidecar(path, "events").get("StimulusPresentation")
    shown = shown if isinstance(shown, dict) else {}
    table, malformed = _bids.read(path, _columns(meta, path))
    dropped = Counter(malformed=malformed)
    screen = _screen(shown)
    rows = pd.DataFrame({"clock": _clock(table, meta, path)})
    rows["x"], rows["y"] = _places(table, meta, shown, screen, path)
    rows = rows.assign(event="sample", duration=0.0, trial=0)
    events, messages = _physioevents(path, rows, table, meta)
    first = rows.groupby("trial")["clock"].min()
    rows = pd.concat([rows, events], ignore_index=True)
    if start_event is not None:
        rows = _by_events(rows, first, meta, start_event, path, dropped)
    else:
        rows = zero(rows, first, messages, start_message, path, dropped)
    if subject := _bids.entities(path).get("sub"):
        rows["subject"] = subject
    return finish(rows, dropped, _geometry(meta, shown, screen))


def _columns(meta: dict, path: Path) -> list[str]:
    """The columns of the recording, which must be eye tracking on a screen."""
    columns = meta.get("Columns")
    kind, system = meta.get("PhysioType", "eyetrack"), meta.get("SampleCoordinateSystem")
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise InputError(
            f"gaze recording {path}: no JSON sidecar with Columns beside or above it; "
            "a BIDS recording needs one"
        )
    if kind != "eyetrack" or not {"x_coordinate", "y_coordinate"} <= set(columns):
        raise InputError(
            f"gaze recording {path}: no eye tracking (PhysioType {kind!r}, columns "
            f"{', '.join(columns)}); x_coordinate and y_coordinate are needed"
        )
    if system not in (None, "gaze-on-screen"):
        raise InputError(
            f"SampleCoordinateSystem {system!r} of {path}: places are not on a screen; "
            "only gaze-on-screen can be laid over a video"
        )
    return columns


def _screen(shown: dict) -> list[int] | None:
    """[width, height] of the screen in pixels."""
    stated = _bids.listed(shown, "ScreenResolution", 2)
    return [extent(value) for value in stated] if stated else None


def _clock(table: pd.DataFrame, meta: dict, path: Path) -> np.ndarray:
    """Seconds of the samples, from the time stamps or else from the rate."""
    rate = _bids.listed(meta, "SamplingFrequency", 1)
    if "timestamp" not in table:
        if rate is None:
            raise InputError(
                f"gaze recording {path}: neither timestamp nor SamplingFrequency; state one"
            )
        return np.arange(len(table)) / rate[0]
    return numbers(table["timestamp"]) * _stamp_seconds(table, meta, path)


def _stamp_seconds(table: pd.DataFrame, meta: dict, path: Path) -> float:
    """Seconds per unit of the time stamps: as stated, or the one unit that agrees with the rate."""
    if stated := _bids.seconds(meta, "timestamp"):
        return stated
    rate = _bids.listed(meta, "SamplingFrequency", 1)
    steps = np.diff(numbers(table["timestamp"]))
    steps = steps[np.isfinite(steps) & (steps > 0)]
    if rate and len(steps):
        for unit in (1.0, 1e-3, 1e-6, 1e-9):
            if 0.5 < np.median(steps) * unit * rate[0] < 2:
                return unit
    raise InputError(
        f"column timestamp of {path}: no Units of time and none that agrees with "
        "SamplingFrequency; state them in the JSON sidecar"
    )


def _places(
    table: pd.DataFrame, meta: dict, shown: dict, screen: list[int] | None, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    """x and y in pixels from the left and top of the screen."""
    about = meta.get("x_coordinate")
    unit = str(about.get("Units", "") if isinstance(about, dict) else "").strip().lower()
    unit = unit or str(meta.get("SampleCoordinateUnits", "pixel")).strip().lower()
    x, y = numbers(table["x_coordinate"]), numbers(table["y_coordinate"])
    if unit not in PIXELS:
        scale = _parts(unit, shown, screen, path)
        x, y = x * scale[0] - 0.5, y * scale[1] - 0.5
    if _origin(shown, meta, path) == "bottom":
        if screen is None:
            raise InputError(f"gaze recording {path}: y counts up; state ScreenResolution")
        y = screen[1] - 1 - y
    return x, y


def _parts(unit: str, shown: dict, screen: list[int] | None, path: Path) -> list[float]:
    """Pixels per unit, in x and y."""
    size = _bids.listed(shown, "ScreenSize", 2)
    if screen and unit in ("normalized", "normalised"):
        return [float(length) for length in screen]
    if screen and size and unit in METRES:
        return [n * METRES[unit] / length for n, length in zip(screen, size, strict=True)]
    raise InputError(
        f"Units {unit!r} of x_coordinate of {path}: no pixels, and ScreenResolution and "
        "ScreenSize do not tell how to make them; convert the places to pixels"
    )


def _origin(shown: dict, meta: dict, path: Path) -> str:
    """Whether y counts from the ``top`` or the ``bottom``."""
    stated = shown.get("ScreenOrigin", meta.get("EnvironmentCoordinates", ["top", "left"]))
    words = stated.split("-") if isinstance(stated, str) else stated
    words = {str(word).lower() for word in words} if isinstance(words, list) else set()
    for vertical in ("top", "bottom"):
        if words == {vertical, "left"}:
            return vertical
    raise InputError(
        f"ScreenOrigin {stated!r} of {path}: neither top left nor bottom left; "
        "count the places from a corner at the left"
    )


def _physioevents(
    path: Path, samples: pd.DataFrame, table: pd.DataFrame, meta: dict
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fixations, saccades and pursuits with places, and messages."""
    none = pd.DataFrame({"clock": pd.Series(dtype=float), "trial": 0, "text": ""})
    found = _bids.companion(path, "physioevents", (".tsv", ".tsv.gz"))
    if found is None:
        return samples[:0], none
    about = _bids.sidecar(path, "physioevents")
    columns = about.get("Columns")
    events, _ = _bids.read(found, columns if isinstance(columns, list) else None)
    if "onset" not in events:
        raise InputError(f"physioevents {found}: no column onset; state Columns in its JSON")
    onset = _onsets(events, about, samples, table, meta, path)
    rows = pd.DataFrame({"clock": onset, "trial": 0})
    rows["event"] = _texts(events, "trial_type").str.lower().map(EVENTS)
    rows["duration"] = _durations(events, rows, about, meta, samples, table, path)
    text = _texts(events, "message").str.strip('"')
    said = (text != "") & np.isfinite(onset)
    messages = rows.loc[said, ["clock", "trial"]].assign(text=text[said])
    made = rows[rows["event"].notna() & np.isfinite(rows["clock"]) & (rows["duration"] >= 0)]
    return _placed(made, samples), messages


def _texts(events: pd.DataFrame, name: str) -> pd.Series:
    """A column of text, empty where it is missing."""
    column = events[name] if name in events else pd.Series("", index=events.index, dtype=str)
    return column.fillna("").str.strip()


def _onsets(
    events: pd.DataFrame,
    about: dict,
    samples: pd.DataFrame,
    table: pd.DataFrame,
    meta: dict,
    path: Path,
) -> np.ndarray:
    """Onsets on the clock of the samples: time stamps, or numbers of rows."""
    onset = numbers(events["onset"])
    source = about.get("OnsetSource", about.get("ForeignIndexColumn", "timestamp"))
    if source == "timestamp" and "timestamp" in table:
        return onset * _stamp_seconds(table, meta, path)
    rate = _bids.listed(meta, "SamplingFrequency", 1)
    if rate is None or samples.empty:
        return np.full(len(onset), np.nan)
    return samples["clock"].iloc[0] + onset / rate[0]


def _durations(
    events: pd.DataFrame,
    rows: pd.DataFrame,
    about: dict,
    meta: dict,
    samples: pd.DataFrame,
    table: pd.DataFrame,
    path: Path,
) -> np.ndarray:
    """Durations in seconds."""
    if "duration" not in events:
        return np.zeros(len(events))
    lengths = numbers(events["duration"])
    if stated := _bids.seconds(about, "duration"):
        return lengths * stated
    clocks = pd.concat([rows["clock"], samples["clock"]])
    span = clocks.max() - clocks.min()
    total = pd.Series(lengths).groupby(rows["event"]).sum().max()
    if "timestamp" in table and total > span:
        return lengths * _stamp_seconds(table, meta, path)
    return lengths


def _placed(events: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Events at the mean place of their samples; a saccade at the first of them."""
    seen = samples[np.isfinite(samples[["clock", "x", "y"]]).all(axis=1)].sort_values("clock")
    clock = seen["clock"].to_numpy()
    start = np.searchsorted(clock, events["clock"].to_numpy() - 1e-9)
    stop = np.searchsorted(clock, (events["clock"] + events["duration"]).to_numpy() - 1e-9)
    stop = np.where(events["event"] == "saccade", np.minimum(stop, start + 1), stop)
    made = events.copy()
    for axis in ("x", "y"):
        total = np.concatenate([[0.0], np.cumsum(seen[axis].to_numpy())])
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (total[stop] - total[start]) / (stop - start)
        made[axis] = np.where(stop > start, mean, np.nan)
    return made


def _by_events(
    rows: pd.DataFrame,
    first: pd.Series,
    meta: dict,
    start_event: str,
    path: Path,
    dropped: Counter,
) -> pd.DataFrame:
    """Rows within the rows of events.tsv that fit, timed from their onset."""
    found = _bids.companion(path, "events", (".tsv",))
    if found is None:
        raise InputError(f"start_event for {path}: there is no events.tsv; use start_message")
    events, _ = _bids.read(found, None)
    pattern = compiled("start_event", start_event, path)
    joined = events.fillna("n/a").agg("\t".join, axis=1) if len(events) else pd.Series(dtype=str)
    fits = events[np.array([bool(pattern.search(text)) for text in joined], dtype=bool)]
    if fits.empty or "onset" not in fits:
        raise InputError(f"start_event: {start_event!r} for {path}: fits no row of {found}")
    begin = numbers(pd.Series([meta.get("StartTime", 0)]))[0]
    starts = numbers(fits["onset"]) + first.get(0, 0.0) - (begin if np.isfinite(begin) else 0.0)
    order = np.argsort(starts, kind="stable")[: np.isfinite(starts).sum()]
    if not len(order):
        raise InputError(f"start_event: {start_event!r} for {path}: no row of {found} has an onset")
    fits, starts = fits.iloc[order], starts[order]
    lengths = numbers(fits["duration"]) if "duration" in fits else np.full(len(fits), np.nan)
    trial = np.searchsorted(starts, rows["clock"], side="right") - 1
    inside = trial >= 0
    since = rows["clock"].to_numpy() - starts[trial]
    inside &= ~((lengths[trial] > 0) & (since >= lengths[trial]))
    rows = rows.assign(time=since)
    if len(fits) > 1:
        names = _texts(fits, "stim_file").where(_texts(fits, "stim_file") != "")
        rows["video"] = names.fillna(_texts(fits, "trial_type")).to_numpy()[trial]
    return keep(rows, inside, "outside_trial", dropped)


def _geometry(meta: dict, shown: dict, screen: list[int] | None) -> dict:
    """Screen, distance, rate and eye as the sidecars state them."""
    size = _bids.listed(shown, "ScreenSize", 2)
    distance = _bids.listed(shown, "ScreenDistance", 1)
    rate = _bids.listed(meta, "SamplingFrequency", 1)
    return {
        "screen": screen,
        "screen_cm": [whole(round(length * 100, 6)) for length in size] if size else None,
        "distance_cm": whole(distance[0] * (1 if distance[0] > 10 else 100)) if distance else None,
        "rate": whole(rate[0]) if rate else None,
        "eye": EYES.get(str(meta.get("RecordedEye", "")).lower()),
        "space": "screen",
    }


def looks_like(path: Path, head: bytes) -> bool:
    """Say whether a file is one, by its name."""
    return path.name.endswith(("_physio.tsv.gz", "_physio.tsv"))
