"""Spectral residual: finds the odd one out, streams, and agrees with the formula by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vidsal.errors import InputError
from vidsal.gaze._model import GazeModel
from vidsal.gaze.spectral_residual import spectral_residual


def odd_one_out(col):
    """Vertical bars, one of them missing and replaced by a disc near column ``col``."""
    frame = np.full((96, 128, 3), 100, np.uint8)
    frame[:, 4::16] = 200
    rows, cols = np.mgrid[:96, :128]
    frame[(rows - 48) ** 2 + (cols - col) ** 2 < 36] = 255
    return frame


@pytest.fixture
def frames():
    return np.stack([odd_one_out(col) for col in (30, 60, 100)])


def test_finds_the_odd_one_out(frames):
    (maps,) = spectral_residual()(iter([frames]))
    assert maps.shape == (3, 48, 64)
    assert maps.dtype == np.float32
    for saliency, col in zip(maps, (30, 60, 100), strict=True):
        peak = np.unravel_index(saliency.argmax(), saliency.shape)
        assert np.hypot(peak[0] - 24, peak[1] - col / 2) < 4


def test_pieces_do_not_matter(frames):
    predict = spectral_residual().predict
    whole = np.concatenate(list(predict(iter([frames]))))
    pieces = np.concatenate(list(predict(iter([frames[:1], frames[1:1], frames[1:]]))))
    assert whole.tobytes() == pieces.tobytes()


def test_formula_by_hand():
    grey = np.random.default_rng(1).integers(0, 256, (48, 64)).astype(np.uint8)
    ((saliency,),) = spectral_residual()(iter([np.repeat(grey[None, ..., None], 3, axis=3)]))
    spectrum = np.fft.fft2(grey.astype(np.float64))
    logs = np.log(np.abs(spectrum))
    shifts = [np.roll(logs, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    residual = logs - np.mean(shifts, axis=0)
    energy = np.abs(np.fft.ifft2(spectrum / np.abs(spectrum) * np.exp(residual))) ** 2
    np.testing.assert_allclose(saliency, gaussian_filter(energy, 2.5), rtol=1e-4)


@pytest.mark.parametrize("value", [0, 128])
def test_empty_picture_gives_no_saliency(value):
    (maps,) = spectral_residual()(iter([np.full((2, 30, 40, 3), value, np.uint8)]))
    assert maps.shape == (2, 48, 64)
    assert not maps.any()


def test_is_a_gaze_model_without_weights():
    model = spectral_residual(width=32)
    assert isinstance(model, GazeModel)
    assert (model.name, model.weights_sha256) == ("spectral_residual", "")
    (maps,) = model(iter([np.zeros((1, 60, 80, 3), np.uint8)]))
    assert maps.shape == (1, 24, 32)


def test_options_out_of_range_are_refused():
    with pytest.raises(InputError, match="out of range"):
        spectral_residual(width=0)
