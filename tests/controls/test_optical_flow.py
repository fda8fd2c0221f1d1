"""The flow control: zero at rest, the true speed of a moving texture, one map per frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidsal.controls.optical_flow import optical_flow


def moving(num_frames, speed, left=0):
    """A smooth random texture that moves right by ``speed`` pixels per frame, right of ``left``."""
    texture = np.random.default_rng(3).random((80, 200)).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(texture, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    frames = np.empty((num_frames, 80, 120, 3), np.uint8)
    for frame in range(num_frames):
        start = 40 - speed * frame
        frames[frame] = texture[:, start : start + 120, None]
        frames[frame, :, :left] = texture[:, 40 : 40 + left, None]
    return frames


def test_still_video_has_no_flow():
    lengths = optical_flow(moving(3, 0))
    assert lengths.max() < 0.05
    assert lengths.mean() < 0.005


def test_length_is_the_speed_in_pixels_per_frame():
    lengths = optical_flow(moving(4, 2))
    assert lengths.dtype == np.float32
    assert np.median(lengths[1:, 20:-20, 20:-20]) == pytest.approx(2, abs=0.1)


def test_flow_lies_where_something_moves():
    lengths = optical_flow(moving(3, 2, left=60))
    assert lengths[:, :, 80:100].mean() > 20 * lengths[:, :, 20:40].mean()


def test_first_frame_repeats_the_second():
    lengths = optical_flow(moving(3, 2))
    np.testing.assert_array_equal(lengths[0], lengths[1])
    assert (lengths[1] != lengths[2]).any()


def test_one_frame_is_zero():
    lengths = optical_flow(moving(1, 2))
    assert lengths.shape == (1, 80, 120)
    assert not lengths.any()


def test_pieces_and_repeats_give_the_same_bytes():
    frames = moving(4, 3)
    assert optical_flow(frames).tobytes() == optical_flow(frames.copy()).tobytes()
