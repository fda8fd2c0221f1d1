"""Where synthetic people walk: still backgrounds in grey, and what light does to the ground."""

from __future__ import annotations

import cv2
import numpy as np

from vidsal.datasets import _plans

SIZE = (_plans.HEIGHT, _plans.WIDTH)


def background(rng: np.random.Generator) -> np.ndarray:
    """Return a still background: grey float32 (H,W), about 90 to 215 of 0..255.

    A field, a wall with a pavement before it, or a room with things along the wall.
    """
    kinds = (_field, _street, _room)
    picture = kinds[rng.integers(len(kinds))](rng)
    picture += rng.uniform(-14, 14) * np.linspace(-1, 1, SIZE[1], dtype=np.float32)
    return np.clip(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.7), 90, 215)


def shadow(x: float, ground: float, size: float) -> np.ndarray:
    """Return how much darker the ground is around someone's feet: uint8 (H,W), 0 to 45."""
    picture = np.zeros(SIZE, np.uint8)
    centre = (round(x * 16), round((ground + 1) * 16))
    axes = (round(0.21 * size * 16), round(0.022 * size * 16))
    cv2.ellipse(picture, centre, axes, 0, 0, 360, 45, -1, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(picture, (9, 5), 0)


def _texture(rng: np.random.Generator, scale: tuple[float, float], depth: float) -> np.ndarray:
    grain = rng.standard_normal(SIZE).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=scale[0], sigmaY=scale[1])
    return depth * grain / grain.std()


def _rows(top: float, bottom: float) -> np.ndarray:
    column = np.linspace(top, bottom, SIZE[0], dtype=np.float32)
    return np.repeat(column[:, None], SIZE[1], axis=1)


def _field(rng: np.random.Generator) -> np.ndarray:
    horizon = int(rng.integers(30, 60))
    tone = rng.uniform(130, 175)
    picture = _rows(tone - 12, tone + 8) + _texture(rng, (2.5, 0.8), 5)
    picture[:horizon] = (_rows(205, 185) + _texture(rng, (14, 5), 5))[:horizon]
    bushes = _texture(rng, (7, 2), 6)[0]
    for x in range(SIZE[1]):
        top = horizon - int(8 + bushes[x])
        picture[max(top, 0) : horizon, x] = tone - 28
    return picture + _texture(rng, (1.2, 1.2), 3)


def _street(rng: np.random.Generator) -> np.ndarray:
    base = int(rng.integers(74, 90))
    tone = rng.uniform(140, 190)
    picture = np.full(SIZE, tone, np.float32) + _texture(rng, (6, 6), 4)
    course = int(rng.integers(7, 12))
    for number, y in enumerate(range(0, base, course)):
        picture[y] -= 16
        picture[y : y + course, number % 2 * course :: 2 * course] -= 16
    picture[base:] = (_rows(tone - 38, tone - 18) + _texture(rng, (3, 1), 4))[base:]
    return picture + _texture(rng, (0.8, 0.8), 2)


def _room(rng: np.random.Generator) -> np.ndarray:
    base = int(rng.integers(76, 92))
    tone = rng.uniform(155, 200)
    picture = _rows(tone - 8, tone + 6)
    for _ in range(rng.integers(2, 5)):
        _put(picture, rng, base, tone)
    picture[base:] = _rows(tone - 45, tone - 20)[base:]
    picture[base - 2 : base] = tone - 50
    return picture + _texture(rng, (9, 9), 3)


def _put(picture: np.ndarray, rng: np.random.Generator, base: int, tone: float) -> None:
    width, height = int(rng.integers(12, 34)), int(rng.integers(14, 46))
    left = int(rng.integers(-6, SIZE[1] - 8))
    bottom = base if rng.random() < 0.6 else int(rng.integers(height, base))
    inner = tone + rng.uniform(-55, 20)
    cv2.rectangle(picture, (left, bottom - height), (left + width, bottom), inner, -1)
    cv2.rectangle(picture, (left, bottom - height), (left + width, bottom), inner - 18, 1)
