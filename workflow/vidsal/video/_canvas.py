"""What becomes of a picture on its way into frames.h5: cropped, resized, made grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vidsal.errors import InputError

CENTRE = "centre"


@dataclass(frozen=True)
class Canvas:
    """Where a source's pixels go.

    Attributes:
        crop: (x, y, width, height) of the part of the source that is kept.
        size: (H, W) of the stored frames.
        grey: all three channels hold the luma.
    """

    crop: tuple[int, int, int, int]
    size: tuple[int, int]
    grey: bool

    def matrix(self) -> np.ndarray:
        """Return the 3x3 float64 matrix from source px to canvas px."""
        left, top, width, height = self.crop
        shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
        return transform((height, width), self.size) @ shift

    def draw(self, rgb: np.ndarray) -> np.ndarray:
        """Return a source picture uint8 (H,W,3) RGB as it is stored.

        Shrinking averages areas, enlarging is linear between pixel centres.
        """
        left, top, width, height = self.crop
        picture = _resized(rgb[top : top + height, left : left + width], self.size)
        if not self.grey:
            return picture
        # ITU-R BT.601, as everywhere in OpenCV.
        luma = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        return np.repeat(luma[..., None], 3, axis=2)


def transform(source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """Return the 3x3 float64 matrix from source px to target px of a resize; sizes are (H, W).

    Pixel centres are at integers, so x' = (x + 0.5) * s - 0.5.
    """
    down, across = target[0] / source[0], target[1] / source[1]
    return np.array(
        [[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]], np.float64
    )


def part(source: Sequence[int], crop: str | Sequence[int] | None) -> tuple[int, int, int, int]:
    """Return the (x, y, width, height) of a source (H, W) that an option keeps.

    Args:
        source: (H, W) of the upright source.
        crop: None (all of it), `centre` (the largest square in the middle), or [x, y, width,
            height] in source px.

    Raises:
        InputError: there is no such value, or the source has no such part.
    """
    height, width = (int(side) for side in source)
    if crop is None:
        return 0, 0, width, height
    if crop == CENTRE:
        side = min(height, width)
        return (width - side) // 2, (height - side) // 2, side, side
    if isinstance(crop, str) or len(crop) != 4 or min(crop) < 0 or min(crop[2:]) < 1:
        raise InputError(f"crop: {crop!r}: give centre, or [x, y, width, height] in source pixels")
    x, y, across, down = (int(number) for number in crop)
    if x + across > width or y + down > height:
        raise InputError(
            f"crop: {list(crop)}: reaches beyond the video, which has {width}x{height} pixels; "
            "give a part of it"
        )
    return x, y, across, down


def asked(resize: Sequence[int]) -> tuple[int, int]:
    """Return (H, W) of a size that is given as [width, height].

    Raises:
        InputError: it is none.
    """
    if isinstance(resize, str) or len(resize) != 2 or min(resize) < 1:
        raise InputError(f"resize: {resize!r} is no size; give [width, height] in pixels")
    return int(resize[1]), int(resize[0])


def _resized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture of this (H, W)."""
    smaller = tuple(min(own, new) for own, new in zip(rgb.shape, size, strict=False))
    if rgb.shape[:2] != smaller:
        rgb = cv2.resize(rgb, smaller[::-1], interpolation=cv2.INTER_AREA)
    if rgb.shape[:2] != size:
        rgb = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    return rgb
