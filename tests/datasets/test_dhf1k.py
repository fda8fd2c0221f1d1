"""DHF1K in each of its layouts: which rows, which splits, which gaze; and the gaze itself."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from tests.datasets.trees import touch
from vidsal import sheets
from vidsal.datasets.dhf1k import dhf1k, read_fixations, split_of
from vidsal.errors import InputError
from vidsal.fixations import Clip
from vidsal.video.probe import probe

# github.com/wenguanwang/DHF1K, README.md (cb5b8f2): "'video': 1000 videos (videoname.AVI)",
# "'annotation/videoname/maps': continuous saliency maps in '.png' format", "'annotation/videoname/
# fixation': binary eye fixation maps in '.png' format", "Training set: first 600 videos
# (001.AVI-600.AVI)", "Validation set: 100 videos (601.AVI-700.AVI)", "Testing set: 300 videos".
NUMBERS = (1, 2, 600, 601, 700, 701, 1000)
GAZE = NUMBERS[:-2]


def _published(base: Path) -> Path:
    touch(base, *(f"video/{n:03d}.AVI" for n in NUMBERS), "video/readme.txt")
    for n in GAZE:
        touch(base, f"annotation/{n:04d}/maps/0001.png", f"annotation/{n:04d}/fixation/0001.png")
        touch(base, f"annotation/{n:04d}/fixation/maps/0001.mat")
    return base


# github.com/rdroste/unisal, unisal/data.py, DHF1KDataset.get_data_file: annotation/%04d with the
# folders images, maps and fixation and files %04d.png.
def _unisal(base: Path) -> Path:
    for n in NUMBERS:
        touch(base, f"annotation/{n:04d}/images/0001.png")
    for n in GAZE:
        touch(base, f"annotation/{n:04d}/maps/0001.png", f"annotation/{n:04d}/fixation/0001.png")
    return base


# github.com/samyak0210/ViNet, dataloader.py, DHF1KDataset: folder of a split, then the video's
# folder with images/%04d.png and maps/%04d.png.
def _vinet(base: Path) -> Path:
    for n in NUMBERS:
        folder = f"{split_of(n)}/{n:04d}"
        touch(base, f"{folder}/images/0001.png")
        if n in GAZE:
            touch(base, f"{folder}/maps/0001.png", f"{folder}/fixation/0001.png")
    return base


# github.com/Linardos/SalEMA, src/data_loader.py, DHF1K_frames: frames/<int>, maps/<int>, sorted by
# int(name); scripts/dhf1k_setup.py copies annotation/0001/fixation to fixations/1.
def _salema(base: Path) -> Path:
    for n in NUMBERS:
        touch(base, f"frames/{n}/1.png")
    for n in GAZE:
        touch(base, f"maps/{n}/0001.png", f"fixations/{n}/0001.png")
    return base


LAYOUTS = {
    _published: ("as published", "video/601.AVI", "annotation/0601/fixation"),
    _unisal: ("beside the annotation", "annotation/0601/images", "annotation/0601/fixation"),
    _vinet: ("folders of splits", "val/0601/images", "val/0601/fixation"),
    _salema: ("integer names", "frames/601", "fixations/601"),
}


@pytest.mark.parametrize("make", LAYOUTS, ids=lambda make: make.__name__)
def test_each_layout_gives_the_same_rows(tmp_path, make, caplog):
    caplog.set_level(logging.INFO)
    base = make(tmp_path)
    sheet = sheets.check(dhf1k(str(base)), "dhf1k")
    assert dict(zip(sheet["video"], sheet["split"], strict=True)) == {
        "0001": "train",
        "0002": "train",
        "0600": "train",
        "0601": "val",
        "0700": "val",
        "0701": "test",
        "1000": "test",
    }
    name, path, gaze = LAYOUTS[make]
    row = sheet.set_index("video").loc["0601"]
    assert row["path"] == str(base / path)
    assert row["fixations"] == str(base / gaze)
    assert sheet.set_index("video")["fixations"][["0701", "1000"]].tolist() == ["", ""]
    assert name in caplog.text
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_only_frame_folders_need_a_rate(tmp_path):
    assert dhf1k(str(_published(tmp_path / "a")))["fps"].isna().all()
    assert set(dhf1k(str(_salema(tmp_path / "b")))["fps"]) == {30.0}


def test_video_601_is_validation_even_where_a_slice_was_off_by_one(tmp_path, caplog):
    """AlexMili/SalScan takes videos[601:701] of the sorted list: 601 is lost, 701 has no gaze."""
    touch(tmp_path, *(f"train/{n:04d}/images/0001.png" for n in (600, 601)))
    touch(tmp_path, *(f"val/{n:04d}/images/0001.png" for n in (602, 700, 701)))
    sheet = dhf1k(str(tmp_path)).set_index("video")
    assert sheet["split"].to_dict() == {
        "0600": "train",
        "0601": "val",
        "0602": "val",
        "0700": "val",
        "0701": "test",
    }
    assert "in folder train, but of another split by their number: 0601" in caplog.text
    assert "in folder val, but of another split by their number: 0701" in caplog.text


def test_every_number_has_its_split():
    counts = [split_of(n) for n in range(1, 1001)]
    assert {s: counts.count(s) for s in set(counts)} == {"train": 600, "val": 100, "test": 300}


def test_videos_without_annotation_and_strange_names_are_noted(tmp_path, caplog):
    touch(_published(tmp_path), "video/003.AVI", "video/1001.AVI", "video/intro.AVI")
    sheet = dhf1k(str(tmp_path)).set_index("video")
    assert sheet.loc["0003", "fixations"] == ""
    assert not {"1001", "intro"} & set(sheet.index)
    assert "no numbers of DHF1K, left out: 1001, intro" in caplog.text
    assert "videos of train and val without gaze (maps): 0003" in caplog.text


def test_matlab_maps_alone_are_gaze_too(tmp_path):
    touch(tmp_path, "video/001.AVI", "annotation/0001/fixation/maps/0001.mat")
    assert dhf1k(str(tmp_path))["fixations"].tolist() == [
        str(tmp_path / "annotation/0001/fixation")
    ]


def test_raw_recordings_are_one_pattern_per_video(tmp_path, caplog):
    # github.com/wenguanwang/DHF1K, record_mapping.m: sprintf('P%03d',person),
    # sprintf('P%03d_Trail',person), sprintf('%04d.txt',videonum).
    touch(tmp_path / "a [1]", "video/001.AVI", "video/002.AVI", "video/003.AVI")
    for person in (1, 17):
        for video in (1, 2):
            name = f"exportdata_train/P{person:03d}/P{person:03d}_Trail{video:04d}.txt"
            touch(tmp_path / "a [1]", name)
    sheet = dhf1k(str(tmp_path / "a [1]"), gaze="raw").set_index("video")
    pattern = sheet.loc["0002", "fixations"]
    assert pattern.endswith("/a [[]1]/exportdata_train/P*/P*_Trail0002.txt")
    assert sheet.loc["0003", "fixations"] == ""
    assert "without gaze (raw): 0003" in caplog.text


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda base: base / "none", {}, "no such folder; see SOURCES in datasets/dhf1k.py"),
        (lambda base: base, {}, "none of its videos is here; expected video/001.AVI"),
        (_published, {"gaze": "raw"}, "exportdata_train: no such folder.*or choose gaze: maps"),
        (_published, {"gaze": "csv"}, "option gaze of dataset dhf1k: 'csv' is none of maps, raw"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, make, options, words):
    with pytest.raises(InputError, match=words):
        dhf1k(str(make(tmp_path)), **options)


# record_mapping.m: [time,x_screen,y_screen,event]=textread(txtloc,'%f%f%f%s','headerlines',1);
# time = time-time(1) in microseconds, only events that begin with F; a = 640/1440,
# b = (900 - 360/a)/2 = 45: x = a*x_screen, y = a*(y_screen - b).
RAW = """\
time x y event
5000000 719.5 449.5 Fixation
5010000 719.5 449.5 Fixation
5020000 719.5 449.5 Fixation
5070000 100 100 Saccade
5080000 719.5 20 Fixation
5090000 719.5 20 Fixation
"""


def test_raw_gaze_is_mapped_through_the_black_bars(tmp_path):
    for person in (1, 17):
        path = tmp_path / f"exportdata_train/P{person:03d}/P{person:03d}_Trail0002.txt"
        path.parent.mkdir(parents=True)
        path.write_text(RAW)
    touch(tmp_path, "video/002.AVI")
    pattern = dhf1k(str(tmp_path), gaze="raw")["fixations"][0]
    for clip in (None, Clip(size=(640, 360), fps=30.0)):
        table = read_fixations(pattern, gaze="raw", clip=clip)
        # The middle of the screen is the middle of the video: (639.5 / 2.25) ... 320 - 0.5, 180 -
        # 0.5. The first fixation lasts 70 ms, which reaches into frames 0, 1 and 2; the second one
        # lies on the black bar above the video (20 < 45).
        assert table[["subject", "frame", "x", "y"]].to_numpy().tolist() == [
            [person, frame, 319.5, 179.5] for person in ("P001", "P017") for frame in (0, 1, 2)
        ]
        assert table.attrs["dropped"] == {"outside_video": 2}


def _write_maps(folder: Path, fixated: dict[int, list[tuple[int, int]]], ending: str) -> None:
    """Write fixation maps of 640x360: number -> (x, y) of the fixated pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, places in fixated.items():
        pixels = np.zeros((360, 640), np.uint8)
        for x, y in places:
            pixels[y, x] = 255
        if ending == ".png":
            assert cv2.imwrite(str(folder / f"{number:04d}.png"), pixels)
        else:
            savemat(folder / f"{number:04d}.mat", {"I": pixels > 0})


FIXATED = {1: [(0, 0), (639, 359)], 2: [], 3: [(17, 300)]}
POINTS = [["0", 0, 0.0, 0.0], ["0", 0, 639.0, 359.0], ["0", 2, 17.0, 300.0]]


@pytest.mark.parametrize(
    ("place", "ending"),
    [
        ("annotation/0001/fixation", ".png"),
        ("annotation/0001/fixation/maps", ".mat"),
        ("fixations/1", ".png"),
        ("train/0001/fixation", ".png"),
    ],
)
def test_map_0001_is_frame_0(tmp_path, place, ending):
    _write_maps(tmp_path / place, FIXATED, ending)
    place = place.removesuffix("/maps")
    if place.startswith("train"):
        touch(tmp_path, *(f"train/0001/images/{n:04d}.png" for n in (1, 2, 3)))
    for clip in (None, Clip(size=(640, 360), fps=30.0)):
        table = read_fixations(str(tmp_path / place), clip=clip)
        assert table[["subject", "frame", "x", "y"]].to_numpy().tolist() == POINTS


def test_maps_of_another_size_than_the_frames_are_scaled(tmp_path):
    _write_maps(tmp_path / "fixation", {1: [(0, 0), (639, 359)]}, ".png")
    table = read_fixations(str(tmp_path / "fixation"), clip=Clip(size=(320, 180), fps=30.0))
    # (0 + 0.5) / 2 - 0.5 and (639 + 0.5) / 2 - 0.5.
    assert table[["x", "y"]].to_numpy().tolist() == [[-0.25, -0.25], [319.25, 179.25]]


def test_the_frames_of_the_real_videos_have_their_gaze(shared, tmp_path):
    """The pictures of TASED's example, 0001.jpg and so on, with maps of the same numbers."""
    source = shared / "data/frames/dhf1k_tased_ex1"
    count = len(list(source.glob("*.jpg")))
    place = tmp_path / "annotation/0601"
    place.mkdir(parents=True)
    (place / "images").symlink_to(source)
    _write_maps(place / "fixation", {n: [(n, 2 * n)] for n in range(1, count + 1)}, ".png")
    sheet = dhf1k(str(tmp_path))
    assert sheet[["video", "split"]].to_numpy().tolist() == [["0601", "val"]]
    height, width = probe(sheet["path"][0]).size
    clip = Clip(size=(width, height), fps=30.0)
    table = read_fixations(sheet["fixations"][0], clip=clip)
    assert table["frame"].tolist() == list(range(count))
    scale = width / 640
    assert table["x"].tolist() == [(n + 0.5) * scale - 0.5 for n in range(1, count + 1)]
