"""VED100: videos and recordings of equal names; gaze in pixels of the video."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.datasets.trees import touch
from vidsal import sheets
from vidsal.datasets.ved100 import read_fixations, ved100
from vidsal.errors import InputError
from vidsal.fixations import Clip


@pytest.mark.parametrize("place", ["data", "Human_fixation_data", "."])
def test_names_bring_videos_and_gaze_together(tmp_path, place, caplog):
    touch(tmp_path, f"{place}/Raw/Kimono1.txt", f"{place}/Raw/Cactus.txt")
    touch(tmp_path, f"{place}/Avg/Kimono1.txt", "avi/Kimono1.avi", "frames/BasketballPass/f001.png")
    sheet = sheets.check(ved100(str(tmp_path)), "ved100").set_index("video")
    assert list(sheet.index) == ["Kimono1", "BasketballPass"]
    assert sheet.loc["Kimono1", "fixations"] == str(tmp_path / place / "Raw/Kimono1.txt")
    assert sheet["fps"].isna().tolist() == [True, False]
    assert "gaze without a video: Cactus" in caplog.text
    assert "videos without gaze (raw): BasketballPass" in caplog.text
    averaged = ved100(str(tmp_path), gaze="avg").set_index("video")
    assert averaged.loc["Kimono1", "fixations"] == str(tmp_path / place / "Avg/Kimono1.txt")


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/ved100.py"):
        ved100(str(tmp_path / "none"))
    with pytest.raises(InputError, match="'mean' is none of raw, avg"):
        ved100(str(tmp_path), gaze="mean")
    with pytest.raises(InputError, match="none of its videos is here"):
        ved100(str(touch(tmp_path, "data/Raw/Kimono1.txt")))


def test_gaze_in_pixels_of_the_video(tmp_path):
    # x / 3840 * W, y / 2160 * H (edges; whole numbers are centres); a new person begins where the
    # frame number goes down; 3841 is off the screen; Kimono1 is 1920x1080.
    path = tmp_path / "Kimono1.txt"
    path.write_text("1 0.5 0.5\n1 0.5 0.5\n3 3838.5 2158.5\n1 1919.5 1079.5\n2 3841 10\n")
    table = read_fixations(str(path), clip=Clip(size=(1920, 1080), fps=24.0))
    assert table[["subject", "frame", "x", "y"]].to_numpy().tolist() == [
        ["0", 0, 0.0, 0.0],
        ["0", 2, 1919.0, 1079.0],
        ["1", 0, 959.5, 539.5],
    ]
    assert table.attrs["dropped"] == {"duplicate": 1, "outside_screen": 1}


def test_a_real_recording(shared):
    path = shared / "data/gaze/VED100_raw/Kimono1.txt"
    table = read_fixations(str(path), clip=Clip(size=(1920, 1080), fps=24.0))
    # First line of the file: 1 3087.74 1600.67.
    first = table.iloc[0]
    assert first["frame"] == 0
    assert first["x"] == pytest.approx((3087.74 + 0.5) / 2 - 0.5)
    assert first["y"] == pytest.approx((1600.67 + 0.5) / 2 - 0.5)
    lines = [line.split() for line in path.read_text().splitlines()]
    frames = [int(line[0]) for line in lines]
    falls = sum(later < sooner for sooner, later in pairwise(frames))
    assert table["subject"].nunique() == falls + 1
    assert len(table) + sum(table.attrs["dropped"].values()) == len(lines)
    assert table["x"].between(-0.5, 1919.5).all()
    assert table["y"].between(-0.5, 1079.5).all()
