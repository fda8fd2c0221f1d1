"""Real gaze on BasketballPass lies on the right frames: NSS against lag peaks at 0.

NSS of maps that are merely shifted in time says little: over these 48 frames the observers gather
at one place, so later gaze scores higher on any map, and sharper maps score higher on any gaze. So
the NSS of every map s with the gaze of every frame t is taken, the means of each map and of each
frame are taken away (what is left says how well s and t belong together), and then averaged over
equal t - s. Two kinds of maps:

- the density of one half of the observers against the gaze of the other half, both ways: this
  shows that observers are brought onto one clock (two halves differ by 20 ms at most);
- the spectral residual of the pictures, which knows nothing of gaze: this shows that the clock is
  that of the video. People follow what moves with a delay, so its peak may come late by up to
  3 frames (60 ms), and never early.

In frames 1 to 12 the gaze is still on the text screen shown before; frames 13 to 60 are used.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidsal import fixations, scoring
from vidsal.gaze.spectral_residual import spectral_residual

SIZE, FRAMES = (240, 416), slice(12, 60)
LAGS = np.arange(-15, 16)


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "data/gaze/BasketballPass"


@pytest.fixture(scope="module")
def gaze(folder):
    return fixations.read(
        folder / "gaze_raw_frames001-060.csv",
        columns={"subject": "observer", "x": "x_screen", "y": "y_screen"},
        video_size=[416, 240],
        screen=[3840, 2160],
        frame_base=1,
    )


@pytest.fixture(scope="module")
def pictures(folder):
    """Spectral residual of all 60 pictures, float (60,H,W)."""
    frames = np.stack(
        [cv2.imread(str(path)) for path in sorted((folder / "frames").glob("f*.png"))]
    )
    maps = np.concatenate(list(spectral_residual().predict(iter([frames[..., ::-1]]))))
    return np.stack([cv2.resize(each, SIZE[::-1]) for each in maps])


def density(table):
    points, _ = fixations.on_grid(table, np.eye(3), SIZE, 60)
    return fixations.density(points, SIZE, 60, scoring.SIGMA * SIZE[0])


def profile(maps, table):
    """Mean over t - s = lag of the doubly centred NSS of map s with the gaze of frame t."""
    points, _ = fixations.on_grid(table, np.eye(3), SIZE, 60)
    maps = maps - maps.mean(axis=(1, 2), keepdims=True)
    maps /= maps.std(axis=(1, 2), keepdims=True)
    own = (points[points[:, 0] == t, 1:].T for t in range(60)[FRAMES])
    scores = np.stack([maps[FRAMES, rows, cols].mean(axis=1) for rows, cols in own], axis=1)
    scores -= scores.mean(axis=0)
    scores -= scores.mean(axis=1, keepdims=True)
    return np.array([np.diagonal(scores, lag).mean() for lag in LAGS])


def both_ways(one, other):
    return profile(density(one), other) + profile(density(other), one)[::-1]


@pytest.mark.parametrize("seed", range(3))
def test_halves_of_the_observers_agree_at_lag_0(gaze, seed):
    found = both_ways(*fixations.split_halves(gaze, np.random.default_rng(seed)))
    assert abs(LAGS[found.argmax()]) <= 1
    centre = len(LAGS) // 2
    assert found[centre] > 1.1 * max(found[centre - 5], found[centre + 5])
    assert found[centre] > 1.7 * max(found[centre - 10], found[centre + 10])


@pytest.mark.parametrize("seed", range(3))
def test_gaze_follows_the_pictures_with_the_delay_of_eyes(gaze, pictures, seed):
    for half in fixations.split_halves(gaze, np.random.default_rng(seed)):
        assert 0 <= LAGS[profile(pictures, half).argmax()] <= 3
