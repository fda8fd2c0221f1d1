"""The random control: keyed, uniform, covering the picture with cells."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.controls.random import random
from vidsal.errors import InputError


def frames(*shape):
    return np.zeros((*shape, 3), np.uint8)


def test_same_key_same_bytes_other_key_other_bytes():
    first, again, other = (
        random(frames(3, 40, 64), np.random.default_rng(key)) for key in ([1, 2], [1, 2], [1, 3])
    )
    assert first.tobytes() == again.tobytes()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("size", "cell", "expected"),
    [((40, 64), 8, (5, 8)), ((41, 62), 8, (5, 8)), ((3, 3), 8, (1, 1)), ((5, 7), 1, (5, 7))],
)
def test_cells_cover_the_picture(size, cell, expected):
    noise = random(frames(2, *size), np.random.default_rng(0), cell=cell)
    assert noise.shape == (2, *expected)
    assert noise.dtype == np.float32


def test_uniform_and_independent_from_frame_to_frame():
    noise = random(frames(200, 80, 80), np.random.default_rng(0))
    assert noise.min() >= 0
    assert noise.max() < 1
    assert noise.mean() == pytest.approx(0.5, abs=0.01)
    assert noise.std() == pytest.approx(1 / np.sqrt(12), abs=0.01)
    neighbours = np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]
    assert abs(neighbours) < 0.03


def test_cell_smaller_than_a_pixel_is_refused():
    with pytest.raises(InputError, match="cell: 0"):
        random(frames(1, 8, 8), np.random.default_rng(0), cell=0)
