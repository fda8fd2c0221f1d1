"""Gaze recordings as tidy tables, fixation points on a grid, and fixation densities.

A tidy table has the columns ``subject`` (str), ``frame`` (int64, 0-based), ``x`` and ``y``
(float64, pixels of the video; x right, y down; whole numbers are pixel CENTRES, so a picture W
pixels wide reaches from -0.5 to W - 0.5).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal._gaze_files import load, select
from vidsal.errors import InputError

log = logging.getLogger(__name__)

COLUMNS = ("subject", "frame", "x", "y")
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
MOST_ROWS = 100_000_000
PATCHES = 300
"""Above this many fixated pixels in a frame, filtering the whole frame is faster than patches."""


def read(
    path: str | Path,
    *,
    columns: dict[str, str | int] | None = None,
    screen: Sequence[float] | None = None,
    video_size: Sequence[float] | None = None,
    rect: Sequence[float] | None = None,
    frame_base: int = 0,
    time_unit: str | None = None,
    fps: float | None = None,
    new_subject: str | None = None,
    num_frames: int | None = None,
) -> pd.DataFrame:
    """Read a gaze recording into a tidy table.

    CSV (``,`` or ``;``), TSV, text in columns, or parquet. A text file whose first line holds only
    numbers has no header: 3 columns are frame x y, 4 are subject frame x y, and ``columns`` may
    name columns by their number from 0. Without a subject column all rows are one observer "0".

    Rows that cannot be used are left out and counted in ``attrs["dropped"]`` by the reasons:
    ``malformed`` (too many fields), ``not_a_number`` (also a frame number that is not whole),
    ``outside_screen``, ``outside_video``, ``frame_outside`` (before the first or after the last
    frame), ``duplicate`` (same subject, frame and place: what slow trackers repeat counts once).
    A row with a duration (in ``time_unit`` beside a time, in frames beside a frame number) becomes
    one row for every frame that it reaches into.

    Args:
        path: the file.
        columns: our names (subject, frame or time, x, y, duration) to those of the file.
        screen: [width, height] in pixels of the screen that x, y refer to. The video filled it,
            stretched, unless ``rect`` says where it lay: x_video = (x + 0.5 - left) * W / width
            - 0.5. Default: x, y are pixels of the video.
        video_size: [width, height] of the video; needed with ``screen`` and ``rect``.
        rect: [x, y, width, height] of the video on the screen, in pixels, edges from 0.
        frame_base: number of the first frame in the file, 0 or 1.
        time_unit: s (default), ms or us, of a time column.
        fps: frames per second, turns times into frames: a sample belongs to the frame on show,
            floor(time * fps), where a thousandth of a frame is forgiven to rounded times.
        new_subject: "frame_decreases" starts a new observer wherever the frame number (or time)
            goes down, for recordings that were merely joined.
        num_frames: frames of the video; later rows are left out.

    Returns:
        columns subject, frame, x, y, in the order of the file; ``attrs["dropped"]`` holds the
        counts of the reasons that occurred.

    Raises:
        InputError: the file is not there or no table, a column is missing, or the arguments
            contradict each other.
    """
    path = Path(path)
    _check_geometry(path, screen, video_size, rect, frame_base, time_unit, new_subject)
    columns = dict(columns or {})
    raw, malformed = load(path, columns)
    dropped = Counter(malformed=malformed)
    if raw is None:
        return _finish(_empty(), dropped, path)
    rows = select(raw, columns, path)
    rows = _keep(rows, _usable(rows), "not_a_number", dropped)
    if new_subject:
        rows["subject"] = _recordings(rows)
    rows = _to_frames(rows, frame_base, SECONDS[time_unit or "s"], fps, path)
    rows = _to_video(rows, screen, video_size, rect, dropped)
    limit = np.inf if num_frames is None else num_frames
    rows = _keep(rows, rows["frame"].between(0, limit, inclusive="left"), "frame_outside", dropped)
    rows = _keep(rows, ~rows.duplicated(list(COLUMNS)), "duplicate", dropped)
    return _finish(rows, dropped, path)


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write a tidy table as .csv, .tsv or .parquet; reading it back gives the same values.

    Args:
        table: columns subject, frame, x, y; others are left out.
        path: the file to write.

    Raises:
        InputError: the ending is none of the three.
    """
    path, table = Path(path), table[list(COLUMNS)]
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix in (".csv", ".tsv"):
        separator = "," if path.suffix == ".csv" else "\t"
        table.to_csv(path, sep=separator, index=False, lineterminator="\n")
    else:
        raise InputError(f"ending {path.suffix!r} of {path}: unknown; use .csv, .tsv or .parquet")


def cut(table: pd.DataFrame, start: int, end: int | None = None) -> pd.DataFrame:
    """The rows of the frames start <= frame < end, with start becoming frame 0.

    Args:
        table: tidy table on the clock of the source.
        start: first frame.
        end: one past the last frame; None = to the end.
    """
    kept = table["frame"] >= start
    if end is not None:
        kept &= table["frame"] < end
    return table[kept].assign(frame=table["frame"] - start).reset_index(drop=True)


def on_grid(
    table: pd.DataFrame, matrix: np.ndarray, shape: tuple[int, int], num_frames: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Fixations as pixels of a grid.

    Args:
        table: tidy table in pixels of the source.
        matrix: float64 (3,3), source pixels -> grid pixels.
        shape: (H, W) of the grid.
        num_frames: T; rows of other frames are left out.

    Returns:
        int32 (n,3), rows (frame, row, col), in the order of the table; and how many rows were
        ``kept``, fell ``outside`` the grid, or had their ``frame_outside`` 0..T-1.
    """
    places = np.stack([table["x"], table["y"], np.ones(len(table))]).astype(np.float64)
    col, row = np.floor((np.asarray(matrix) @ places)[:2] + 0.5)
    frame = table["frame"].to_numpy()
    timely = (frame >= 0) & (frame < num_frames)
    inside = (row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1])
    kept = timely & inside
    points = np.column_stack([frame[kept], row[kept], col[kept]]).astype(np.int32)
    counts = {
        "kept": int(kept.sum()),
        "outside": int((timely & ~inside).sum()),
        "frame_outside": int((~timely).sum()),
    }
    return points, counts


def density(
    points: np.ndarray, shape: tuple[int, int], num_frames: int, sigma: float
) -> np.ndarray:
    """Fixation density: the count map of each frame under a Gaussian, divided by its sum.

    Mirrored at the edges (the edge pixel is repeated) and cut off at 4 sigma, as
    scipy.ndimage.gaussian_filter does.

    Args:
        points: int32 (n,3), rows (frame, row, col); duplicates count.
        shape: (H, W).
        num_frames: T.
        sigma: standard deviation in pixels of the grid, positive.

    Returns:
        float32 (T,H,W), sum 1 per frame; all-zero where nobody looked.
    """
    made = np.zeros((num_frames, *shape), dtype=np.float32)
    if not len(points):
        return made
    pixels, weights = np.unique(points, axis=0, return_counts=True)
    frames, starts = np.unique(pixels[:, 0], return_index=True)
    per_frame = (np.split(array, starts[1:]) for array in (pixels[:, 1:], weights))
    for frame, places, counts in zip(frames, *per_frame, strict=True):
        smooth = _smooth(places, counts, shape, float(sigma))
        made[frame] = smooth / smooth.sum()
    return made


def split_halves(
    table: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of one random half of the observers, and those of the other half.

    Args:
        table: tidy table.
        rng: draws the halves; with an odd number of observers the second half has one more.
    """
    subjects = rng.permutation(np.sort(table["subject"].unique()))
    first = table["subject"].isin(subjects[: len(subjects) // 2])
    return table[first].reset_index(drop=True), table[~first].reset_index(drop=True)


def _check_geometry(
    path: Path,
    screen: Sequence[float] | None,
    video_size: Sequence[float] | None,
    rect: Sequence[float] | None,
    frame_base: int,
    time_unit: str | None,
    new_subject: str | None,
) -> None:
    """Refuse arguments of ``read`` that cannot be meant."""
    sizes = {"screen": (screen, 2), "video_size": (video_size, 2), "rect": (rect, 4)}
    for name, (value, length) in sizes.items():
        if value is not None and (len(value) != length or min(value[-2:]) <= 0):
            raise InputError(f"{name}: {value} for {path}: needs {length} numbers, sizes positive")
    if (screen or rect) and not video_size:
        raise InputError(f"screen or rect for {path}: needs video_size: [width, height] too")
    for name, value, known in (
        ("frame_base", frame_base, (0, 1)),
        ("time_unit", time_unit, (None, *SECONDS)),
        ("new_subject", new_subject, (None, "frame_decreases")),
    ):
        if value not in known:
            choices = ", ".join(str(each) for each in known if each is not None)
            raise InputError(f"{name}: {value!r} for {path}: unknown; choose from {choices}")


def _usable(rows: pd.DataFrame) -> pd.Series:
    """Which rows hold finite numbers, a whole frame number, and no negative duration."""
    numbers = rows.drop(columns="subject")
    good = np.isfinite(numbers).all(axis=1)
    if "frame" in rows:
        good &= rows["frame"] == np.floor(rows["frame"])
    if "duration" in rows:
        good &= rows["duration"] >= 0
    return good


def _keep(rows: pd.DataFrame, good: pd.Series, reason: str, dropped: Counter) -> pd.DataFrame:
    """The good rows; the others are counted."""
    dropped[reason] += int((~good).sum())
    return rows[good].copy()


def _recordings(rows: pd.DataFrame) -> pd.Series:
    """A number for each of the recordings that were joined into one file."""
    clock = rows["frame"] if "frame" in rows else rows["time"]
    starts = (clock.diff() < 0) | (rows["subject"] != rows["subject"].shift())
    return (starts.cumsum() - 1).astype(str)


def _to_frames(
    rows: pd.DataFrame, frame_base: int, seconds: float, fps: float | None, path: Path
) -> pd.DataFrame:
    """Rows with a 0-based frame number; durations become one row for every frame."""
    per_unit = 1.0
    if "frame" in rows:
        start = rows["frame"] - frame_base
    elif not fps or fps <= 0:
        raise InputError(f"column time in {path}: needs fps, the video's frames per second")
    else:
        per_unit = seconds * fps
        start = rows["time"] * per_unit
    first = np.floor(start + 1e-3).clip(-1e15, 1e15).astype(np.int64)
    if "duration" not in rows:
        return rows.assign(frame=first)
    last = np.ceil(start + rows["duration"] * per_unit - 1e-3).clip(-1e15, 1e15) - 1
    lengths = np.maximum(last.astype(np.int64) - first + 1, 1).to_numpy()
    if lengths.sum(dtype=np.float64) > MOST_ROWS:
        raise InputError(f"durations in {path}: far too long; check time_unit and fps")
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    longer = rows.assign(frame=first).loc[rows.index.repeat(lengths)].reset_index(drop=True)
    return longer.assign(frame=longer["frame"] + within)


def _to_video(
    rows: pd.DataFrame,
    screen: Sequence[float] | None,
    video_size: Sequence[float] | None,
    rect: Sequence[float] | None,
    dropped: Counter,
) -> pd.DataFrame:
    """Rows in pixels of the video; rows off the screen or beside the video are left out."""
    if screen:
        rows = _keep(rows, _within(rows, screen), "outside_screen", dropped)
    area = rect or ([0, 0, *screen] if screen else None)
    if area:
        left, top, width, height = area
        x = (rows["x"] + 0.5 - left) * (video_size[0] / width) - 0.5
        y = (rows["y"] + 0.5 - top) * (video_size[1] / height) - 0.5
        rows = rows.assign(x=x, y=y)
    if video_size:
        rows = _keep(rows, _within(rows, video_size), "outside_video", dropped)
    return rows


def _within(rows: pd.DataFrame, size: Sequence[float]) -> pd.Series:
    """Which rows lie inside a picture of this [width, height]."""
    x = rows["x"].between(-0.5, size[0] - 0.5, inclusive="left")
    return x & rows["y"].between(-0.5, size[1] - 0.5, inclusive="left")


def _empty() -> pd.DataFrame:
    """A tidy table without rows."""
    return pd.DataFrame({"subject": "", "frame": 0, "x": 0.0, "y": 0.0}, index=[0])[:0]


def _finish(rows: pd.DataFrame, dropped: Counter, path: Path) -> pd.DataFrame:
    """The tidy table with its account of what was left out."""
    types = {"subject": str, "frame": np.int64, "x": np.float64, "y": np.float64}
    table = rows[list(COLUMNS)].astype(types).reset_index(drop=True)
    table.attrs["dropped"] = {reason: count for reason, count in dropped.items() if count}
    if table.attrs["dropped"]:
        log.info("%s: %d rows used, left out: %s", path, len(table), table.attrs["dropped"])
    return table


def _smooth(
    pixels: np.ndarray, weights: np.ndarray, shape: tuple[int, int], sigma: float
) -> np.ndarray:
    """Weighted pixels (n,2) under a Gaussian, float64 (H,W), not yet divided by the sum."""
    made = np.zeros(shape)
    if len(pixels) > PATCHES:
        from scipy.ndimage import gaussian_filter

        made[tuple(pixels.T)] = weights
        return gaussian_filter(made, sigma, mode="reflect", truncate=4.0)
    down, across = (_responses(size, sigma) for size in shape)
    for (row, col), weight in zip(pixels, weights, strict=True):
        rows, row_profile = down[row]
        cols, col_profile = across[col]
        made[rows, cols] += (weight * row_profile)[:, None] * col_profile
    return made


@lru_cache(maxsize=8)
def _responses(size: int, sigma: float) -> list[tuple[slice, np.ndarray]]:
    """For each pixel of a line: where its Gaussian reaches, and the Gaussian, mirrored there."""
    from scipy.ndimage import gaussian_filter1d

    lines = gaussian_filter1d(np.eye(size), sigma, mode="reflect", truncate=4.0)
    reach = int(4.0 * sigma + 0.5)
    windows = [slice(max(0, at - reach), at + reach + 1) for at in range(size)]
    return [(window, line[window].copy()) for window, line in zip(windows, lines, strict=True)]
