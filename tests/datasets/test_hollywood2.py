"""Hollywood-2: a row per shot, fixation maps on the shot's own frames."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vidsal import sheets
from vidsal.datasets.hollywood2 import hollywood2, read_fixations
from vidsal.errors import InputError
from vidsal.fixations import Clip


def _shot(base: Path, place: str, numbers: range, ending: str = "png") -> None:
    # github.com/rdroste/unisal, unisal/data.py, HollywoodDataset: actionclip<phase>%05d_%1d with
    # the folders images, maps, fixation, files actionclip<phase>%05d_%05d.png, the numbers of a
    # shot beginning at `start_image`.
    clip = Path(place).name.rpartition("_")[0]
    for folder in ("images", "maps", "fixation"):
        (base / place / folder).mkdir(parents=True)
        for number in numbers:
            (base / place / folder / f"{clip}_{number:05d}.{ending}").touch()


def _tree(base: Path) -> Path:
    _shot(base, "training/actionclipautoautotrain00001_1", range(1, 12))
    _shot(base, "training/actionclipautoautotrain00001_2", range(12, 13))
    _shot(base, "testing/actioncliptest00003_10", range(7, 10))
    _shot(base, "testing/actioncliptest00003_9", range(1, 7))
    return base


def test_a_row_is_a_shot(tmp_path):
    sheet = sheets.check(hollywood2(str(_tree(tmp_path))), "hollywood2")
    assert sheet[["video", "split", "fps"]].to_numpy().tolist() == [
        ["actionclipautoautotrain00001_1", "train", 24.0],
        ["actionclipautoautotrain00001_2", "train", 24.0],
        ["actioncliptest00003_9", "test", 24.0],
        ["actioncliptest00003_10", "test", 24.0],
    ]
    place = tmp_path / "testing/actioncliptest00003_10"
    assert sheet.loc[3, ["path", "fixations"]].tolist() == [
        str(place / "images"),
        str(place / "fixation"),
    ]


@pytest.mark.parametrize(("shortest", "left"), [(1, 4), (2, 3), (6, 2), (11, 1)])
def test_short_shots_can_be_left_out(tmp_path, shortest, left, caplog):
    assert len(hollywood2(str(_tree(tmp_path)), shortest=shortest)) == left
    assert (f"fewer than {shortest} frames, left out" in caplog.text) == (shortest > 1)


def test_what_is_missing_is_noted(tmp_path, caplog):
    _tree(tmp_path)
    (tmp_path / "testing/actioncliptest00004_1/images").mkdir(parents=True)
    (tmp_path / "testing/actioncliptest00004_1/images/actioncliptest00004_00001.png").touch()
    (tmp_path / "testing/actioncliptest00005_1/maps").mkdir(parents=True)
    sheet = hollywood2(str(tmp_path)).set_index("video")
    assert sheet.loc["actioncliptest00004_1", "fixations"] == ""
    assert "videos without fixation maps: actioncliptest00004_1" in caplog.text
    assert "folders without images, left out: actioncliptest00005_1" in caplog.text


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/hollywood2.py"):
        hollywood2(str(tmp_path / "none"))
    with pytest.raises(InputError, match="none of its videos is here; expected training/NAME"):
        hollywood2(str(tmp_path))
    with pytest.raises(InputError, match="shortest of dataset hollywood2: 0 is below 1 frame"):
        hollywood2(str(tmp_path), shortest=0)


def _write_maps(folder: Path, name: str, fixated: dict[int, list[tuple[int, int]]]) -> None:
    folder.mkdir(parents=True)
    for number, places in fixated.items():
        pixels = np.zeros((288, 656), np.uint8)
        for x, y in places:
            pixels[y, x] = 255
        assert cv2.imwrite(str(folder / f"{name}_{number:05d}.png"), pixels)


def _pictures(folder: Path, name: str, numbers: list[int]) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        (folder / f"{name}_{number:05d}.png").touch()


def test_numbers_run_on_across_shots_but_frames_begin_at_0(tmp_path, caplog):
    name = "actionclipautoautotrain00001"
    place = tmp_path / f"training/{name}_2"
    _pictures(place / "images", name, [135, 136, 137])
    _write_maps(place / "fixation", name, {135: [(655, 287)], 136: [], 137: [(3, 4)]})
    table = read_fixations(str(place / "fixation"), clip=Clip(size=(656, 288), fps=24.0))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 655.0, 287.0], [2, 3.0, 4.0]]
    assert caplog.text == ""


def test_a_map_belongs_to_the_picture_of_its_number(tmp_path, caplog):
    """Picture 136 is missing, so 137 is frame 1; map 138 has no picture."""
    name = "actioncliptest00003"
    place = tmp_path / f"testing/{name}_9"
    _pictures(place / "images", name, [135, 137])
    maps = {135: [(1, 1)], 136: [(2, 2)], 137: [(3, 3)], 138: [(4, 4)]}
    _write_maps(place / "fixation", name, maps)
    table = read_fixations(str(place / "fixation"))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 1.0, 1.0], [1, 3.0, 3.0]]
    assert table.attrs["dropped"] == {"frame_outside": 2}
    assert "4 fixation maps of 2 pictures" in caplog.text


def test_a_shot_of_one_frame(tmp_path):
    place = tmp_path / "testing/actioncliptest00003_1"
    _pictures(place / "images", "actioncliptest00003", [9])
    _write_maps(place / "fixation", "actioncliptest00003", {9: [(5, 6)]})
    table = read_fixations(str(place / "fixation"))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 5.0, 6.0]]


def test_density_is_no_gaze(tmp_path):
    place = tmp_path / "testing/actioncliptest00003_1"
    _pictures(place / "images", "actioncliptest00003", [1])
    (place / "fixation").mkdir()
    density = np.arange(16, dtype=np.uint8).reshape(4, 4)
    cv2.imwrite(str(place / "fixation/actioncliptest00003_00001.png"), density)
    with pytest.raises(InputError, match="map of density"):
        read_fixations(str(place / "fixation"))
