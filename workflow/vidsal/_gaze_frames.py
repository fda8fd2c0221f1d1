"""From the times of a gaze recording to the frames that were on show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from vidsal._gaze_geometry import Clip, Geometry
from vidsal.errors import InputError

MOST_ROWS = 50_000_000
FORGIVEN = 1e-3
MOST_FORGIVEN = 1e-4
"""Parts of a frame, and at most seconds, by which a rounded time may come too early."""


def to_frames(
    rows: pd.DataFrame, geometry: Geometry, clip: Clip, lag: float, path: Path
) -> pd.DataFrame:
    """Rows with ``frame`` (from 0), ``time`` and ``duration`` in seconds, one row for each frame.

    A sample belongs to the frame on show: the last one whose time is not after it where the video's
    frame times are known and no fps is given, else floor(time * fps). What lasts becomes one row
    for every frame that it reaches into.

    Raises:
        InputError: neither fps nor frame times are known and needed, or rows last far too long.
    """
    rows = rows.assign(**{name: np.nan for name in ("time", "duration") if name not in rows})
    by_frame = "frame" in rows
    fps = geometry.facts.get("fps")
    if fps is None and not (by_frame and not lag and not _lasting(rows)):
        what = "lag and durations" if by_frame else "column time"
        raise InputError(f"{what} in {path}: needs fps, the video's frames per second")
    if by_frame:
        return _spread(*_from_frames(rows, fps, lag), path)
    rows = rows.assign(time=rows["time"] + lag)
    start = rows["time"].to_numpy()
    end = start + rows["duration"].fillna(0.0).to_numpy()
    if clip.times is not None and len(clip.times) and geometry.sources.get("fps") != "config":
        return _on_clock(rows, start, end, clip, path)
    forgiven = min(FORGIVEN, MOST_FORGIVEN * fps)
    return _spread(rows, *_floor(start * fps, end * fps, forgiven), path)


def _lasting(rows: pd.DataFrame) -> bool:
    """Whether a row's length in frames follows from its seconds."""
    return "span" not in rows and bool((rows["duration"] > 0).any())


def _from_frames(
    rows: pd.DataFrame, fps: float | None, lag: float
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows that are dated by a frame number, their first and their last frame."""
    start = rows["frame"].to_numpy(dtype=np.float64)
    if lag:
        start, rows = start + lag * fps, rows.assign(time=rows["time"] + lag)
    if "span" in rows:
        length = rows["span"].fillna(0.0).to_numpy()
    else:
        length = rows["duration"].fillna(0.0).to_numpy() * (fps or 0.0)
    if "span" in rows and fps and rows["duration"].isna().all():
        rows = rows.assign(duration=(rows["span"] / fps).where(rows["event"] != "sample"))
    return rows, *_floor(start, start + length)


def _floor(
    start: np.ndarray, end: np.ndarray, forgiven: float = FORGIVEN
) -> tuple[np.ndarray, np.ndarray]:
    """First and last frame of what starts and ends at these times, counted in frames."""
    first = np.floor(start + forgiven).clip(-1e15, 1e15).astype(np.int64)
    last = np.ceil(end - forgiven).clip(-1e15, 1e15).astype(np.int64) - 1
    return first, np.maximum(last, first)


def _on_clock(
    rows: pd.DataFrame, start: np.ndarray, end: np.ndarray, clip: Clip, path: Path
) -> pd.DataFrame:
    """Rows on the frames of a clip whose times are known; what misses it lies one frame beside."""
    times, index = np.asarray(clip.times), np.asarray(clip.frame_index)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0 / (clip.fps or 25.0)
    forgiven = min(FORGIVEN * step, MOST_FORGIVEN)
    edges = np.append(times, times[-1] + step)
    first = np.searchsorted(edges, start + forgiven, side="right") - 1
    last = np.searchsorted(edges, end - forgiven, side="left") - 1
    # Only what reaches into the clip is spread over it.
    last = np.maximum(last, first)
    clear = (last < 0) | (first >= len(times))
    first = np.where(clear, first, np.maximum(first, 0))
    last = np.where(clear, first, np.minimum(last, len(times) - 1))
    made = _spread(rows, first, last, path)
    numbers = np.concatenate([index, [index[-1] + 1, index[0] - 1]])
    return made.assign(frame=numbers[made["frame"].clip(-1, len(times))])


def _spread(rows: pd.DataFrame, first: np.ndarray, last: np.ndarray, path: Path) -> pd.DataFrame:
    """One row for every frame from first to last."""
    lengths = last - first + 1
    if lengths.sum(dtype=np.float64) > MOST_ROWS:
        raise InputError(f"durations in {path}: far too long; check time_unit and fps")
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    longer = rows.assign(frame=first).loc[rows.index.repeat(lengths)].reset_index(drop=True)
    return longer.assign(frame=longer["frame"] + within)
