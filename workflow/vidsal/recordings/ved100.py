"""VED100 recordings: lines `frame x y`, one person's recording joined to the next (.txt).

Layout: data_process/data_extract/ExtractData.m (writes one person's lines; frames count from 1) and
Combine.m (joins them) of
github.com/spzhubuaa/VED100-A-Video-Based-Eye-Tracking-Dataset-on-Visual-Saliency-Detection.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from vidsal.recordings._lines import columns
from vidsal.recordings._rows import finish, keep
from vidsal.recordings._source import numbers, read_bytes

NAMES = ("frame", "x", "y")


def ved100(path: str) -> pd.DataFrame:
    """Read the gaze of all people on one video.

    Frames count from 1 in the file. Places are the tracker's pixels of the screen; the file does
    not say how large that was (3840x2160 in VED100). A new person starts wherever the frame number
    goes down; people are numbered from 0, and a recording that ends before the next one's first
    frame cannot be told from it.

    Left out are lines that do not hold three words (``malformed``), words that are no numbers, or
    no whole ones for a frame (``not_a_number``), and frames below 1 (``before_start``).

    Args:
        path: the file.

    Returns:
        columns subject, frame, x, y, event (all samples).

    Raises:
        InputError: no such file, or none of its lines holds three words.
    """
    dropped: Counter = Counter()
    table = columns(read_bytes(path), NAMES, dropped, path)
    rows = pd.DataFrame({name: numbers(table[name]) for name in NAMES})
    frame = rows["frame"].where(rows["frame"] % 1 == 0)
    # The last frame number that can be read, where one cannot.
    rows["subject"] = (frame.ffill().diff() < 0).cumsum().astype(str)
    rows = keep(
        rows, np.isfinite(rows[["x", "y"]]).all(axis=1) & frame.notna(), "not_a_number", dropped
    )
    rows = keep(rows, rows["frame"] >= 1, "before_start", dropped)
    rows = rows.assign(frame=rows["frame"] - 1, event="sample")
    return finish(rows, dropped, {"space": "screen"})
