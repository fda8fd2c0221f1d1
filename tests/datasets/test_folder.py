"""A user's folder or table becomes a sample sheet; what is wrong with it is said all at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.datasets.trees import touch
from vidsal import registry, sheets
from vidsal.datasets import folder as module
from vidsal.datasets.folder import folder, known, read_fixations
from vidsal.errors import InputError
from vidsal.fixations import Clip, Formats


def _table(tmp_path: Path, text: str, name: str = "videos.tsv") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_videos_and_frame_folders_become_rows(tmp_path):
    base = touch(
        tmp_path,
        *("walk/a.avi", "walk/b.MP4", "run/deep/c.mkv", "top.mov"),
        *("run/clip7/1.png", "run/clip7/2.png", "walk/notes.txt", "walk/.hidden.avi"),
    )
    sheet = folder(str(base))
    assert list(zip(sheet["video"], sheet["label"], strict=True)) == [
        ("run-clip7", "run"),
        ("run-deep-c", "deep"),
        ("top", ""),
        ("walk-a", "walk"),
        ("walk-b", "walk"),
    ]
    assert sheet["path"].tolist()[0] == str(base / "run" / "clip7")
    assert set(sheet["split"]) == {"test"}
    assert set(sheet["fps"]) == {25.0}
    assert list(sheet.columns) == list(sheets.COLUMNS)


def test_options_fill_the_columns(tmp_path):
    sheet = folder("unused", videos=str(touch(tmp_path, "a.avi")), split="val", fps=10)
    assert sheet[["video", "split", "fps"]].to_numpy().tolist() == [["a", "val", 10.0]]


def test_the_folder_itself_may_be_the_frames(tmp_path):
    base = touch(tmp_path / "My clip", "1.jpg", "2.jpg")
    sheet = folder(str(base))
    assert sheet[["video", "path", "label"]].to_numpy().tolist() == [["My_clip", str(base), ""]]


def test_pictures_beside_videos_are_no_frame_folder(tmp_path):
    sheet = folder(str(touch(tmp_path, "a.avi", "a.jpg", "b/c.avi", "b/thumb.png")))
    assert sheet["video"].tolist() == ["a", "b-c"]


def test_names_are_unique_slugs(tmp_path):
    names = ("a b.avi", "a_b.avi", "x.avi", "x.mp4", "ü.avi", "é.avi", "plain.avi", "..dots.avi")
    sheet = folder(str(touch(tmp_path, *names)))
    assert sheet["video"].is_unique
    assert sheet["video"].str.fullmatch(sheets.SLUG).all()
    assert "plain" in set(sheet["video"])
    again = folder(str(touch(tmp_path, "zz.avi")))
    assert set(sheet["video"]) < set(again["video"])


def test_links_to_folders_are_followed_and_circles_end(tmp_path):
    touch(tmp_path / "far", "a.avi")
    base = touch(tmp_path / "base", "b.avi")
    (base / "link").symlink_to(tmp_path / "far")
    (base / "circle").symlink_to(base)
    assert folder(str(base))["video"].tolist() == ["b", "link-a"]


def test_an_empty_folder_gives_an_empty_sheet(tmp_path):
    assert len(folder(str(tmp_path))) == 0


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; .* option `videos`"):
        folder(str(tmp_path / "none"))


def test_a_table_is_the_sheet(tmp_path):
    text = "video\tpath\tsplit\tlabel\tstart\tend\tfixations\n"
    text += "a\tx/a.avi\ttrain\twalk\t3\t9\tgaze/a.csv\nb\t/abs/b.avi\ttest\trun\t\t\t\n"
    table = _table(tmp_path, text)
    sheet = folder("unused", table=table)
    assert sheet["path"].tolist() == ["x/a.avi", "/abs/b.avi"]
    assert sheet.loc[0, ["start", "end"]].tolist() == [3, 9]
    assert sheet["start"].isna().tolist() == [False, True]
    sheet = folder("unused", table=table, videos="/data")
    assert sheet["path"].tolist() == ["/data/x/a.avi", "/abs/b.avi"]
    assert sheet["fixations"].tolist() == ["/data/gaze/a.csv", ""]
    assert sheet["masks"].tolist() == ["", ""]


def test_a_table_may_be_csv_and_name_no_split(tmp_path):
    sheet = folder("x", table=_table(tmp_path, "video,path\na,a.avi\n", "v.csv"), split="val")
    assert sheet["split"].tolist() == ["val"]


def test_all_columns_that_are_wrong_are_named_at_once(tmp_path):
    table = _table(tmp_path, "video\tpth\tlabl\na\tx\ty\n")
    with pytest.raises(InputError) as caught:
        folder("x", table=table)
    text = str(caught.value)
    assert table in text
    assert "column 'path' is missing" in text
    assert "'pth' is unknown; did you mean 'path'?" in text
    assert "'labl' is unknown; did you mean 'label'?" in text


def test_all_rows_that_are_wrong_are_named_at_once(tmp_path):
    rows = "a b\tx\ttest\t5\t3\nc\t\ttest\t0\t9\nc\ty\ttest\tsoon\t9\n"
    with pytest.raises(InputError) as caught:
        folder("x", table=_table(tmp_path, "video\tpath\tsplit\tstart\tend\n" + rows))
    for part in ("must be made of", "must be unique", "'path' is empty", "'end'", "'start'"):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "\xff\xfe"])
def test_what_is_no_table_is_named(tmp_path, content):
    path = tmp_path / "videos.tsv"
    if content is not None:
        path.write_bytes(content.encode("latin1"))
    with pytest.raises(InputError, match=r"videos.tsv: (no such file|not a table|column)"):
        folder("x", table=str(path))


def test_a_table_is_known_beforehand():
    assert known(table="videos.tsv", split="test")
    assert not known(table=None, split="test")
    assert not known()
    assert "known" in registry.entry("datasets", "folder").functions


def test_gaze_is_read_by_its_layout(tmp_path):
    path = tmp_path / "gaze.csv"
    path.write_text("subject,frame,x,y\nanna,1,10,20\nanna,2,11,21\n")
    assert read_fixations(str(path), table="t", split="test", fps=25.0)["frame"].tolist() == [1, 2]
    read = read_fixations(str(path), gaze={"frame_base": 1})
    assert read["frame"].tolist() == [0, 1]
    assert read[["subject", "x", "y"]].to_numpy().tolist() == [["anna", 10, 20], ["anna", 11, 21]]


def test_what_is_known_of_the_video_reaches_the_reader(tmp_path):
    path = tmp_path / "gaze.csv"
    path.write_text("time,x,y\n0.05,99,49\n")
    known_of = Clip(size=(50, 25), fps=30.0, times=np.array([0.0, 0.04]), frame_index=np.arange(2))
    read = read_fixations(str(path), gaze={"screen": [100, 50]}, clip=known_of)
    assert read[["frame", "x", "y"]].to_numpy().tolist() == [[1, 49.25, 24.25]]


def test_a_format_of_the_config_is_left_to_the_config(tmp_path):
    path = tmp_path / "gaze.csv"
    path.write_text("frame,x,y\n1,10,20\n")
    gaze = {"format": "from_one"}
    assert len(folder(str(tmp_path), gaze=gaze)) == 0
    formats = Formats(own={"from_one": {"method": "table", "frame_base": 1}})
    assert read_fixations(str(path), gaze=gaze, formats=formats)["frame"].tolist() == [0]
    with pytest.raises(InputError, match="format: 'from_one' is not known"):
        read_fixations(str(path), gaze=gaze)


def test_unknown_words_about_gaze_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError) as caught:
        folder(str(tmp_path), gaze={"frame_bse": 1, "scren": [1, 2]})
    assert "'frame_bse' is unknown; did you mean 'frame_base'?" in str(caught.value)
    assert "'scren' is unknown; did you mean 'screen'?" in str(caught.value)


def test_importing_the_file_is_cheap():
    code = "import sys, vidsal.datasets.folder; print({'torch', 'cv2', 'av'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(module.__file__).parents[2],
    )
    assert done.stdout.strip() == "set()"


def test_the_real_videos(shared):
    sheet = folder(str(shared / "data/videos"))
    assert {"kth-person01_jogging_d1_uncomp", "misc-nasa_13013"} <= set(sheet["video"])
    assert set(sheet.loc[sheet["label"] == "edge", "video"]) >= {"edge-video_90", "edge-corrupted"}
    frames = folder(str(shared / "data/gaze/BasketballPass"), fps=50)
    assert frames[["video", "fps"]].to_numpy().tolist() == [["frames", 50.0]]
    assert isinstance(sheet, pd.DataFrame)
