"""Frames on the canvas: exact where nothing shrinks, one contiguous dataset, one transform."""

from __future__ import annotations

import errno
import os
import pathlib

import cv2
import h5py
import numpy as np
import pytest

from vidsal.errors import DamagedVideo, InputError
from vidsal.video import frames as module
from vidsal.video.decode import decode
from vidsal.video.encode import write_ffv1
from vidsal.video.frames import (
    canvas_size,
    check_space,
    disk_full,
    estimate_bytes,
    read_frames,
    read_masks,
    read_numbered,
    transform,
    write_frames,
)
from vidsal.video.trim import trim


@pytest.fixture
def clip(kind, tmp_path):
    """Give a trimmed clip and its health record: frames 10 to 30."""
    path = tmp_path / "clip.mkv"
    return path, trim(kind("h264_b_open_gop"), path, start=10, end=30)


@pytest.fixture
def group(tmp_path):
    """Give an open, empty HDF5 group."""
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        yield file.create_group("video")


def test_a_clip_that_fits_is_stored_as_it_is(clip, group):
    path, health = clip
    write_frames(path, health, group)
    rgb = np.stack([frame.rgb for frame in decode(path)])
    np.testing.assert_array_equal(read_frames(group), rgb)
    np.testing.assert_array_equal(group.attrs["transform"], np.eye(3))
    np.testing.assert_array_equal(group["time"], np.arange(20) / 25)
    np.testing.assert_array_equal(group["frame_index"], np.arange(10, 30))
    assert (group["frames"].dtype, group["frames"].chunks) == (np.uint8, None)
    assert (group["time"].dtype, group["frame_index"].dtype) == (np.float64, np.int64)
    assert (group.attrs["fps"], group.attrs["start_time"]) == ("25/1", 10 / 25)
    assert group.attrs["source_sha256"] == health["source_sha256"]
    assert group.attrs["source_size"].tolist() == group.attrs["canvas_size"].tolist() == [64, 96]


def test_every_frame_of_every_kind_keeps_its_number_and_time(
    kind_name, kind, films, tmp_path, group
):
    health = trim(kind(kind_name), tmp_path / "clip.mkv", start=5, end=47)
    write_frames(tmp_path / "clip.mkv", health, group)
    shown = [films.number_of(rgb) for rgb in read_frames(group)]
    assert shown == group["frame_index"][()].tolist() == list(range(5, 47))
    times = group.attrs["start_time"] + group["time"][()]
    np.testing.assert_allclose(times, films.seconds(kind_name)[5:47], atol=1e-3)


def test_shrinking_averages_areas(clip, group):
    path, health = clip
    write_frames(path, health, group, max_side=48)
    rgb = np.stack([frame.rgb for frame in decode(path)]).astype(float)
    blocks = rgb.reshape(20, 32, 2, 48, 2, 3).mean(axis=(2, 4))
    assert read_frames(group).shape == (20, 32, 48, 3)
    np.testing.assert_allclose(read_frames(group), blocks, atol=0.5)
    assert group.attrs["canvas_size"].tolist() == [32, 48]
    assert group.attrs["source_size"].tolist() == [64, 96]


def test_the_transform_maps_corners_to_corners():
    matrix = transform((64, 96), (32, 24))
    assert matrix.dtype == np.float64
    corners = np.array([[-0.5, -0.5, 1], [95.5, 63.5, 1]]).T
    np.testing.assert_allclose((matrix @ corners)[:2].T, [[-0.5, -0.5], [23.5, 31.5]])


def test_the_transform_says_where_a_spot_went(tmp_path, group):
    rgb = np.zeros((1, 60, 90, 3), np.uint8)
    rgb[0, 30:36, 60:66] = 255
    write_ffv1(tmp_path / "spot.mkv", rgb, 25)
    health = trim(tmp_path / "spot.mkv", tmp_path / "clip.mkv")
    write_frames(tmp_path / "clip.mkv", health, group, max_side=30)
    rows, columns = np.nonzero(read_frames(group)[0, ..., 0])
    x, y, _ = group.attrs["transform"] @ [62.5, 32.5, 1]
    assert (columns.mean(), rows.mean()) == pytest.approx((x, y))


def test_jpeg_is_smaller_and_close(clip, group):
    path, health = clip
    write_frames(path, health, group, store="jpeg95")
    rgb = np.stack([frame.rgb for frame in decode(path)])
    read = read_frames(group)
    assert (read.shape, read.dtype) == (rgb.shape, np.uint8)
    assert np.abs(read.astype(int) - rgb).mean() < 8
    assert sum(len(data) for data in group["jpeg"][()]) < rgb.nbytes
    assert "frames" not in group


@pytest.mark.parametrize("store", ["raw", "jpeg95"])
def test_any_part_can_be_read(clip, group, store):
    path, health = clip
    write_frames(path, health, group, store=store)
    whole = read_frames(group)
    np.testing.assert_array_equal(read_frames(group, 3, 9), whole[3:9])
    np.testing.assert_array_equal(read_frames(group, 15), whole[15:])
    np.testing.assert_array_equal(read_frames(group, 18, 99), whole[18:])
    assert read_frames(group, 4, 4).shape == (0, *whole.shape[1:])


NUMBERS = [[0], [3, 4, 5], [2, 4, 6, 19], [7, 7, 7], [0, 9, 19, 19, 19]]


@pytest.mark.parametrize("store", ["raw", "jpeg95"])
@pytest.mark.parametrize("mode", ["r", "a"])
@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_frames_are_picked_by_their_numbers(clip, tmp_path, store, mode, numbers):
    path, health = clip
    with h5py.File(tmp_path / "frames.h5", "w", libver="v110") as file:
        file["before"] = np.arange(1000)
        write_frames(path, health, file.create_group("video"), store=store)
    with h5py.File(tmp_path / "frames.h5", mode) as file:
        made = read_numbered(file["video"], np.array(numbers))
        np.testing.assert_array_equal(made, read_frames(file["video"])[numbers])
        for outside in ([5, 20], [-1, 3]):
            with pytest.raises(IndexError, match="of 20"):
                read_numbered(file["video"], np.array(outside))


def test_a_frames_file_that_ends_early_is_noticed(clip, tmp_path):
    path, health = clip
    with h5py.File(tmp_path / "frames.h5", "w", libver="v110") as file:
        write_frames(path, health, file.create_group("video"))
        end = file["video"]["frames"].id.get_offset() + file["video"]["frames"].nbytes
    with h5py.File(tmp_path / "frames.h5", "r") as file:
        os.truncate(tmp_path / "frames.h5", end - 5)
        with pytest.raises(OSError, match="ends in frame 19"):
            read_numbered(file["video"], np.array([18, 19]))


@pytest.mark.parametrize("store", ["raw", "jpeg95"])
def test_an_array_is_filled_again_where_it_fits(clip, tmp_path, store):
    path, health = clip
    with h5py.File(tmp_path / "frames.h5", "w", libver="v110") as file:
        write_frames(path, health, file.create_group("video"), store=store)
    with h5py.File(tmp_path / "frames.h5", "r") as file:
        whole, out = read_frames(file["video"]), None
        for numbers, again in (([0, 2, 4], 0), ([9, 10, 19], 1), ([7, 7, 7], 1), ([1, 2], 0)):
            made = read_numbered(file["video"], np.array(numbers), out)
            np.testing.assert_array_equal(made, whole[numbers])
            assert (made is out) == bool(again)
            out = made


def test_frames_are_those_of_the_file_that_was_opened(clip, tmp_path):
    path, health = clip
    for name, side in (("frames.h5", 342), ("other.h5", 50)):
        with h5py.File(tmp_path / name, "w", libver="v110") as file:
            write_frames(path, health, file.create_group("video"), max_side=side)
    with h5py.File(tmp_path / "frames.h5", "r") as file:
        whole = read_frames(file["video"])
        os.replace(tmp_path / "other.h5", tmp_path / "frames.h5")
        np.testing.assert_array_equal(read_numbered(file["video"], np.arange(4)), whole[:4])


@pytest.mark.parametrize("store", ["raw", "jpeg95"])
def test_two_files_are_byte_identical(clip, store, tmp_path):
    path, health = clip
    for name in "ab":
        with h5py.File(tmp_path / name, "w", libver="v110") as file:
            write_frames(path, health, file.create_group("video"), max_side=50, store=store)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("change", "count"), [(1, 21), (-1, 19)])
def test_a_clip_that_is_not_the_recorded_one_is_refused(clip, group, change, count):
    path, health = clip
    times = [number / 25 for number in range(20 + change)]
    with pytest.raises(DamagedVideo, match=f"tells of {count} frames, the file has"):
        write_frames(path, health | {"times": times}, group)


def test_options_that_make_no_sense_are_refused(clip, group):
    path, health = clip
    with pytest.raises(InputError, match="'png' is none of raw, jpeg95"):
        write_frames(path, health, group, store="png")
    with pytest.raises(InputError, match="max_side"):
        write_frames(path, health, group, max_side=0)


@pytest.mark.parametrize(
    ("size", "side", "canvas"),
    [((480, 640), 342, (256, 342)), ((120, 160), 342, (120, 160)), ((2, 9000), 100, (1, 100))],
)
def test_the_canvas_keeps_the_shape_and_never_grows(size, side, canvas):
    assert canvas_size(size, side) == canvas


@pytest.mark.parametrize("store", ["raw", "jpeg95"])
def test_the_estimate_is_enough_and_near(clip, store, tmp_path):
    path, health = clip
    with h5py.File(tmp_path / "frames.h5", "w", libver="v110") as file:
        write_frames(path, health, file.create_group("video"), store=store)
    size = (tmp_path / "frames.h5").stat().st_size
    estimate = estimate_bytes(20, health["size"], 342, store)
    assert size <= estimate + 10_000  # and the file's own structures
    if store == "raw":
        assert estimate <= size


def test_masks_come_back_unchanged(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (6, 20, 30), dtype=np.uint8)
    write_ffv1(tmp_path / "masks.mkv", labels, 25, gray=True)
    np.testing.assert_array_equal(read_masks(tmp_path / "masks.mkv", 2, 5), labels[2:5])
    np.testing.assert_array_equal(read_masks(tmp_path / "masks.mkv"), labels)
    folder = tmp_path / "masks"
    folder.mkdir()
    for number, label in enumerate(labels):
        cv2.imwrite(str(folder / f"{number}.png"), label)
    np.testing.assert_array_equal(read_masks(folder, 1, 6), labels[1:6])


def test_palette_masks_give_the_number_of_the_entry(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow to write a palette PNG")
    labels = np.random.default_rng(0).integers(0, 3, (20, 30), dtype=np.uint8)
    picture = image.fromarray(labels, mode=None).convert("P")
    picture.putdata(labels.ravel().tolist())
    picture.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    picture.save(tmp_path / "0.png")
    np.testing.assert_array_equal(read_masks(tmp_path), labels[None])


def test_masks_that_are_none_are_refused(kind, tmp_path):
    with pytest.raises(InputError, match="not labels"):
        read_masks(kind("mjpeg"), 0, 3)
    write_ffv1(tmp_path / "masks.mkv", np.zeros((3, 8, 8), np.uint8), 25, gray=True)
    with pytest.raises(InputError, match=r"frames 1 to 9 .* and 2 are there"):
        read_masks(tmp_path / "masks.mkv", 1, 9)


def test_masks_of_two_sizes_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((8, 9), np.uint8))
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 10), np.uint8))
    with pytest.raises(InputError, match="pictures of 10x8 and 9x8 px"):
        read_masks(tmp_path)


def test_one_mask_may_be_a_single_picture(tmp_path):
    label = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "0.png"), label)
    np.testing.assert_array_equal(read_masks(tmp_path / "0.png"), label[None])


def test_a_disk_that_is_too_small_is_refused_beforehand(tmp_path):
    check_space(tmp_path / "not" / "there" / "yet.h5", 1000)
    with pytest.raises(InputError) as caught:
        check_space(tmp_path, 10**18)
    text = str(caught.value)
    assert "1000000000.0 GB are needed" in text
    assert "free; free some space, lower max_side, or set store: jpeg95" in text


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError("Can't write data (errno = 28, error message = 'No space left on device')"),
    RuntimeError("Unable to close: No space left on device"),
]


@pytest.mark.parametrize("error", FULL)
def test_a_full_disk_gets_one_sentence(error):
    sentence = r"disk of x.h5: it is full; free some space"
    with pytest.raises(InputError, match=sentence), disk_full("x.h5"):
        raise error


def test_other_errors_pass_through():
    with pytest.raises(PermissionError), disk_full("x.h5"):
        raise PermissionError(errno.EACCES, "no")


def test_a_device_that_is_full_gets_the_sentence():
    full = pathlib.Path("/dev/full")
    with pytest.raises(InputError, match="it is full"), disk_full(full):
        full.write_bytes(b"x")


def test_writing_frames_to_a_full_disk_gets_the_sentence(clip, group, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_resize", full)
    with pytest.raises(InputError, match="it is full"):
        write_frames(*clip, group)


def test_real_frames_take_less_than_the_estimate(shared, tmp_path):
    source = shared / "data/videos/kinetics/arm_wrestling_mmaction2_demo.mp4"
    health = trim(source, tmp_path / "clip.mkv", end=40)
    with h5py.File(tmp_path / "frames.h5", "w", libver="v110") as file:
        group = file.create_group("video")
        write_frames(tmp_path / "clip.mkv", health, group, store="jpeg95")
        assert read_frames(group).shape == (40, 256, 340, 3)
    size = (tmp_path / "frames.h5").stat().st_size
    assert size < estimate_bytes(40, (256, 340), 342, "jpeg95") < 40 * 256 * 340 * 3
