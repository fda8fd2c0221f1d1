"""What is said before any job: labels, videos that are not there, downloads that must not be."""

from __future__ import annotations

import copy

import pandas as pd
import pytest
import yaml

from vidsal import checking, sheets


@pytest.fixture
def config(root, tmp_path):
    made = copy.deepcopy(yaml.safe_load((root / "config.yaml").read_text()))
    made["data"] = str(tmp_path / "data")
    made["run"] |= {"datasets": ["mine"], "models": ["r3d_18"]}
    made["datasets"] = {"mine": {"method": "folder", "table": "videos.tsv"}}
    made["explain"] |= {"split": "test", "every": 1}
    return made


def sheet(rows, fixations=""):
    """(video, split, label), ... as a checked sheet."""
    table = pd.DataFrame(rows, columns=["video", "split", "label"])
    return sheets.check(table.assign(path=table["video"] + ".avi", fixations=fixations), "here")


SOUND = [
    *(("a", "train", "run"), ("b", "train", "walk"), ("c", "val", "walk"), ("d", "test", "run")),
    ("e", "test", ""),
]


def test_a_sheet_to_learn_from(config):
    assert checking.sheet_problems(config, "mine", sheet(SOUND)) == []


def test_labels_that_training_does_not_know(config):
    rows = [*SOUND, ("f", "val", "Walk"), ("g", "test", "jog"), ("h", "test", "jog")]
    found = checking.sheet_problems(config, "mine", sheet([*rows, ("i", "other", "jump")]))
    assert found == [
        "mine: label 'jog' of split test (2 videos) is none of split train; known: run, walk",
        "mine: label 'Walk' of split val (1 videos) is none of split train; did you mean 'walk'?",
    ]


def test_a_class_alone_and_splits_without_labels(config):
    one = [("a", "train", "run"), ("b", "train", ""), ("c", "val", "run"), ("d", "test", "")]
    assert checking.sheet_problems(config, "mine", sheet(one)) == [
        "mine: split train has one label ('run'); two are needed"
    ]
    none = [("a", "train", ""), ("d", "test", "run")]
    assert checking.sheet_problems(config, "mine", sheet(none)) == [
        "mine: split train has no videos with a label",
        "mine: split val has no videos with a label",
    ]


def test_given_weights_need_no_labels(config):
    config["models"]["r3d_18"] |= {"weights": "w.pt", "num_classes": 2}
    assert checking.sheet_problems(config, "mine", sheet([("d", "test", "jump")])) == []


def test_degrees_of_tables_without_a_screen(config):
    config["run"]["models"] = []
    config["score"]["sigma"] = {"degrees": 1}
    assert checking.sheet_problems(config, "mine", sheet(SOUND)) == []
    (found,) = checking.sheet_problems(config, "mine", sheet(SOUND, "gaze.csv"))
    assert "needs distance_cm, screen, screen_cm under datasets.mine.gaze" in found


def test_videos_that_are_not_there_are_one_sentence(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config["run"]["models"], config["max_failures"] = [], 0.5
    rows = [(name, "test", "") for name in "abcdef"] + [("unused", "train", "")]
    table = sheet(rows)
    for name in ("a.avi", "b.avi", "d.mp4", "d.csv", "e[1].avi"):
        (tmp_path / name).touch()
    problem, doubt = checking.absent_videos(config, "mine", table)
    assert doubt == ""
    assert problem.startswith(
        "mine: 4 of 6 videos are not there (c.avi, d.avi, e.avi, ...); d.mp4 is there, with "
        "another ending than the table says; put them there, name those that are there in a table"
    )
    config["max_failures"] = 0.7
    problem, doubt = checking.absent_videos(config, "mine", table)
    assert problem == ""
    assert doubt.endswith("they are left out and listed as failures")
    for name in "cdef":
        (tmp_path / f"{name}.avi").touch()
    assert checking.absent_videos(config, "mine", table) == ("", "")


def test_intervals_of_one_missing_video_count_each():
    rows = [{"video": f"v{n}", "path": "no/such.avi", "split": "test"} for n in range(4)]
    gone, sentence = sheets.absent(sheets.check(pd.DataFrame(rows), "here"))
    assert (gone, sentence) == (4, "4 of 4 videos are not there (no/such.avi)")


def test_videos_that_are_still_to_be_downloaded_are_not_missed(config, tmp_path):
    config["run"] |= {"datasets": ["kth"], "models": []}
    config["datasets"] = {"kth": {"classes": ["boxing"]}}
    from vidsal.datasets.kth import kth

    table = sheets.check(kth(f"{config['data']}/kth", classes=["boxing"]), "kth")
    assert checking.absent_videos(config, "kth", table) == ("", "")
    own = tmp_path / "data" / "kth" / "boxing"
    own.mkdir(parents=True)
    (own / "person02_boxing_d1_uncomp.mp4").touch()
    problem, _ = checking.absent_videos(config, "kth", table)
    # 9 people x 4 recordings x 4 intervals are tested, but for one that has 3.
    assert "143 of 143 videos are not there" in problem
    assert "person02_boxing_d1_uncomp.mp4 is there, with another ending" in problem
    assert f"move {config['data']}/kth away to have all of them downloaded" in problem
    assert "move" not in checking.absent_videos(config | {"offline": True}, "kth", table)[0]


def test_what_offline_lacks_is_said(config, tmp_path):
    config["run"] |= {"datasets": ["kth"], "models": ["tsm"]}
    config["datasets"] = {"kth": {"classes": ["boxing", "running"]}}
    config["models"] = {"tsm": {"weights": "kinetics400_16"}}
    assert checking.offline_hint(config) == ""
    config["offline"] = True
    data = tmp_path / "data"
    hint = checking.offline_hint(config)
    assert f"these files are missing: {data}/kth/boxing.zip, {data}/kth/running.zip, " in hint
    assert f"{data}/weights/tsm/" in hint
    (data / "kth" / "boxing").mkdir(parents=True)
    (data / "kth" / "boxing" / "person02_boxing_d1_uncomp.avi").touch()
    (data / "kth" / "running.zip").touch()
    hint = checking.offline_hint(config)
    assert "boxing" not in hint
    assert "running" not in hint
    config["run"]["models"] = []
    assert checking.offline_hint(config) == ""


def test_files_in_linked_folders_are_noticed(tmp_path):
    gaze, real = tmp_path / "gaze", tmp_path / "elsewhere"
    gaze.mkdir()
    real.mkdir()
    (real / "a.csv").write_text("subject,frame,x,y\n")
    before = sheets.stamp_tree(str(gaze))
    (gaze / "link").symlink_to(real)
    (real / "round").symlink_to(gaze)
    linked = sheets.stamp_tree(str(gaze))
    (real / "a.csv").write_text("subject,frame,x,y\na,0,1,1\n")
    assert len({before, linked, sheets.stamp_tree(str(gaze))}) == 3


def test_columns_that_scores_shall_be_grouped_by_must_be_there(config):
    config["tables"]["by"] = ["label", "prediction", "condition"]
    (found,) = checking.sheet_problems(config, "mine", sheet(SOUND))
    assert "has no column 'condition'" in found
    with_it = sheets.check(sheet(SOUND).assign(condition="slow"), "here")
    assert checking.sheet_problems(config, "mine", with_it) == []
    config["tables"]["by"] = ["conditon"]
    (found,) = checking.sheet_problems(config, "mine", with_it)
    assert "did you mean 'condition'?" in found
