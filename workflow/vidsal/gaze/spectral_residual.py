r"""Spectral residual: what stands out of the picture's own spectrum; classical, no trained network.

Natural pictures have smooth log spectra; what deviates from the smooth part is taken to be what is
new. With A and P the amplitude and the phase of the Fourier transform of the small grey picture,
h a 3x3 mean filter and g a Gaussian:

$$ R = \log A - h * \log A, \qquad S = g * \big| F^{-1}[\exp(R + i P)] \big|^2 $$

A bottom-up predictor for single frames: it needs no weights, learned nothing from gaze and ignores
motion. It stands here as a floor for trained predictors, not as one of them.

Choices: the picture is 64 pixels wide (area averaging), as in the paper; the width of g is that of
the authors' published script as commonly cited; a picture of one value gives a map of zeros, since
its residual is rounding noise.

Source: Hou and Zhang, Saliency detection: a spectral residual approach, CVPR 2007, equations 2-5.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from vidsal.errors import InputError
from vidsal.gaze._model import GazeModel


def spectral_residual(*, width: int = 64, sigma: float = 2.5) -> GazeModel:
    """The predictor.

    Args:
        width: columns of the small picture and of the map; the rows follow the picture's shape.
        sigma: standard deviation of the final Gaussian, in pixels of the map.

    Raises:
        InputError: the map would have no columns, or sigma is negative.
    """
    if width < 1 or sigma < 0:
        raise InputError(
            f"width: {width}, sigma: {sigma} of spectral_residual: out of range; give width >= 1 "
            "and sigma >= 0"
        )

    def predict(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for piece in frames:
            maps = [_saliency(_small_grey(frame, width), sigma) for frame in piece]
            if maps:
                yield np.stack(maps)

    return GazeModel("spectral_residual", predict)


def _small_grey(frame: np.ndarray, width: int) -> np.ndarray:
    """The frame uint8 (H,W,3) as float64 grey (h,width), averaged over areas."""
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.float32)
    height = max(1, round(width * grey.shape[0] / grey.shape[1]))
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float64)


def _saliency(grey: np.ndarray, sigma: float) -> np.ndarray:
    """The map float32 (h,w) of one small grey picture."""
    if grey.min() == grey.max():
        return np.zeros(grey.shape, dtype=np.float32)
    spectrum = np.fft.fft2(grey)
    # An amplitude of exactly zero has no logarithm; this floor is far below rounding noise.
    log_amplitude = np.log(np.abs(spectrum) + 1e-12)
    # The spectrum is periodic, so the mean at its edge continues on the other side.
    residual = log_amplitude - uniform_filter(log_amplitude, size=3, mode="wrap")
    energy = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return gaussian_filter(energy, sigma).astype(np.float32)
