"""Fixations found in gaze samples: by velocity (I-VT) and by dispersion (I-DT).

D. D. Salvucci, J. H. Goldberg, Identifying fixations and saccades in eye-tracking protocols, ETRA
2000. Merging close fixations and dropping short ones: A. Olsen, The Tobii I-VT fixation filter,
2012, whose values are the defaults of ``ivt``. Places, distances and velocities are in one unit of
the caller's choice; the defaults are degrees of visual angle.

Both take samples of one recording in the order of time. A sample without a place (NaN: a blink)
ends a fixation, and so does a hole of more than one missing sample (steps of more than 2.5 times
the median step). A fixation lasts from its first sample to one median step after its last one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

COLUMNS = ("time", "duration", "x", "y", "samples")
HOLE = 2.5
LENGTHS = {"ivt": ("velocity", "merge_distance"), "idt": ("dispersion",)}
"""Options of each that are lengths (or per second of them), so that their unit must be known."""


def ivt(
    time: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    velocity: float = 30.0,
    merge_time: float = 0.075,
    merge_distance: float = 0.5,
    min_duration: float = 0.06,
) -> pd.DataFrame:
    """Fixations by velocity: the longest runs of samples with only slow steps between them.

    Args:
        time: float (n,), seconds, not decreasing.
        x: float (n,), places; NaN = not seen.
        y: float (n,), places.
        velocity: a step slower than this many units per second is part of a fixation.
        merge_time: neighbours at most this many seconds apart, and ...
        merge_distance: ... with centres at most this many units apart, become one; 0 s = never.
        min_duration: shorter ones, in seconds, are dropped after merging.

    Returns:
        columns time (start), duration, x, y (mean of the samples), samples; in the order of time.
    """
    time, x, y, step = _samples(time, x, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Two samples at one time and one place (0 / 0) stand still.
        speed = np.nan_to_num(np.hypot(np.diff(x), np.diff(y)) / np.diff(time), nan=0.0)
    joined = _neighbours(time, x, y, step) & (speed < velocity)
    starts = np.flatnonzero(np.concatenate([[True], ~joined])[: len(time)])
    ends = np.append(starts[1:], len(time))[: len(starts)]
    seen = np.isfinite(x[starts] + y[starts])
    found = _measured(time, x, y, step, starts[seen], ends[seen])
    return _kept(_merged(found, merge_time, merge_distance), min_duration)


def idt(
    time: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    dispersion: float = 1.0,
    min_duration: float = 0.1,
    merge_time: float = 0.0,
    merge_distance: float = 0.5,
) -> pd.DataFrame:
    """Fixations by dispersion: windows that stay within (max x - min x) + (max y - min y).

    From each sample on, a window of ``min_duration`` is tried; where its samples are close together
    it grows as long as they are, and the search goes on behind it; else it starts one sample later.

    Args:
        time: float (n,), seconds, not decreasing.
        x: float (n,), places; NaN = not seen.
        y: float (n,), places.
        dispersion: largest extent of a fixation, in units.
        min_duration: shortest fixation, in seconds.
        merge_time: neighbours at most this many seconds apart, and ...
        merge_distance: ... with centres at most this many units apart, become one; 0 s = never.

    Returns:
        columns time (start), duration, x, y (mean of the samples), samples; in the order of time.
    """
    time, x, y, step = _samples(time, x, y)
    stretch = np.concatenate([[0], np.cumsum(~_neighbours(time, x, y, step))])[: len(time)]
    behind = np.searchsorted(stretch, stretch, side="right")
    # The shortest window that lasts long enough; rounding of times shall not ask for one more.
    first_end = np.searchsorted(time, time + min_duration - step - 1e-9 * (1 + step), side="left")
    first_end = np.maximum(first_end, np.arange(len(time))) + 1
    fits = (first_end <= behind) & np.isfinite(x + y)
    fits[fits] = _extent(x, y, np.flatnonzero(fits), first_end[fits]) <= dispersion
    starts, ends, possible, at = [], [], np.flatnonzero(fits), 0
    while (found := np.searchsorted(possible, at)) < len(possible):
        start = int(possible[found])
        at = _grown(x, y, start, int(first_end[start]), int(behind[start]), dispersion)
        starts.append(start)
        ends.append(at)
    found = _measured(time, x, y, step, np.array(starts, int), np.array(ends, int))
    return _merged(found, merge_time, merge_distance)


METHODS: dict[str, Callable[..., pd.DataFrame]] = {"ivt": ivt, "idt": idt}


def _samples(
    time: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The samples as float64, and the median step between them in seconds."""
    time, x, y = (np.asarray(values, dtype=np.float64) for values in (time, x, y))
    steps = np.diff(time)
    if (steps < 0).any():
        raise ValueError("samples must be in the order of time")
    steps = steps[steps > 0]
    return time, x, y, float(np.median(steps)) if len(steps) else 0.0


def _neighbours(time: np.ndarray, x: np.ndarray, y: np.ndarray, step: float) -> np.ndarray:
    """Between which samples (n-1,) nothing is missing."""
    seen = np.isfinite(x + y)
    return seen[1:] & seen[:-1] & (np.diff(time) <= HOLE * step)


def _measured(
    time: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    step: float,
    starts: np.ndarray,
    ends: np.ndarray,
) -> pd.DataFrame:
    """Start, duration, mean place and number of samples of the runs [starts, ends)."""
    counts = ends - starts
    number = np.repeat(np.arange(len(starts)), counts)
    members = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    places = [np.bincount(number, axis[members], len(starts)) for axis in (x, y)]
    return pd.DataFrame(
        {
            "time": time[starts],
            "duration": time[ends - 1] - time[starts] + step,
            "x": places[0] / counts,
            "y": places[1] / counts,
            "samples": counts.astype(np.int64),
        }
    )


def _merged(found: pd.DataFrame, merge_time: float, merge_distance: float) -> pd.DataFrame:
    """Neighbours that are close in time and place as one fixation."""
    if merge_time <= 0 or len(found) < 2:
        return found
    end = (found["time"] + found["duration"]).to_numpy()
    wait = found["time"].to_numpy()[1:] - end[:-1]
    apart = np.hypot(np.diff(found["x"]), np.diff(found["y"]))
    close = (wait <= merge_time + 1e-9) & (apart <= merge_distance)
    groups = np.concatenate([[0], np.cumsum(~close)])
    first = np.flatnonzero(np.concatenate([[True], ~close]))
    last = np.append(first[1:], len(found)) - 1
    counts = found["samples"].to_numpy()
    total = np.bincount(groups, counts)
    made = found.iloc[first].reset_index(drop=True)
    made["duration"] = end[last] - made["time"]
    for axis in ("x", "y"):
        made[axis] = np.bincount(groups, found[axis] * counts) / total
    return made.assign(samples=total.astype(np.int64))


def _kept(found: pd.DataFrame, min_duration: float) -> pd.DataFrame:
    """The fixations that last long enough."""
    return found[found["duration"] >= min_duration - 1e-9].reset_index(drop=True)


def _extent(x: np.ndarray, y: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Dispersion of the windows [starts, ends): largest minus smallest, x and y added.

    Extremes of stretches of 1, 2, 4, ... samples are made once; any window is two of them.
    """
    length = ends - starts
    level = np.floor(np.log2(np.maximum(length, 1))).astype(int)
    made = np.zeros(len(starts))
    for axis in (x, y):
        for sign in (1.0, -1.0):
            top = sign * axis
            for power in range(int(level.max(initial=-1)) + 1):
                own = level == power
                both = top[starts[own]], top[ends[own] - 2**power]
                made[own] += np.maximum(*both)
                top = np.maximum(top[: -(2**power)], top[2**power :])
    return made


def _grown(x: np.ndarray, y: np.ndarray, start: int, end: int, limit: int, most: float) -> int:
    """The end of the window from ``start`` when it grows while its dispersion is at most ``most``.

    Tried in pieces of twice the length, so that long fixations cost no more than their samples.
    """
    while end < limit:
        stop = min(limit, start + 2 * (end - start))
        spread = np.zeros(stop - start)
        for axis in (x[start:stop], y[start:stop]):
            spread += np.maximum.accumulate(axis) - np.minimum.accumulate(axis)
        if spread[-1] > most:
            return start + int(np.searchsorted(spread, most, side="right"))
        end = stop
    return end
