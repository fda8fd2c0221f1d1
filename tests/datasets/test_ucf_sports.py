"""UCF-Sports: names, classes, splits and fixation maps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vidsal import sheets
from vidsal.datasets.ucf_sports import PUBLISHED, read_fixations, ucf_sports
from vidsal.errors import InputError
from vidsal.fixations import Clip


def _video(base: Path, place: str, count: int) -> None:
    # github.com/rdroste/unisal, unisal/data.py, UCFSportsDataset.get_data_file:
    # f"{vid_name[:-4]}_{vid_name[-3:]}_{f_nr:03d}.png" in <vid_name>/{images,maps,fixation}.
    name = Path(place).name
    for folder in ("images", "maps", "fixation"):
        (base / place / folder).mkdir(parents=True)
        for number in range(1, count + 1):
            (base / place / folder / f"{name[:-4]}_{name[-3:]}_{number:03d}.png").touch()


def test_names_classes_and_splits(tmp_path, caplog):
    _video(tmp_path, "training/Diving-Side-005", 3)
    _video(tmp_path, "training/Lifting-003", 2)
    _video(tmp_path, "testing/Golf-Swing-Back-001", 1)
    sheet = sheets.check(ucf_sports(str(tmp_path)), "ucf_sports")
    assert sheet[["video", "split", "label", "fps"]].to_numpy().tolist() == [
        ["Diving-Side-005", "train", "Diving-Side", 24.0],
        ["Lifting-003", "train", "Lifting", 24.0],
        ["Golf-Swing-Back-001", "test", "Golf-Swing-Back", 24.0],
    ]
    assert sheet["fixations"][0] == str(tmp_path / "training/Diving-Side-005/fixation")
    assert "2 of split train (published: 103), 1 of split test (published: 47)" in caplog.text


def test_the_whole_set_is_not_remarked_on(tmp_path, caplog):
    for split, count in PUBLISHED.items():
        for n in range(count):
            _video(tmp_path, f"{split}ing/Run-Side-{n:03d}", 1)
    assert len(ucf_sports(str(tmp_path))) == 150
    assert caplog.text == ""


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/ucf_sports.py"):
        ucf_sports(str(tmp_path / "none"))
    with pytest.raises(InputError, match="none of its videos is here"):
        ucf_sports(str(tmp_path))


def test_gaze_of_each_frame(tmp_path):
    _video(tmp_path, "training/Diving-Side-005", 2)
    place = tmp_path / "training/Diving-Side-005/fixation"
    for number, (x, y) in {1: (719, 0), 2: (10, 403)}.items():
        pixels = np.zeros((404, 720), np.uint8)
        pixels[y, x] = 255
        assert cv2.imwrite(str(place / f"Diving-Side_005_{number:03d}.png"), pixels)
    table = read_fixations(str(place), clip=Clip(size=(720, 404), fps=24.0))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 719.0, 0.0], [1, 10.0, 403.0]]
