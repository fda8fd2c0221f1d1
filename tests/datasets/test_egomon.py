"""EgoMon: pictures once a second, the wearer's gaze in milliseconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.datasets.trees import touch
from vidsal import sheets
from vidsal.datasets.egomon import egomon, read_fixations
from vidsal.errors import InputError
from vidsal.fixations import Clip

# github.com/Linardos/SalEMA, scripts/copy_ego_folders.py: video_clean/<name>/frames_<name> is
# copied to frames/<name>; github.com/imatge-upc/egocentric-2016-saliency: pictures are named
# <name>_00001.png (reading_gazedata.m), gaze/parser.sh prints three columns of Tobii's export.


def _published(base: Path) -> Path:
    touch(base, "video_clean/bus_ride/bus_ride.mp4", "gaze/bus_ride.txt")
    touch(base, "video_clean/bus_ride/frames_bus_ride/bus_ride_00001.png")
    touch(base, "video_clean/botanic/frames_botanic/botanic_00001.png")
    return touch(base, "video_clean/botanic/export.tsv", "video_clean/botanic/film.avi")


def test_the_published_tree(tmp_path):
    base = _published(tmp_path)
    sheet = sheets.check(egomon(str(base)), "egomon").set_index("video")
    assert sheet.loc["bus_ride", ["path", "fps", "fixations"]].tolist() == [
        str(base / "video_clean/bus_ride/frames_bus_ride"),
        1.0,
        str(base / "gaze/bus_ride.txt"),
    ]
    assert sheet.loc["botanic", "fixations"] == str(base / "video_clean/botanic/export.tsv")
    assert set(sheet["split"]) == {"test"}


def test_films_keep_their_own_rate(tmp_path):
    sheet = sheets.check(egomon(str(_published(tmp_path)), source="videos"), "egomon")
    assert sheet["path"].map(lambda path: Path(path).name).tolist() == ["film.avi", "bus_ride.mp4"]
    assert sheet["fps"].isna().all()


def test_the_copied_tree_with_fixation_maps(tmp_path, caplog):
    touch(tmp_path, "frames/bus ride/a_1.png", "maps/bus ride/a_1.png", "frames/park/a_1.png")
    sheet = sheets.check(egomon(str(tmp_path)), "egomon").set_index("video")
    assert sheet["fixations"].to_dict() == {"bus_ride": str(tmp_path / "maps/bus ride"), "park": ""}
    assert "videos without gaze: park" in caplog.text


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/egomon.py"):
        egomon(str(tmp_path / "none"))
    with pytest.raises(InputError, match="none of its videos is here"):
        egomon(str(tmp_path))
    with pytest.raises(InputError, match="'film' is none of frames, videos"):
        egomon(str(tmp_path), source="film")


def test_lines_of_milliseconds_fall_into_the_pictures_of_their_second(tmp_path):
    path = tmp_path / "bus_ride.txt"
    path.write_text("33 100 200\n998 101 201\n1000 102 202\n2500 103.5 203.5\n")
    for clip in (None, Clip(size=(1280, 960), fps=1.0)):
        table = read_fixations(str(path), clip=clip)
        assert table[["subject", "frame", "x", "y"]].to_numpy().tolist() == [
            ["0", 0, 100.0, 200.0],
            ["0", 0, 101.0, 201.0],
            ["0", 1, 102.0, 202.0],
            ["0", 2, 103.5, 203.5],
        ]
    film = Clip(size=(1280, 960), fps=25.0)
    assert read_fixations(str(path), source="videos", clip=film)["frame"].tolist() == [
        0,
        24,
        25,
        62,
    ]


def test_tobiis_own_export_is_read_too(tmp_path):
    # Column names of Tobii Studio's export, as in test_tobii.py of this repository.
    path = tmp_path / "bus_ride.tsv"
    rows = "100\t320\t240\n1100\t321\t241\n"
    path.write_text("RecordingTimestamp\tGazePointX (MCSpx)\tGazePointY (MCSpx)\n" + rows)
    table = read_fixations(str(path), clip=Clip(size=(1280, 960), fps=1.0))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 320.0, 240.0], [1, 321.0, 241.0]]


def test_fixation_maps_count_by_their_order(tmp_path):
    place = tmp_path / "maps/bus_ride"
    place.mkdir(parents=True)
    for number, x in {9: 1, 10: 2}.items():
        pixels = np.zeros((4, 6), np.uint8)
        pixels[3, x] = 255
        assert cv2.imwrite(str(place / f"bus_ride_{number}.png"), pixels)
    table = read_fixations(str(place), clip=Clip(size=(6, 4), fps=1.0))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 1.0, 3.0], [1, 2.0, 3.0]]
