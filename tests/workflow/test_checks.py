"""What a dry run refuses or says of sheets, videos and files, before any job."""

from __future__ import annotations

import pytest

from tests.workflow.project import SMALL, make_project
from tests.workflow.test_faults import CONTROLS_ONLY

HEADER = "video\tpath\tsplit\tlabel\tfixations\n"


@pytest.fixture
def own(root, tmp_path):
    """A project on a table of the user's own: (video, split, label, there), ..."""

    def make(rows, **change):
        project = make_project(root, tmp_path, CONTROLS_ONLY)
        lines = [f"{v}\t{v}.avi\t{split}\t{label}\tgaze.csv\n" for v, split, label, _ in rows]
        (project.folder / "sheet.tsv").write_text(HEADER + "".join(lines))
        for video, *_, there in rows:
            if there:
                (project.folder / f"{video}.avi").touch()
        project.change_config(change)
        return project

    return make


def test_missing_videos_are_one_sentence(own):
    project = own([(name, "test", "", name == "a") for name in "abcde"])
    (project.folder / "c.mp4").touch()
    sentence = "mine: 4 of 5 videos are not there (b.avi, c.avi, d.avi, ...); c.mp4 is there"
    planned, refused = project.run("-n"), project.run(check=False)
    assert [text.count("are not there") for text in (planned, refused)] == [1, 1]
    assert sentence in planned
    assert sentence in refused
    assert "rule " not in refused
    assert "Traceback" not in refused
    project.change_config({"max_failures": 0.9})
    assert "they are left out and listed as failures" in project.run("-n")


def test_labels_and_degrees_are_refused_together(own):
    rows = [("a", "train", "run"), ("b", "train", "walk"), ("c", "val", "Walk"), ("d", "test", "")]
    change = {"run": {"models": ["cnn_lstm"]}, "models": SMALL["models"]}
    project = own([(*row, True) for row in rows], **change, score={"sigma": {"degrees": 1}})
    project.change_config({"datasets": {"mine": {"gaze": None}}})
    text = project.run("-n", check=False)
    assert "label 'Walk' of split val (1 videos) is none of split train; did you mean 'wa" in text
    assert "score.sigma: {degrees: 1} needs distance_cm, screen, screen_cm" in text


def test_offline_says_what_is_missing(root, tmp_path):
    change = {"datasets": ["kth"], "models": [], "methods": []}
    project = make_project(root, tmp_path, SMALL | {"run": SMALL["run"] | change})
    project.change_config({"datasets": {"kth": {"classes": ["boxing"]}}, "offline": True})
    assert "these files are missing: data/kth/boxing.zip; put them there" in project.run("-n")
