"""SALICON: pictures as videos of one frame, with gaze from MAT files or from JSON."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.datasets.trees import touch
from vidsal import sheets
from vidsal.datasets.salicon import SOURCES, read_fixations, salicon
from vidsal.errors import InputError
from vidsal.fixations import Clip

# github.com/rdroste/unisal, unisal/data.py, SALICONDataset: images/<phase>/ and fixations/<phase>/
# with files COCO_<phase>2014_%012d.jpg and .mat.
PICTURES = ("train/COCO_train2014_000000000009", "val/COCO_val2014_000000000133")
PICTURES += ("test/COCO_test2014_000000000014",)


def _release_2017(base: Path) -> Path:
    touch(base, *(f"images/{name}.jpg" for name in PICTURES), "images/train/other.jpg")
    return touch(base, *(f"fixations/{name}.mat" for name in PICTURES[:2]))


def test_the_release_of_2017(tmp_path, caplog):
    base = _release_2017(tmp_path)
    sheet = sheets.check(salicon(str(base)), "salicon")
    assert sheet[["video", "split"]].to_numpy().tolist() == [
        ["COCO_train2014_000000000009", "train"],
        ["COCO_val2014_000000000133", "val"],
        ["COCO_test2014_000000000014", "test"],
    ]
    assert sheet["path"][1] == str(base / f"images/{PICTURES[1]}.jpg")
    assert sheet["fixations"].tolist() == [
        *(str(base / f"fixations/{name}.mat") for name in PICTURES[:2]),
        "",
    ]
    assert caplog.text == ""


def test_pictures_without_gaze_are_noted(tmp_path, caplog):
    (_release_2017(tmp_path) / f"fixations/{PICTURES[0]}.mat").unlink()
    assert salicon(str(tmp_path))["fixations"][0] == ""
    assert "without gaze (2017): COCO_train2014_000000000009" in caplog.text


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/salicon.py"):
        salicon(str(tmp_path / "none"))
    with pytest.raises(InputError, match="none of its videos is here"):
        salicon(str(touch(tmp_path, "images/train/picture.jpg")))
    with pytest.raises(InputError, match="'2016' is none of 2017, 2015, sample"):
        salicon(str(tmp_path), release="2016")


def test_a_hundred_thousand_pictures_are_listed_in_seconds(tmp_path):
    place = tmp_path / "images" / "train"
    gaze = tmp_path / "fixations" / "train"
    place.mkdir(parents=True)
    gaze.mkdir(parents=True)
    for number in range(100_000):
        (place / f"COCO_train2014_{number:012d}.jpg").touch()
    for number in range(0, 100_000, 2):
        (gaze / f"COCO_train2014_{number:012d}.mat").touch()
    start = time.process_time()
    sheet = sheets.check(salicon(str(tmp_path)), "salicon")
    assert time.process_time() - start < 10
    assert len(sheet) == 100_000
    assert (sheet["fixations"] != "").sum() == 50_000


def test_gaze_of_a_matlab_file(tmp_path):
    """unisal/data.py: third field of gaze[:, 0], x and y from 1; resolution [height width]."""
    kinds = [(name, object) for name in ("location", "timestamp", "fixations")]
    gaze = np.zeros((2, 1), dtype=kinds)
    gaze["fixations"][0, 0] = np.array([[1, 1], [640, 480]], np.uint16)
    gaze["fixations"][1, 0] = np.array([[321, 241]], np.uint16)
    for name in ("location", "timestamp"):
        gaze[name][:, 0] = [np.zeros((1, 2)), np.zeros((1, 2))]
    path = tmp_path / "COCO_train2014_000000000009.mat"
    content = {"gaze": gaze, "image": path.stem, "resolution": np.array([[480, 640]], np.uint16)}
    savemat(path, content)
    for clip in (None, Clip(names=(path.stem,), size=(640, 480), fps=25.0)):
        table = read_fixations(str(path), clip=clip)
        assert table[["subject", "frame", "x", "y"]].to_numpy().tolist() == [
            ["0", 0, 0.0, 0.0],
            ["0", 0, 639.0, 479.0],
            ["1", 0, 320.0, 240.0],
        ]


def test_the_real_sample(shared, tmp_path):
    """Ten pictures with their gaze in one JSON file, as the authors show them."""
    source = shared / "data/static_fixations/salicon"
    (tmp_path / "images").mkdir()
    for path in source.glob("*.jpg"):
        (tmp_path / "images" / path.name).symlink_to(path)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/fixations_train2014examples.json").symlink_to(
        source / "fixations_train2014examples.json"
    )
    sheet = sheets.check(salicon(str(tmp_path), release="sample"), "salicon")
    assert len(sheet) == 10
    assert set(sheet["split"]) == {"train"}
    listed = json.loads((source / "fixations_train2014examples.json").read_text())
    for _, row in sheet.iterrows():
        image = next(i for i in listed["images"] if i["file_name"] == f"{row['video']}.jpg")
        own = [a for a in listed["annotations"] if a["image_id"] == image["id"]]
        wanted = {
            (str(a["worker_id"]), column - 1, line - 1)
            for a in own
            for line, column in a["fixations"]
            if 1 <= column <= 640 and 1 <= line <= 480
        }
        clip = Clip(names=(row["video"], f"{row['video']}.jpg"), size=(640, 480), fps=25.0)
        table = read_fixations(row["fixations"], clip=clip)
        assert set(table["frame"]) == {0}
        found = set(zip(table["subject"], table["x"], table["y"], strict=True))
        assert found == wanted


def test_the_sample_that_is_downloaded_is_the_one_that_is_read(shared):
    """The checksums in SOURCES are those of the real files."""
    folder = shared / "data/static_fixations/salicon"
    own = [source for source in SOURCES if source["needs"] == {"release": ["sample"]}]
    assert len(own) == 11
    for source in own:
        data = (folder / Path(source["name"]).name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == source["sha256"]
        assert len(data) == source["size"]
