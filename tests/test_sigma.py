"""Widths of densities: the number of each preset at the size that it was published for."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal import scoring
from vidsal.errors import InputError
from vidsal.sigma import PRESETS, pixels

# Preset, [H, W] of a picture, pixels there. Sources stand in sigma.py.
NUMBERS = [
    ("dhf1k", (360, 640), 12.74),
    ("dhf1k", (720, 1280), 25.48),
    ("hollywood2", (288, 656), 20.0),
    ("hollywood2", (1080, 1920), 20.0),
    ("ucf_sports", (480, 720), 20.0),
    ("salicon", (480, 640), 19.0),
    ("salicon", (240, 320), 9.5),
    ("ledov", (720, 1280), 34.0),
    ("ledov", (1080, 1920), 51.0),
    ("mit", (768, 1024), 1024 * 0.1874 / 8),
    ("mit", (1024, 768), 1024 * 0.1874 / 8),
]


@pytest.mark.parametrize(("name", "size", "expected"), NUMBERS)
def test_presets(name, size, expected):
    assert pixels(name, size) == pytest.approx(expected)


def test_every_preset_is_tested():
    assert {name for name, _, _ in NUMBERS} == set(PRESETS)


def test_presets_of_a_width_at_half_height():
    """A Gaussian is 2 sqrt(2 ln 2) sigma wide at half its height: 30 px and 80 px there."""
    wide = 2 * np.sqrt(2 * np.log(2))
    assert wide * pixels("dhf1k", (360, 640)) == pytest.approx(30, abs=0.01)
    assert wide * pixels("ledov", (720, 1280)) == pytest.approx(80, abs=0.1)


def test_a_number_is_a_fraction_of_the_height():
    assert pixels(0.05, (200, 900)) == 10
    assert pixels(scoring.SIGMA, (360, 640)) == pytest.approx(pixels("dhf1k", (360, 640)))


def test_pixels_and_degrees():
    assert pixels({"pixels": 20}, (100, 100)) == 20
    assert pixels({"degrees": 1.5}, (100, 100), pixels_per_degree=30.0) == 45
    own = {"degrees": 1.5, "pixels_per_degree": 10}
    assert pixels(own, (100, 100), pixels_per_degree=30.0) == 15


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("dfh1k", "'dfh1k' is not known; choose from dhf1k"),
        ({"degrees": 1}, "do not state one screen .* give screen, screen_cm and distance_cm"),
        ({"pixels": 0}, "is not positive"),
        (-1, "is not positive"),
        ({"inches": 1}, "neither"),
    ],
)
def test_what_cannot_be_meant_is_refused(value, words):
    with pytest.raises(InputError, match=words):
        pixels(value, (100, 100))
