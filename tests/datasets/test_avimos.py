"""AViMoS and NTIRE 2026: lists, folders as the archives leave them, gaze per frame."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vidsal import sheets
from vidsal.datasets.avimos import avimos, read_fixations
from vidsal.errors import InputError
from vidsal.fixations import Clip

# github.com/msu-video-group/ECCVW24_Saliency_Prediction (and NTIRE26): bench.py reads
# TrainTestSplit.json[mode] with mode public_test or private_test, and FixationsTest/Test/<name>/
# fixations.json; challenges.videoprocessing.ai/challenges/video-saliency-prediction-participate:
# "FixationsTrain/Train/video_name/fixations.json"; README.md: Videos.zip holds .mp4 files.
LISTS = {"train": ["1001", "1002"], "public_test": ["2001"], "private_test": ["3001", "3002"]}


def _tree(base: Path, ending: str = "", inner: str = "") -> Path:
    lists = {key: [name + ending for name in names] for key, names in LISTS.items()}
    base.mkdir(parents=True, exist_ok=True)
    (base / "TrainTestSplit.json").write_text(json.dumps(lists))
    for key, names in LISTS.items():
        top = "FixationsTrain/Train" if key == "train" else "FixationsTest/Test"
        for name in names:
            (base / "Videos" / inner).mkdir(parents=True, exist_ok=True)
            (base / "Videos" / inner / f"{name}.mp4").touch()
            (base / top / name / "fixations").mkdir(parents=True)
            (base / top / name / "fixations.json").write_text("[[[5, 7]], [], [[0, 0], [1079, 2]]]")
    return base


@pytest.mark.parametrize(("ending", "inner"), [("", ""), (".mp4", "all_video")])
def test_lists_become_splits(tmp_path, ending, inner):
    base = _tree(tmp_path, ending, inner)
    sheet = sheets.check(avimos(str(base)), "avimos").set_index("video")
    assert sheet["split"].to_dict() == {
        "1001": "train",
        "1002": "train",
        "2001": "test",
        "3001": "test",
        "3002": "test",
    }
    assert sheet.loc["2001", "path"] == str(base / "Videos" / inner / "2001.mp4")
    assert sheet.loc["2001", "fixations"] == str(base / "FixationsTest/Test/2001/fixations.json")
    assert sheet.loc["1001", "fixations"] == str(base / "FixationsTrain/Train/1001/fixations.json")


@pytest.mark.parametrize(
    ("test", "splits"),
    [("public", ["test", "private_test"]), ("private", ["public_test", "test"])],
)
def test_the_part_that_is_the_test_can_be_chosen(tmp_path, test, splits):
    sheet = avimos(str(_tree(tmp_path)), test=test).set_index("video")
    assert sheet["split"][["2001", "3001"]].tolist() == splits


def test_gaze_folders_that_were_put_together_are_found(tmp_path):
    base = _tree(tmp_path)
    (base / "FixationsTest").rename(base / "Fixations")
    sheet = avimos(str(base)).set_index("video")
    assert sheet.loc["3002", "fixations"] == str(base / "Fixations/Test/3002/fixations.json")


def test_what_is_missing_is_noted(tmp_path, caplog):
    base = _tree(tmp_path)
    (base / "Videos/1002.mp4").unlink()
    (base / "FixationsTest/Test/3001/fixations.json").unlink()
    sheet = avimos(str(base)).set_index("video")
    assert list(sheet.index) == ["1001", "2001", "3001", "3002"]
    assert sheet.loc["3001", "fixations"] == ""
    assert "aim2024 has 1500 videos; the list has: 5" in caplog.text
    assert "in the list, but not there: 1002" in caplog.text
    assert "videos without fixations.json: 3001" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "TrainTestSplit.json: no such list; see SOURCES"),
        ("{", "holds no lists train, public_test, private_test"),
        ('{"train": []}', "holds no lists .*'public_test'"),
        ('{"train": 3, "public_test": [], "private_test": []}', "holds no lists"),
    ],
)
def test_what_is_no_list_is_one_sentence(tmp_path, text, words):
    base = _tree(tmp_path)
    (base / "TrainTestSplit.json").unlink()
    if text is not None:
        (base / "TrainTestSplit.json").write_text(text)
    with pytest.raises(InputError, match=words):
        avimos(str(base))


def test_options_are_checked(tmp_path):
    with pytest.raises(InputError, match="'2025' is none of aim2024, ntire2026"):
        avimos(str(tmp_path), edition="2025")
    with pytest.raises(InputError, match="'secret' is none of all, public, private"):
        avimos(str(tmp_path), test="secret")


def test_gaze_of_a_frame_is_rows_and_columns(tmp_path):
    path = _tree(tmp_path) / "FixationsTest/Test/2001/fixations.json"
    # bench.py: S[F[:, 0], F[:, 1]], row first, from 0; the frames are those of the list's order.
    table = read_fixations(str(path), clip=Clip(size=(1920, 1080), fps=30.0))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [
        [0, 7.0, 5.0],
        [2, 0.0, 0.0],
        [2, 2.0, 1079.0],
    ]
