"""SR Research EyeLink .asc files (edf2asc): samples, fixations, saccades, messages, trials.

Layout: EyeLink 1000 user manual, section 4.9 "The ASC File Format"; messages with an offset:
sr-research.com, "How can I take advantage of the timing offset in sending messages?".
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings import _asc
from vidsal.recordings._rows import extent, finish, keep, zero
from vidsal.recordings._source import choose

log = logging.getLogger(__name__)
SHOWN = 5
CODES = {"left": "L", "right": "R", "both": "LR"}


def eyelink(
    path: str,
    *,
    eye: Literal["both", "left", "right"] = "both",
    start_message: str | None = None,
    video_message: str | None = None,
    trial_message: str = r"^TRIALID\b",
) -> pd.DataFrame:
    """Read an EyeLink ASC file.

    Places are pixels of the screen, from 0 at its left and top (the corner that GAZE_COORDS or
    DISPLAY_COORDS states is taken off). A saccade stands where it starts. The screen is
    right - left + 1 pixels wide, since the corners name pixels; where that is odd they were set to
    its edges, and it is right - left. Pixels per degree are the mean of what the END lines say.

    ``time`` counts from the start message of its trial, else from the trial's first row. Samples
    without a place are left out: as ``blink`` within a blink, as ``not_a_number`` elsewhere. Rows
    before the first trial are ``outside_trial``, rows of trials without a start message
    ``no_start``, without a video's name ``no_video``; positions that are not on the screen (HREF,
    PUPIL) ``not_gaze``.

    Args:
        path: the file; may be gzipped.
        eye: left, right, or both (samples: mean of the eyes that were seen; events: those of the
            left eye where a trial has both). A file with one eye is read with both, too.
        start_message: regular expression of the message at the video's first frame, per trial.
        video_message: regular expression whose first group is the video's name, looked for in the
            messages of a trial: ``TRIALID (\\S+)``, ``!V TRIAL_VAR video (\\S+)``.
        trial_message: regular expression of the message at which a trial begins; files without
            such messages have one trial per START. The video of a file with several trials is
            named after what follows in this message, unless ``video_message`` is given.

    Returns:
        columns time, x, y, event, duration, and video where there are several trials.

    Raises:
        InputError: no ASC file, the eye was not recorded, or an option fits nothing.
    """
    choose("eye", eye, tuple(CODES), path)
    asc = _asc.load(path)
    recorded = {letter for layout in asc.layouts for letter in layout.eyes}
    recorded = recorded or set(asc.events["eye"])
    eyes = [letter for letter in CODES[eye] if letter in recorded]
    if recorded and not eyes:
        raise InputError(f"eye: {eye!r} for {path}: was not recorded; use the other eye or both")
    begins, names = _asc.trials(asc, trial_message, path)
    rows = pd.concat([_samples(asc, eyes), _events(asc, eyes, begins)], ignore_index=True)
    rows["trial"] = np.searchsorted(begins, rows["line"], side="right") - 1
    rows = keep(rows, rows["trial"] >= 0, "outside_trial", asc.dropped)
    rows = _videos(rows, asc, begins, names, video_message, path)
    messages = asc.messages.assign(
        trial=np.searchsorted(begins, asc.messages["line"], side="right") - 1
    )
    messages = messages[messages["trial"] >= 0]
    if start_message is None and len(messages):
        log.warning(
            "gaze recording %s: no start_message is given, so time 0 is each trial's first row and "
            "not the video's first frame; it may be one of these messages: %s",
            path,
            "; ".join(map(repr, messages["text"].drop_duplicates()[:SHOWN])),
        )
    rows = zero(rows, _first(asc, begins), messages, start_message, path, asc.dropped)
    rows, screen = _on_screen(rows, asc)
    seen = [name for name, code in CODES.items() if code == "".join(eyes)]
    geometry = {
        "screen": screen,
        "pixels_per_degree": asc.pixels_per_degree,
        "rate": asc.rate,
        "eye": seen[0] if seen else None,
        "space": "screen",
    }
    return finish(rows, asc.dropped, geometry)


def _samples(asc: _asc.Asc, eyes: list[str]) -> pd.DataFrame:
    """Samples of the eyes, without those that a blink hides."""
    rows = asc.samples[["line", "clock"]].assign(event="sample", duration=0.0)
    for axis in ("x", "y"):
        values = asc.samples[[f"{axis}{letter}" for letter in eyes]].to_numpy(np.float64)
        seen = np.isfinite(values)
        total = np.where(seen, values, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            rows[axis] = total / seen.sum(axis=1)
    missing = ~np.isfinite(rows["x"] + rows["y"]).to_numpy()
    return keep(rows, ~(missing & _blinking(asc, eyes)), "blink", asc.dropped)


def _blinking(asc: _asc.Asc, eyes: list[str]) -> np.ndarray:
    """Which samples fall into a blink of one of the eyes (a blink ends with its last sample)."""
    clock = asc.samples["clock"].to_numpy()
    hidden = np.zeros(len(clock), dtype=bool)
    blinks = asc.events[asc.events["event"] == "blink"]
    for letter in eyes:
        own = blinks[blinks["eye"] == letter].sort_values("clock")
        if len(own):
            latest = np.maximum.accumulate((own["clock"] + own["duration"]).to_numpy())
            last = np.searchsorted(own["clock"].to_numpy(), clock, side="right") - 1
            hidden |= (last >= 0) & (clock < latest[last])
    return hidden


def _events(asc: _asc.Asc, eyes: list[str], begins: np.ndarray) -> pd.DataFrame:
    """Fixations and saccades of the eyes; of one eye only within a trial."""
    events = asc.events[(asc.events["event"] != "blink") & asc.events["eye"].isin(eyes)]
    if len(eyes) > 1:
        trial = pd.Series(np.searchsorted(begins, events["line"], side="right"), events.index)
        with_left = trial[events["eye"] == "L"].unique()
        events = events[(events["eye"] == "L") | ~trial.isin(with_left)]
    return events.drop(columns="eye")


def _first(asc: _asc.Asc, begins: np.ndarray) -> pd.Series:
    """Trial -> clock of its first sample; of its first event in a trial without samples."""
    made = []
    for rows in (asc.samples, asc.events):
        trial = np.searchsorted(begins, rows["line"], side="right") - 1
        made.append(rows.groupby(trial)["clock"].min())
    return made[0].combine_first(made[1])


def _videos(
    rows: pd.DataFrame,
    asc: _asc.Asc,
    begins: np.ndarray,
    names: list[str],
    video_message: str | None,
    path: str | Path,
) -> pd.DataFrame:
    """Rows with the name of their trial's video, where there is a need for one."""
    if video_message is not None:
        videos = _asc.named_videos(asc, begins, video_message, path)
        rows = keep(rows, rows["trial"].isin(list(videos)), "no_video", asc.dropped)
        return rows.assign(video=rows["trial"].map(videos).astype(str))
    if rows["trial"].nunique() > 1:
        return rows.assign(video=np.array(names)[rows["trial"]])
    return rows


def _on_screen(rows: pd.DataFrame, asc: _asc.Asc) -> tuple[pd.DataFrame, list[int] | None]:
    """Rows in pixels from the screen's corner, and the screen's size."""
    if asc.corners is None:
        return rows, None
    left, top, right, bottom = asc.corners
    size = [extent(right - left), extent(bottom - top)]
    return rows.assign(x=rows["x"] - left, y=rows["y"] - top), size


def looks_like(path: Path, head: bytes) -> bool:
    """Say whether a file is one, by its preamble or its lines of messages and samples."""
    lines = (b"** CONVERTED FROM", b"** DATE:", b"MSG\t", b"START\t", b"INPUT\t")
    return path.suffix.lower() == ".asc" and head.startswith(lines)
