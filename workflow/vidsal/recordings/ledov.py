"""LEDOV's Data.mat: the fixations of all people on one video.

Layout: README.md, demo.m and metrics/TestLEDOV.m of
github.com/remega/LEDOV-eye-tracking-database: struct Data with fixdata (rows subject, start in ms,
duration in ms, x, y), VideoFrames, VideoFrameRate and VideoSize (width, height).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._matlab import load, numeric
from vidsal.recordings._rows import finish, keep, whole

MILLI = 1e-3
NAMES = ("subject", "time", "duration", "x", "y")


def ledov(path: str, *, leave_centre: bool = False) -> pd.DataFrame:
    """Read the fixations of a Data.mat.

    Places are pixels of the video. The authors' own programs use them as numbers of MATLAB's rows
    and columns, which count from 1, so 1 is taken off. ``time`` counts from the start of the video.

    Left out are rows without a number (``not_a_number``), outside of the video by the authors' rule
    (x or y not between 0 and the size, ``outside_video``), and with ``leave_centre`` what a person
    looked at before leaving the middle of the picture for the first time (``centre``).

    Args:
        path: the file.
        leave_centre: leave out the first fixations of each person, up to the first that lies more
            than a twentieth of the height away from the middle in both directions, as the authors
            do for their maps (before the video there was something in the middle to look at).

    Returns:
        columns subject, time, x, y, event (all fixations), duration.

    Raises:
        InputError: no such file, or no struct Data with these fields.
    """
    data = load(path).get("Data")
    data = data if isinstance(data, dict) else {}
    table = numeric(data.get("fixdata"))
    size = numeric(data.get("VideoSize"))
    if table is None or size is None or size.size < 2 or (table.size and table.shape[1] != 5):
        raise InputError(
            f"gaze recording {path}: no struct Data with fixdata of five columns and VideoSize; "
            "give the Data.mat of a video's folder"
        )
    width, height = size.ravel()[:2]
    rows = pd.DataFrame(table.reshape(-1, 5), columns=list(NAMES))
    dropped: Counter = Counter()
    rows = keep(rows, np.isfinite(rows).all(axis=1), "not_a_number", dropped)
    inside = rows["x"].between(0, width, "neither") & rows["y"].between(0, height, "neither")
    if leave_centre:
        left = _left(rows, inside, width, height)
        rows, inside = keep(rows, left, "centre", dropped), inside[left]
    rows = keep(rows, inside, "outside_video", dropped)
    rows = rows.assign(
        subject=rows["subject"].map(lambda number: f"{number:g}"),
        time=rows["time"] * MILLI,
        duration=rows["duration"] * MILLI,
        x=rows["x"] - 1,
        y=rows["y"] - 1,
        event="fixation",
    )
    return finish(rows, dropped, _geometry(data, width, height))


def _left(rows: pd.DataFrame, inside: pd.Series, width: float, height: float) -> np.ndarray:
    """Whether a row's person had left the middle of the picture."""
    # A person's recording begins where the time goes back.
    person = (rows["time"].diff() < 0).cumsum()
    away = inside.copy()
    for axis, side in (("x", width), ("y", height)):
        away &= (rows[axis] - side / 2).abs() > round(height / 20)
    return away.groupby(person).cummax().to_numpy()


def _geometry(data: dict, width: float, height: float) -> dict:
    rate = numeric(data.get("VideoFrameRate"))
    facts: dict = {"space": "video"}
    if rate is not None and rate.size == 1 and np.isfinite(rate).all() and rate.min() > 0:
        facts["fps"] = whole(rate.item())
    if np.isfinite([width, height]).all() and min(width, height) > 0:
        facts["video_size"] = [whole(width), whole(height)]
    return facts
