"""Crop, resize, grey and every n-th frame: pixels lie where the matrix says, clocks stay true."""

from __future__ import annotations

import json
from fractions import Fraction

import h5py
import numpy as np
import pandas as pd
import pytest

from vidsal import densities, heatmaps, mapping, preparing, scoring, sheets
from vidsal.errors import InputError
from vidsal.video._canvas import Canvas, part, transform
from vidsal.video.encode import write_ffv1
from vidsal.video.frames import estimate_bytes, read_frames, write_frames
from vidsal.video.trim import trim

SIZE = (60, 90)  # (H, W) of the spot's film


@pytest.fixture
def group(tmp_path):
    """Give an open, empty HDF5 group."""
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        yield file.create_group("video")


@pytest.fixture
def film(tmp_path):
    """Write frames, trim them; return the clip and its record."""

    def make(frames, **interval):
        write_ffv1(tmp_path / "film.mkv", frames, 25)
        record = trim(tmp_path / "film.mkv", tmp_path / "clip.mkv", **interval)
        return tmp_path / "clip.mkv", record

    return make


def spot(rows, columns):
    """Return a black film of one frame with a white rectangle."""
    rgb = np.zeros((1, *SIZE, 3), np.uint8)
    rgb[0, rows, columns] = 255
    return rgb


def centre_of_mass(picture):
    weights = picture.astype(float)
    rows, columns = np.indices(picture.shape)
    return (columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()


# --- where pixels go -------------------------------------------------------------------------


def test_parts_of_a_picture():
    assert part((480, 640), None) == (0, 0, 640, 480)
    assert part((480, 640), "centre") == (80, 0, 480, 480)
    assert part((641, 480), "centre") == (0, 80, 480, 480)
    assert part((480, 640), [600, 100, 40, 380]) == (600, 100, 40, 380)
    for wrong in ("center", [0, 0, 10], [-1, 0, 10, 10], [0, 0, 0, 10]):
        with pytest.raises(InputError, match="crop"):
            part((480, 640), wrong)
    for beyond in ([600, 0, 41, 10], [0, 1, 10, 480]):
        with pytest.raises(InputError, match=r"reaches beyond the video, which has 640x480"):
            part((480, 640), beyond)


def test_nothing_asked_for_is_the_resize_alone():
    for source, target in (((480, 640), (256, 342)), ((3, 7), (3, 7)), ((1000, 7), (342, 2))):
        plain = Canvas(part(source, None), target, False).matrix()
        assert plain.tobytes() == transform(source, target).tobytes()


def test_corners_of_the_crop_become_corners_of_the_canvas():
    made = Canvas((30, 10, 40, 20), (50, 10), False).matrix()
    corners = np.array([[29.5, 9.5, 1], [69.5, 29.5, 1]]).T
    np.testing.assert_allclose((made @ corners)[:2].T, [[-0.5, -0.5], [9.5, 49.5]])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_side": 30},
        {"crop": "centre"},
        {"crop": [30, 12, 48, 36]},
        {"crop": [30, 12, 48, 36], "max_side": 24},
        {"crop": [30, 12, 48, 36], "resize": [24, 12]},
        {"crop": [30, 12, 48, 36], "resize": [24, 12], "grey": True},
        {"resize": [270, 180]},
        {"resize": [45, 120]},
        {"crop": "centre", "resize": [180, 30]},
    ],
    ids=str,
)
def test_a_marked_spot_lands_where_the_matrix_says(film, group, options):
    clip, record = film(spot(slice(24, 36), slice(48, 60)))
    write_frames(clip, record, group, **options)
    x, y, _ = group.attrs["transform"] @ [53.5, 29.5, 1]
    assert centre_of_mass(read_frames(group)[0, ..., 1]) == pytest.approx((x, y), abs=0.02)
    assert group.attrs["source_size"].tolist() == list(SIZE)
    assert read_frames(group).shape[1:3] == tuple(group.attrs["canvas_size"])
    if "resize" in options:
        assert group.attrs["canvas_size"].tolist() == options["resize"][::-1]


def test_a_crop_alone_moves_pixels_and_changes_none(film, group):
    frames = np.random.default_rng(3).integers(0, 256, (2, *SIZE, 3), np.uint8)
    clip, record = film(frames)
    write_frames(clip, record, group, crop=[7, 11, 50, 40])
    np.testing.assert_array_equal(read_frames(group), frames[:, 11:51, 7:57])
    x, y, _ = group.attrs["transform"] @ [20, 30, 1]
    np.testing.assert_array_equal(read_frames(group)[0, int(y), int(x)], frames[0, 30, 20])


def test_grey_is_the_luma_in_all_channels(film, group):
    rgb = np.zeros((1, *SIZE, 3), np.uint8)
    rgb[0, :20], rgb[0, 20:40], rgb[0, 40:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    clip, record = film(rgb)
    write_frames(clip, record, group, grey=True)
    made = read_frames(group)[0]
    assert (made[..., :1] == made).all()
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B
    assert made[[0, 30, 50], 0, 0].tolist() == [76, 150, 29]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crop": [80, 0, 20, 20]}, "reaches beyond"),
        ({"resize": [10]}, "resize"),
        ({"resize": [0, 10]}, "resize"),
        ({"every": 0}, "every"),
    ],
)
def test_options_that_make_no_sense_are_refused(film, group, wrong, message):
    clip, record = film(spot(slice(0, 9), slice(0, 9)))
    with pytest.raises(InputError, match=message):
        write_frames(clip, record, group, **wrong)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"crop": "centre"},
        {"resize": [20, 30]},
        {"every": 4},
        {"every": 7, "crop": [1, 2, 30, 5]},
    ],
    ids=str,
)
def test_estimate_is_exact(kind, tmp_path, options):
    record = trim(kind("h264_intra"), tmp_path / "clip.mkv", start=10, end=40)
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        group = file.create_group("video")
        write_frames(tmp_path / "clip.mkv", record, group, **options)
        stored = sum(group[name].nbytes for name in group)
    assert estimate_bytes(30, tuple(record["size"]), **options) == stored


# --- every n-th frame ------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("name", ["h264_b_open_gop", "h264_uneven_mp4", "h264_uneven_mkv"])
def test_numbers_times_and_rate_of_every_nth_frame(name, kind, films, tmp_path, group, every):
    record = trim(kind(name), tmp_path / "clip.mkv", start=10, end=40)
    write_frames(tmp_path / "clip.mkv", record, group, every=every)
    index = group["frame_index"][()]
    assert [films.number_of(rgb) for rgb in read_frames(group)] == index.tolist()
    assert index.tolist() == list(range(10, 40, every))
    times = group.attrs["start_time"] + group["time"][()]
    np.testing.assert_allclose(times, films.seconds(name)[10:40:every], atol=1e-3)
    assert group["time"][0] == 0
    assert Fraction(group.attrs["fps"]) * every == Fraction(record["fps"])
    if every == 1:
        assert not {"clip_time", "clip_frame_index"} & set(group)
        assert "every" not in group.attrs
    else:
        assert group["clip_frame_index"][()].tolist() == list(range(10, 40))
        np.testing.assert_array_equal(group["clip_time"][::every], group["time"])
        assert group.attrs["every"] == every


def test_a_clip_of_another_length_is_still_noticed(kind, tmp_path, group):
    record = trim(kind("h264_intra"), tmp_path / "clip.mkv", start=10, end=40)
    short = record | {"times": record["times"][:-1]}
    with pytest.raises(InputError, match="tells of 29 frames, the file has more"):
        write_frames(tmp_path / "clip.mkv", short, group, every=3)


# --- gaze ------------------------------------------------------------------------------------


def test_gaze_beside_the_crop_is_counted_as_outside(film, group):
    clip, record = film(np.zeros((4, *SIZE, 3), np.uint8))
    write_frames(clip, record, group, crop=[30, 10, 40, 30], resize=[20, 30])
    matrix, canvas = group.attrs["transform"], tuple(group.attrs["canvas_size"].tolist())
    seen = mapping.seen(matrix, canvas, list(SIZE))
    assert seen.tolist() == [30, 10, 70, 40]
    attrs = {"source_size": SIZE, "seen": seen}
    maps = np.random.default_rng(4).random((4, *canvas), np.float32)
    found = heatmaps.Heatmap(maps, matrix, group["frame_index"][()], group["time"][()], attrs)
    gaze = pd.DataFrame(
        {
            "subject": "a",
            "frame": [0, 0, 1, 2, 2],
            "x": [30, 29, 69, 70, 50],
            "y": [10, 10, 39, 39, 5],
        }
    ).astype({"x": float, "y": float})
    table = scoring.score_video("v", found, {"nss": (_nss, {})}, fixations=gaze)
    rows = table.set_index("frame")
    assert rows.loc[[0, 1, 2], "n"].tolist() == [1, 1, 0]
    assert rows.loc[[0, 1, 2], "outside"].tolist() == [1, 0, 2]
    assert table.attrs["fixations"] == {"kept": 2, "outside": 3, "frame_outside": 0}
    # The pixels that people looked at are those that the matrix names.
    points, _ = densities.on_grid(gaze, matrix, canvas, 4)
    x, y, _ = matrix @ [69, 39, 1]
    assert points[1].tolist() == [1, round(y), round(x)]


def _nss(saliency, fixations):
    return np.array([len(fixations[fixations[:, 0] == at]) for at in range(len(saliency))], float)


# --- the stage -------------------------------------------------------------------------------


@pytest.fixture
def shard(film, tmp_path):
    """Run `extract_shard` over three videos: plain, with gaze, and one too small for the crop."""

    def run(**options):
        clips = tmp_path / "clips"
        clips.mkdir(exist_ok=True)
        rows = []
        for name, size in (("plain", SIZE), ("gaze", SIZE), ("small", (16, 16))):
            clip, record = film(np.zeros((7, *size, 3), np.uint8))
            clip.rename(clips / f"{name}.mkv")
            (clips / f"{name}.json").write_text(json.dumps(record | {"part_key": name}))
            gaze = "gaze.tsv" if name == "gaze" else ""
            rows.append({"video": name, "path": "x", "split": "test", "fixations": gaze})
        sheets.write(sheets.check(pd.DataFrame(rows), "d"), tmp_path / "rows.tsv")
        config = {
            "video": {"max_side": 342, "store": "raw", "on_damage": "keep"} | options,
            "max_failures": 1.0,
            "cache": {"folder": str(tmp_path / "cache"), "max_gb": 1},
        }
        paths = [tmp_path / name for name in ("rows.tsv", "clips", "out.h5", "failures.tsv")]
        preparing.extract_shard(config, "d", *paths)
        with h5py.File(tmp_path / "out.h5") as file:
            sizes = {name: file[name]["frames"].shape for name in file}
        failures = pd.read_csv(tmp_path / "failures.tsv", sep="\t")
        return sizes, dict(zip(failures["video"], failures["reason"], strict=True))

    return run


def test_the_stage_hands_the_options_on(shard):
    sizes, failures = shard(crop=[0, 0, 40, 30], resize=[20, 24], grey=True, every=1)
    assert sizes == {"plain": (7, 24, 20, 3), "gaze": (7, 24, 20, 3)}
    assert set(failures) == {"small"}
    assert "reaches beyond the video, which has 16x16 pixels" in failures["small"]


def test_the_stage_needs_none_of_the_options(shard):
    assert shard() == ({"plain": (7, *SIZE, 3), "gaze": (7, *SIZE, 3), "small": (7, 16, 16, 3)}, {})


def test_frames_may_be_left_out_where_there_is_gaze_too(shard):
    sizes, failures = shard(every=3)
    assert sizes == {"plain": (3, *SIZE, 3), "gaze": (3, *SIZE, 3), "small": (3, 16, 16, 3)}
    assert failures == {}
