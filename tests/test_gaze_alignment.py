"""Real gaze on BasketballPass lies on the right frames: NSS against lag peaks at 0.

What is compared is told in `tests/lags.py`. Two kinds of maps:

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

from tests import lags
from vidsal import fixations
from vidsal.gaze.spectral_residual import spectral_residual

SIZE, COUNT = (240, 416), 48
SHAPE = (COUNT, *SIZE)
CENTRE = len(lags.LAGS) // 2


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "data/gaze/BasketballPass"


@pytest.fixture(scope="module")
def gaze(folder):
    """Frames 13 to 60, as numbers 0 to 47."""
    table = fixations.read(
        folder / "gaze_raw_frames001-060.csv",
        columns={"subject": "observer", "x": "x_screen", "y": "y_screen"},
        video_size=[416, 240],
        screen=[3840, 2160],
        rect="screen",
        frame_base=1,
    )
    return fixations.cut(table, 12, 60)


@pytest.fixture(scope="module")
def pictures(folder):
    """Spectral residual of the same 48 pictures, float (48,H,W)."""
    paths = sorted((folder / "frames").glob("f*.png"))[12:60]
    frames = np.stack([cv2.imread(str(path)) for path in paths])
    maps = np.concatenate(list(spectral_residual().predict(iter([frames[..., ::-1]]))))
    return np.stack([cv2.resize(each, SIZE[::-1]) for each in maps])


def centred(found):
    return lags.curve(np.mean([lags.centred(each) for each in found], axis=0))


def test_half_of_the_observers_predict_the_others_best_at_lag_0(gaze):
    found = centred(lags.of_halves(gaze, SHAPE, range(10)))
    assert lags.peak(found) == 0
    assert found[CENTRE] > 1.2 * max(found[CENTRE - 5], found[CENTRE + 5])
    assert found[CENTRE] > 2.0 * max(found[CENTRE - 10], found[CENTRE + 10])


@pytest.mark.parametrize("late", [-3, 2])
def test_a_half_that_comes_late_is_seen_to(gaze, late):
    one, other = fixations.split_halves(gaze, np.random.default_rng(0))
    shifted = other.assign(frame=other["frame"] + late)
    shifted = fixations.cut(shifted, max(0, late), COUNT + min(0, late))
    both = fixations.cut(one, max(0, late), COUNT + min(0, late))
    maps = lags.density(both, (COUNT - abs(late), *SIZE))
    assert abs(lags.peak(centred([lags.scores(maps, shifted)])) - late) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_gaze_follows_the_pictures_with_the_delay_of_eyes(gaze, pictures, seed):
    for half in fixations.split_halves(gaze, np.random.default_rng(seed)):
        assert 0 <= lags.peak(centred([lags.scores(pictures, half)])) <= 3


def test_the_curve_of_known_scores():
    # Scores that are 1 where gaze comes 4 frames after the map, beside what belongs to one alone.
    found = np.add.outer(np.arange(40.0), np.arange(40.0) ** 2) + 5 * np.eye(40, k=4)
    assert lags.peak(lags.curve(lags.centred(found))) == 4
    assert lags.peak(lags.curve(found)) == 15
