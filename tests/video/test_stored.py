"""Stored frames act like the array that they are, and are read only as far as they are used."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from vidsal.controls import centre, optical_flow
from vidsal.video import stored as module
from vidsal.video.frames import read_frames, write_frames
from vidsal.video.stored import OpenFiles, StoredFrames
from vidsal.video.trim import trim

PARTS = [
    0,
    -1,
    slice(None),
    slice(3, 17, 4),
    slice(50, 3, -5),
    slice(9, 9),
    (slice(2, 5), slice(0, 8), 3),
    (4, slice(8), slice(8), 1),
    [5, 5, 1],
    (..., 0),
]


@pytest.fixture(params=["raw", "jpeg95"])
def group(request, kind, tmp_path):
    """Give an open group of a whole film."""
    health = trim(kind("h264_b_open_gop"), tmp_path / "clip.mkv")
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        made = file.create_group("video")
        write_frames(tmp_path / "clip.mkv", health, made, store=request.param)
        yield made


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_any_part_is_that_of_the_array(group, part):
    np.testing.assert_array_equal(StoredFrames(group)[part], read_frames(group)[part])


def test_it_has_the_looks_of_the_array(group):
    whole, frames = read_frames(group), StoredFrames(group)
    assert (frames.shape, frames.dtype, frames.ndim) == (whole.shape, whole.dtype, whole.ndim)
    assert (len(frames), frames.size) == (len(whole), whole.size)
    np.testing.assert_array_equal(list(frames), whole)
    np.testing.assert_array_equal(np.concatenate(list(frames.blocks(7))), whole)
    with pytest.raises(IndexError):
        frames[len(whole)]


def test_it_can_be_computed_with(group):
    whole, frames = read_frames(group), StoredFrames(group)
    np.testing.assert_array_equal(frames / 255, whole / 255)
    np.testing.assert_array_equal(np.asarray(frames, np.float32), whole.astype(np.float32))
    assert frames.mean() == np.mean(frames) == whole.mean()


@pytest.mark.parametrize("control", [centre.centre, optical_flow.optical_flow])
def test_controls_make_the_same_map_of_it(group, control):
    np.testing.assert_array_equal(control(StoredFrames(group)), control(read_frames(group)))


def test_no_more_is_read_than_is_used(group, monkeypatch):
    asked = []

    def read(group, start=0, stop=None):
        asked.append((start, stop))
        return read_frames(group, start, stop)

    monkeypatch.setattr(module, "read_frames", read)
    frames = StoredFrames(group)
    frames[7], frames[10:20:3], list(frames)
    assert asked == [(7, 8), (10, 20), (0, 32), (32, 60)]


def test_files_are_opened_once_and_the_longest_unused_makes_room(tmp_path):
    for name in "abc":
        with h5py.File(tmp_path / name, "w") as file:
            file.create_group("video").attrs["name"] = name
    opened = []

    def opener(path):
        opened.append(path.name)
        return h5py.File(path, "r")

    files = OpenFiles(opener, most=2)
    for name in "abacab":
        with files.group(tmp_path / name, "video") as group:
            assert group.attrs["name"] == name
    assert "".join(opened) == "abcb"
    files.close()
    assert not group
