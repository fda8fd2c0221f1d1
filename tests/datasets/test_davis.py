"""DAVIS: lists of both years, outlines as masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.datasets.trees import rows, touch, write
from vidsal import registry, sources
from vidsal.datasets.davis import davis, read_masks
from vidsal.errors import InputError


def _film(base, name, count=2, outlined=2):
    # tensorflow_datasets/video/davis/davis.py: JPEGImages/480p/<film>/00000.jpg and
    # Annotations/480p/<film>/00000.png, numbers from 0.
    touch(base, *(f"JPEGImages/480p/{name}/{n:05d}.jpg" for n in range(count)))
    touch(base, *(f"Annotations/480p/{name}/{n:05d}.png" for n in range(outlined)))


@pytest.fixture
def base(tmp_path):
    place = tmp_path / "DAVIS"
    for name in ("bear", "bike-packing"):
        _film(place, name)
    _film(place, "aerobatics", outlined=1)  # test-dev: only the first frame
    write(place, "ImageSets/2017/train.txt", "bear\n")
    write(place, "ImageSets/2017/val.txt", "bike-packing\n")
    write(place, "ImageSets/2017/test-dev.txt", "aerobatics\ncar-race\n")
    return tmp_path


def test_2017(base):
    place = base / "DAVIS"
    assert rows(davis(str(base)), "video", "path", "split", "fps", "masks") == [
        [
            "bear",
            str(place / "JPEGImages/480p/bear"),
            "train",
            24.0,
            str(place / "Annotations/480p/bear"),
        ],
        [
            "bike-packing",
            str(place / "JPEGImages/480p/bike-packing"),
            "val",
            24.0,
            str(place / "Annotations/480p/bike-packing"),
        ],
        ["aerobatics", str(place / "JPEGImages/480p/aerobatics"), "test-dev", 24.0, ""],
    ]


@pytest.mark.parametrize(
    ("place", "train", "val"),
    [
        ("2016", "bear\n", "bike-packing\n"),
        # ImageSets/480p/train.txt of the archive of 2016: a picture and its outline a line
        (
            "480p",
            "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png \n"
            "/JPEGImages/480p/bear/00001.jpg /Annotations/480p/bear/00001.png \n",
            "/JPEGImages/480p/bike-packing/00000.jpg /Annotations/480p/bike-packing/00000.png \n",
        ),
    ],
)
def test_2016(base, place, train, val):
    write(base / "DAVIS", f"ImageSets/{place}/train.txt", train)
    write(base / "DAVIS", f"ImageSets/{place}/val.txt", val)
    sheet = davis(str(base / "DAVIS"), year=2016)
    assert rows(sheet, "video", "split") == [["bear", "train"], ["bike-packing", "val"]]


def test_outlines_are_masks(tmp_path):
    picture = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number:05d}.png"), np.roll(picture, number, axis=1))
    masks = read_masks(str(tmp_path), 1, 3, year=2017, resolution="480p", missing="refuse")
    assert masks[0].tolist() == [[2, 0, 1], [0, 0, 2]]
    assert masks.shape == (2, 2, 3)
    assert read_masks(str(tmp_path), 0, 1, year=2016)[0].tolist() == [[0, 1, 1], [1, 1, 0]]


def test_what_is_wrong_is_one_sentence(base):
    name = str(base)
    with pytest.raises(
        InputError, match="option year of dataset davis: 2018 is none of 2016, 2017"
    ):
        davis(name, year=2018)
    with pytest.raises(InputError, match="'720p' is none of 480p, Full-Resolution, 1080p"):
        davis(name, resolution="720p")
    with pytest.raises(InputError, match=r"ImageSets/2016/train.txt: no such file; see SOURCES"):
        davis(name, year=2016)
    with pytest.raises(
        InputError, match=r"3 of the 3 videos|2 of the 2 videos in its lists are not"
    ):
        davis(name, resolution="1080p")
    write(base / "DAVIS", "ImageSets/2017/val.txt", "bike-packing\ncamel\n")
    with pytest.raises(InputError, match=r"1 of the 4 videos in its lists are not in .* \(camel\)"):
        davis(name)
    assert len(davis(name, missing="drop")) == 3


def test_the_archives_are_those_published():
    entry = registry.entry("datasets", "davis")
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    config = {"rooms": None, "datasets": {"d": {"method": "davis"}}}
    (source,) = sources.of(config, "d")
    # tensorflow_datasets/video/davis/checksums.tsv
    assert (source["size"], source["sha256"][:8]) == (832766765, "e3d0b5b7")
