"""Folders of classes: given splits, drawn splits, people kept apart."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, seconds, touch
from vidsal import sheets
from vidsal.datasets.class_folders import class_folders
from vidsal.errors import InputError


def test_folders_of_splits(tmp_path, caplog):
    touch(
        tmp_path,
        *("train/walk/a.mp4", "train/run/a.avi", "Validation/walk/b.mp4", "test/walk/c/1.png"),
        *("notes/walk/d.mp4", "train/walk/.hidden.mp4", "train/walk/readme.txt"),
    )
    sheet = class_folders(str(tmp_path))
    assert rows(sheet, "video", "path", "split", "label", "fps") == [
        ["walk-c", str(tmp_path / "test/walk/c"), "test", "walk", 25.0],
        ["run-a", str(tmp_path / "train/run/a.avi"), "train", "run", None],
        ["walk-a", str(tmp_path / "train/walk/a.mp4"), "train", "walk", None],
        ["walk-b", str(tmp_path / "Validation/walk/b.mp4"), "val", "walk", None],
    ]
    assert "no folders of splits, left out: notes" in caplog.text


def test_names_in_two_splits_stay_apart(tmp_path):
    touch(tmp_path, "train/walk/a.mp4", "test/walk/a.mp4", "test/walk/b.mp4", "test/walk/b.avi")
    videos = [name for (name,) in rows(class_folders(str(tmp_path)), "video")]
    assert len(set(videos)) == 4
    assert {"test-walk-a", "train-walk-a"} < set(videos)


def test_every_class_is_drawn_in_the_same_parts(tmp_path):
    touch(tmp_path, *(f"{label}/{n}.mp4" for label in ("walk", "run") for n in range(20)))
    sheet = class_folders(str(tmp_path), val=0.1, test=0.25)
    for label in ("walk", "run"):
        counts = sheet[sheet["label"] == label]["split"].value_counts().to_dict()
        assert counts == {"train": 13, "val": 2, "test": 5}
    again = class_folders("unused", videos=str(tmp_path), val=0.1, test=0.25)
    assert again.equals(sheet)
    other = class_folders(str(tmp_path), val=0.1, test=0.25, seed=1)
    assert (other["split"] != sheet["split"]).any()
    assert class_folders(str(tmp_path), val=0, test=0)["split"].eq("train").all()


def test_people_are_kept_apart(tmp_path):
    names = [
        f"{label}/person{person:02d}_{take}.avi"
        for label in ("walk", "run")
        for person in range(10)
        for take in range(3)
    ]
    touch(tmp_path, *names)
    sheet = class_folders(str(tmp_path), subject=r"person(\d+)", val=0.2, test=0.3)
    people = sheet.groupby("split")["subject"].agg(set)
    assert {split: len(own) for split, own in people.items()} == {"test": 3, "train": 5, "val": 2}
    assert sheet.groupby("subject")["split"].nunique().eq(1).all()
    assert set(sheet["subject"]) == {f"{n:02d}" for n in range(10)}


def test_what_is_wrong_is_one_sentence(tmp_path, caplog):
    with pytest.raises(InputError, match=r"no such folder; it shall hold <class>/VIDEO.mp4"):
        class_folders(str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"no videos; expected <class>/VIDEO.mp4"):
        class_folders(str(tmp_path))
    touch(tmp_path, "walk/anna_1.mp4", "walk/nobody.mp4")
    for options, sentence in (
        ({"val": 0.5, "test": 0.5}, "0.5 and 0.5 leave nothing to learn from"),
        ({"val": -0.1}, "-0.1 and 0.2 leave nothing"),
        ({"val": float("nan")}, "leave nothing"),
        ({"subject": "("}, r"'\(' is no regular expression"),
        ({"subject": "anna"}, r"finds nobody in walk/nobody.mp4 \(and 0 more\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            class_folders(str(tmp_path), **options)
    sheets.check(class_folders(str(tmp_path)), "test")
    assert "too few videos for a split: test, val" in caplog.text


def test_thousands_of_videos_take_no_time(tmp_path):
    touch(tmp_path, *(f"class{n % 50}/clip_{n}.mp4" for n in range(5000)))
    sheet, spent = seconds(lambda: class_folders(str(tmp_path)))
    assert len(sheet) == 5000
    assert spent < 2  # a twentieth of 100,000 rows
