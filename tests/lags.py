"""NSS against the time between maps and gaze, for recordings whose alignment is to be proved.

The plain curve says little where people gather at one place: later gaze then scores higher on any
map, and sharper maps score higher on any gaze. So there is a centred one: from the NSS of the map
of every frame s with the gaze of every frame t, the means of each map and of each frame of gaze are
taken away, and what is left says how well s and t belong together. Both are averaged over all pairs
of frames with equal t - s, the lag: positive where gaze comes later than the map that it fits.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from vidsal import densities, fixations, scoring

LAGS = np.arange(-15, 16)


def density(table: pd.DataFrame, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the density of gaze in each frame, float32 (T,H,W), as it is scored."""
    points = densities.on_grid(table, np.eye(3), shape[1:], shape[0])[0]
    return densities.density(points, shape[1:], shape[0], scoring.SIGMA * shape[1])


def scores(maps: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return the NSS (s, t) of the map of frame s with the gaze of frame t, of maps (T,H,W)."""
    points = densities.on_grid(table, np.eye(3), maps.shape[1:], len(maps))[0]
    maps = maps - maps.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    maps /= maps.std(axis=(1, 2), keepdims=True)
    own = (points[points[:, 0] == frame, 1:].T for frame in range(len(maps)))
    return np.stack([maps[:, rows, columns].mean(axis=1) for rows, columns in own], axis=1)


def centred(found: np.ndarray) -> np.ndarray:
    """Return scores (s, t) without what each map and each frame of gaze has in common with all."""
    found = found - found.mean(axis=0)
    return found - found.mean(axis=1, keepdims=True)


def curve(found: np.ndarray) -> np.ndarray:
    """Return the mean of scores (s, t) over t - s = lag, for each of LAGS."""
    return np.array([np.diagonal(found, lag).mean() for lag in LAGS])


def of_halves(
    table: pd.DataFrame, shape: tuple[int, int, int], seeds: Iterable[int]
) -> list[np.ndarray]:
    """Return scores (s, t) of one half of the observers by the density of the other, both ways."""
    found = []
    for seed in seeds:
        halves = fixations.split_halves(table, np.random.default_rng(seed))
        for one, other in (halves, halves[::-1]):
            found.append(scores(density(one, shape), other))
    return found


def peak(values: np.ndarray) -> int:
    """Return the lag at which a curve is largest."""
    return int(LAGS[values.argmax()])
