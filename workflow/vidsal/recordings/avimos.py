"""AViMoS and NTIRE 2026 gaze (fixations.json): a list of frames, each a list of [row, column].

Layout: README.md and bench.py of github.com/msu-video-group/ECCVW24_Saliency_Prediction and
github.com/msu-video-group/NTIRE26_Saliency_Prediction (saliency[points[:, 0], points[:, 1]]).
"""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._rows import finish, keep
from vidsal.recordings._source import HUGE, decode, read_bytes

ONE_OBSERVER = "0"


def avimos(path: str) -> pd.DataFrame:
    """Read the gaze of all people on one video.

    Frames and pixels of the video count from 0. Nobody says which person a point is of: all are
    observer "0". Points that are not two finite numbers are left out (``not_a_number``).

    Args:
        path: the file.

    Returns:
        columns subject, frame, x, y, event (all fixations).

    Raises:
        InputError: no such file, or no list of lists.
    """
    try:
        frames = json.loads(decode(read_bytes(path)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"gaze recording {path}: no JSON ({error}); fetch it again") from error
    if not isinstance(frames, list) or not all(isinstance(points, list) for points in frames):
        raise InputError(
            f"gaze recording {path}: not a list of frames with a list of points [row, column] each"
        )
    numbers = np.repeat(np.arange(len(frames)), [len(points) for points in frames])
    places = [_place(point) for points in frames for point in points]
    rows = pd.DataFrame(places, columns=["y", "x"], dtype=np.float64).assign(frame=numbers)
    dropped: Counter = Counter()
    rows = keep(rows, np.isfinite(rows).all(axis=1), "not_a_number", dropped)
    rows = rows.assign(subject=ONE_OBSERVER, event="fixation")
    return finish(rows, dropped, {"space": "video"})


def _place(point: object) -> tuple[float, float]:
    """(row, column) of a point, NaN where it is none."""
    if isinstance(point, list) and len(point) == 2:
        numbers = [value for value in point if type(value) in (int, float) and abs(value) < HUGE]
        if len(numbers) == 2:
            return float(numbers[0]), float(numbers[1])
    return np.nan, np.nan
