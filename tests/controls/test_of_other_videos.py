"""Controls that are nothing but a floor: one value everywhere, and what other videos' gaze says."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal import histograms
from vidsal.controls.fitted_centre import fitted_centre
from vidsal.controls.other_videos import other_videos
from vidsal.controls.uniform import uniform
from vidsal.errors import InputError

FRAMES = np.zeros((3, 60, 80, 3), np.uint8)


@pytest.fixture(scope="module")
def counts():
    """A thousand fixations, lower left of the centre."""
    places = np.random.default_rng(1).normal((0.4, 0.6), (0.1, 0.05), (1000, 2))
    return histograms.histogram(places)


def test_uniform_is_one_value():
    made = uniform(FRAMES)
    assert made.shape == (3, 1, 1)
    assert (made == 1).all()


@pytest.mark.parametrize("control", [other_videos, fitted_centre])
def test_static_and_highest_where_others_look(control, counts):
    made = control(FRAMES, counts)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made[0], made[2])
    row, col = np.unravel_index(made[0].argmax(), made[0].shape)
    assert (row + 0.5) / made.shape[1] == pytest.approx(0.6, abs=0.05)
    assert (col + 0.5) / made.shape[2] == pytest.approx(0.4, abs=0.05)


def test_density_of_others_sums_to_one_and_is_as_wide_as_it_says(counts):
    one = np.zeros((512, 512))
    one[256, 256] = 7
    made = other_videos(FRAMES, one, sigma=0.05)[0].astype(np.float64)
    assert made.sum() == pytest.approx(1, abs=1e-5)
    spread = (made.sum(axis=0) * (np.arange(512) - 256) ** 2).sum()
    assert np.sqrt(spread) == pytest.approx(0.05 * 512, rel=0.01)


def test_fitted_centre_has_the_moments_of_the_fixations(counts):
    made = fitted_centre(FRAMES, counts)[0].astype(np.float64)
    assert made.shape == (48, 64)
    made /= made.sum()
    for axis, (mean, width) in enumerate([(0.6, 0.05), (0.4, 0.1)]):
        profile, centres = made.sum(axis=1 - axis), (np.arange(made.shape[axis]) + 0.5)
        centres /= made.shape[axis]
        found = (profile * centres).sum()
        assert found == pytest.approx(mean, abs=0.01)
        assert np.sqrt((profile * (centres - found) ** 2).sum()) == pytest.approx(width, rel=0.1)


def test_without_gaze_on_other_videos_they_are_refused():
    with pytest.raises(InputError, match="no other video"):
        other_videos(FRAMES, np.zeros((512, 512)))
    with pytest.raises(InputError, match="too little gaze"):
        fitted_centre(FRAMES, np.zeros((512, 512)))
    line = np.zeros((512, 512))
    line[:, 100] = 1
    with pytest.raises(InputError, match="too little gaze"):
        fitted_centre(FRAMES, line)
    with pytest.raises(InputError, match="must be positive"):
        other_videos(FRAMES, line, sigma=0.0)
