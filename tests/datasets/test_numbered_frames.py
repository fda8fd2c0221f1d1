"""Folders of numbered frames, named by class."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, touch
from vidsal.datasets.numbered_frames import numbered_frames
from vidsal.errors import InputError

# test_data/kinetics/sampled_frames and test_data/epic-kitchens-noun of
# github.com/shinkyo0513/Video-Visual-Explanations
KINETICS = "playing bass guitar-fUbFAXY-vxQ_2_10"
EPIC = "cloth-take-P12_06_18977"


def test_the_label_is_in_the_name(tmp_path):
    base = touch(tmp_path, f"{KINETICS}/000000001.png", f"{EPIC}/000000001.png", "notes/a.txt")
    sheet = numbered_frames(str(base))
    assert rows(sheet, "video", "path", "split", "label", "fps") == [
        [EPIC, str(base / EPIC), "test", "cloth", 10.0],
        [
            "playing_bass_guitar-fUbFAXY-vxQ_2_10",
            str(base / KINETICS),
            "test",
            "playing bass guitar",
            10.0,
        ],
    ]


def test_another_part_of_the_name(tmp_path):
    touch(tmp_path, f"{EPIC}/000000001.png")
    sheet = numbered_frames("unused", videos=str(tmp_path), part=1, split="val", fps=25.0)
    assert rows(sheet, "label", "split", "fps") == [["take", "val", 25.0]]


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(
        InputError, match="no such folder; it shall hold folders such as abseiling-"
    ):
        numbered_frames(str(tmp_path / "none"))
    with pytest.raises(InputError, match="no frames; expected folders such as"):
        numbered_frames(str(tmp_path))
    touch(tmp_path, f"{KINETICS}/000000001.png", "abseiling/000000001.png")
    with pytest.raises(InputError, match="part 0 of 'abseiling' is no label"):
        numbered_frames(str(tmp_path))


def test_the_real_clips(shared):
    sheet = numbered_frames(str(shared / "data/frames/kinetics"))
    assert sorted(sheet["label"]) == [
        "abseiling",
        "ironing",
        "playing bass guitar",
        "playing guitar",
    ]
    epic = numbered_frames(str(shared / "data/frames/epic_noun"), part=1)
    assert sorted(epic["label"]) == ["open", "stir", "take", "take"]
