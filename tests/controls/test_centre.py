"""The centre control: symmetric, static, as wide as it says."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.controls.centre import centre
from vidsal.errors import InputError


def test_symmetric_static_and_highest_in_the_middle():
    gauss = centre(np.zeros((3, 120, 160, 3), np.uint8))
    assert gauss.shape == (3, 48, 64)
    assert gauss.dtype == np.float32
    np.testing.assert_array_equal(gauss[0], gauss[2])
    np.testing.assert_array_equal(gauss[0], gauss[0, ::-1, ::-1])
    assert gauss[0, 23:25, 31:33].min() == gauss.max()


@pytest.mark.parametrize("sigma", [0.1, 0.25])
def test_standard_deviation_is_a_fraction_of_each_side(sigma):
    gauss = centre(np.zeros((1, 90, 160, 3), np.uint8), sigma=sigma)[0].astype(np.float64)
    height, width = gauss.shape
    ratio = gauss[height // 2, width // 4] / gauss[height // 2, width // 2]
    far, near = (width // 4 + 0.5) / width - 0.5, 0.5 / width
    assert ratio == pytest.approx(np.exp((near**2 - far**2) / (2 * sigma**2)), rel=1e-5)
    ratio = gauss[height // 4, width // 2] / gauss[height // 2, width // 2]
    far, near = (height // 4 + 0.5) / height - 0.5, 0.5 / height
    assert ratio == pytest.approx(np.exp((near**2 - far**2) / (2 * sigma**2)), rel=1e-5)


def test_sigma_must_be_positive():
    with pytest.raises(InputError, match="must be positive"):
        centre(np.zeros((1, 8, 8, 3), np.uint8), sigma=0.0)
