"""Actions in the Eye: raw gaze on Hollywood-2 and UCF Sports (Mathe and Sminchisescu 2015).

Layout of gaze_hollywood2.zip and gaze_ucfsa.zip: `samples/001_actioncliptest00001.avi.txt`, lines
`time word word x y event` without a header; beside the folder samples `geometry.txt`, a line of
five numbers of which the last two are the screen in pixels, and `resolution.txt`, lines `video
width height number`. The archives come after registration only; this is what the public reader
functions/ActionsInTheEye.m of github.com/CigdemK/thesis takes from them: microseconds since the
start of the video, places on a screen whose width the video filled, event B for blinks. The second
and third word (the pupil, it seems) and the other numbers are read by nobody and not read here.

Setup: vision.imar.ro/eyetracking/description.php (SMI iView X HiSpeed 1250, 500 Hz, 1280x1024 px,
47.5 x 29.5 cm, 60 cm). The samples with hand-made labels of eye movements are read by `gazecom`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._lines import columns, labelled, named
from vidsal.recordings._rows import finish, keep, whole
from vidsal.recordings._source import numbers, read_bytes

MICRO = 1e-6
NAMES = ("time", "second", "third", "x", "y", "event")
SUBJECT = r"(\d{3})_.+\.txt(?:\.gz)?$"
VIDEO = r"\d{3}_(.+)\.txt(?:\.gz)?$"
KINDS = {"B": "blink", "F": "fixation", "S": "saccade"}
PURSUIT_STEP = 1.0  # the files know no pursuit


def actions_in_the_eye(path: str) -> pd.DataFrame:
    """Read one person's samples of one video.

    Places are pixels of the screen, from 0. ``time`` counts from the start of the video. Where
    geometry.txt and resolution.txt lie in the folder above the samples, as in the archive, they say
    how large screen and video were; the video filled the screen's width, in the middle of its
    height.

    The event's first letter counts: B is a blink. F and S are taken for the fixations and saccades
    of SMI's own detection, whose names begin so; runs of them become one row each, beside the
    samples (a fixation at the mean of its samples, a saccade at its first one). Other letters make
    no event.

    Left out are samples within a blink (``blink``), without a number (``not_a_number``), and lines
    that do not hold six words (``malformed``).

    Args:
        path: the file.

    Returns:
        columns time, x, y, event, duration; subject where the file is named as in the archive.

    Raises:
        InputError: no such file, no line of six words, or a geometry.txt or resolution.txt of
            another form.
    """
    dropped: Counter = Counter()
    table = columns(read_bytes(path), NAMES, dropped, path)
    rows = pd.DataFrame({name: numbers(table[name]) for name in ("x", "y")})
    rows["clock"] = numbers(table["time"]) * MICRO
    rows["label"] = table["event"].str[0].map(KINDS).fillna("")
    rows = keep(rows, np.isfinite(rows["clock"]), "not_a_number", dropped)
    rows = rows.sort_values("clock", kind="stable")
    events = labelled(rows, PURSUIT_STEP)
    rows = keep(rows, rows["label"] != "blink", "blink", dropped).assign(event="sample")
    rows = pd.concat([rows.assign(duration=0.0), events], ignore_index=True)
    rows = rows.assign(time=rows["clock"])
    if subject := named(path, SUBJECT):
        rows["subject"] = subject
    return finish(rows, dropped, _geometry(Path(path)))


def _geometry(path: Path) -> dict:
    """Screen, video and where it lay, from the files in the folder above."""
    above = path.absolute().parent.parent
    screen = _screen(above / "geometry.txt")
    size = _size(above / "resolution.txt", named(path, VIDEO))
    facts: dict = {"space": "screen", "screen": screen, "video_size": size}
    if screen and size:
        height = screen[0] * size[1] / size[0]
        if height <= screen[1]:
            facts["rect"] = [0, whole((screen[1] - height) / 2), screen[0], whole(height)]
    return facts


def _screen(path: Path) -> list[int] | None:
    """[width, height] of the screen, None without the file."""
    if not path.is_file():
        return None
    values = numbers(pd.Series(read_bytes(path).decode("latin-1").split()[:6], dtype=str))
    if len(values) != 5 or not _sizes(values[3:]):
        raise InputError(
            f"{path}: not five numbers with the screen's width and height as the last two; take "
            "the file out of the archive again, or give screen and rect and remove it"
        )
    return [int(value) for value in values[3:]]


def _size(path: Path, video: str | None) -> list[int] | None:
    """[width, height] of a video, None without the file or its line."""
    if not path.is_file() or video is None:
        return None
    table = columns(read_bytes(path), ("name", "width", "height", "fourth"), Counter(), path)
    line = table[table["name"] == video][["width", "height"]]
    if line.empty:
        return None
    values = numbers(line.iloc[0])
    if not _sizes(values):
        raise InputError(f"{path}: {video}: {line.iloc[0].tolist()} are no width and height")
    return [int(value) for value in values]


def _sizes(values: np.ndarray) -> bool:
    """Whether numbers can be the sides of a picture."""
    return bool((np.isfinite(values) & (values >= 1) & (values % 1 == 0)).all())
