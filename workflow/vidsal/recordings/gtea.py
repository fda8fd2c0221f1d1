"""Gaze of EGTEA Gaze+ (gaze_data/*.txt): BeGaze's export for glasses, dated by video frames.

Layout: static_salgan/GTEA_scripts/gaze_io_sample.py (the set's own reader) in
github.com/imatge-upc/saliency-2018-videosalgan.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._rows import finish, keep
from vidsal.recordings._source import decode, numbers, read_bytes

FPS = 24  # of the time codes, hours:minutes:seconds:frame
PLACES = {7: (3, 4), 26: (5, 6)}
"""Words in a line of the older and of the newer export -> which of them are x and y, from 0."""
NO_SAMPLES = ("##", "Time")
KINDS = {"fixation": "fixation", "saccade": "saccade", "blink": "blink"}


def gtea(path: str) -> pd.DataFrame:
    """Read the gaze in one session: lines of 7 words, or of 26 with a time code.

    The last word of a line is the tracker's event, the one before it the video frame, which the
    set's own reader counts from 0: a number, or a time code at 24 frames per second. Places are
    pixels of the video, from 0 (the file does not say how large it is: 1280x960). Every line is a
    sample, and once more a fixation or a saccade where the tracker calls it so.

    Left out are lines of another form (``malformed``), without a number (``not_a_number``), within
    a blink (``blink``), and at exactly (0, 0), where the eye was lost (``lost``).

    Args:
        path: the file.

    Returns:
        columns frame, x, y, event.

    Raises:
        InputError: no such file, or none of its lines is of this form.
    """
    dropped: Counter = Counter()
    rows = pd.DataFrame(_lines(path, dropped), columns=["frame", "x", "y", "kind"])
    if not len(rows):
        raise InputError(
            f"gaze recording {path}: no line of 7 or 26 words, as BeGaze writes for EGTEA Gaze+; "
            "check the format"
        )
    rows = rows.assign(**{name: numbers(rows[name]) for name in ("frame", "x", "y")})
    good = np.isfinite(rows[["frame", "x", "y"]]).all(axis=1) & (rows["frame"] % 1 == 0)
    rows = keep(rows, good & rows["frame"].between(0, 1e15), "not_a_number", dropped)
    kind = rows["kind"].str.lower().map(KINDS).fillna("sample")
    rows = keep(rows.assign(event=kind), kind != "blink", "blink", dropped)
    rows = keep(rows, (rows["x"] != 0) | (rows["y"] != 0), "lost", dropped)
    named = rows[rows["event"] != "sample"]
    made = pd.concat([rows.assign(event="sample"), named], ignore_index=True)
    return finish(made, dropped, {"space": "video"})


def _lines(path: str, dropped: Counter) -> list[tuple[str, str, str, str]]:
    """Frame, x, y and event of each line, as text."""
    found = []
    for line in decode(read_bytes(path)).splitlines():
        words = line.split()
        if len(words) in PLACES and words[0] not in NO_SAMPLES and words[1] != "MSG":
            x, y = PLACES[len(words)]
            found.append((_frame(words[-2]), words[x], words[y], words[-1]))
        elif words and words[0] not in NO_SAMPLES and "MSG" not in words[1:2]:
            dropped["malformed"] += 1
    return found


def _frame(word: str) -> str:
    """The number of a frame, from a number or a time code; as text, '' for neither."""
    parts = word.split(":")
    if len(parts) != 4:
        return word
    if not all(part.isdecimal() and len(part) < 10 for part in parts):
        return ""
    hours, minutes, seconds, frame = map(int, parts)
    return str((3600 * hours + 60 * minutes + seconds) * FPS + frame)
