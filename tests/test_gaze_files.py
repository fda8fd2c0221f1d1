"""Which files are one recording, and whom and which video they are of."""

from __future__ import annotations

import pytest

from tests.tidy import TIDY, lost, rows
from vidsal import fixations
from vidsal.errors import InputError


def test_a_folder_or_a_pattern_is_one_recording_per_observer(put, tmp_path):
    for name, x in (("ben", 2), ("anna", 1), (".hidden", 9)):
        put(f"frame,x,y\n0,{x},0\n", f"{name}.csv")
    table = fixations.read(tmp_path)
    assert rows(table) == [("anna", 0, 1.0, 0.0), ("ben", 0, 2.0, 0.0)]
    assert rows(fixations.read(tmp_path / "b*.csv")) == [("ben", 0, 2.0, 0.0)]
    assert rows(fixations.read(tmp_path / "ben.csv"))[0][0] == "0"
    named = fixations.read(tmp_path / "*.csv", subject=r"/(.)[a-z]+\.csv")
    assert list(named["subject"]) == ["a", "b"]


def test_a_table_that_names_its_observers_keeps_them(put, tmp_path):
    put(TIDY, "one.csv")
    put("frame,x,y\n0,7,7\n", "two.csv")
    assert set(fixations.read(tmp_path)["subject"]) == {"a", "b", "two"}


def test_files_of_one_name_in_several_folders_are_several_observers(tmp_path):
    for person in ("p1", "p2"):
        (tmp_path / person).mkdir()
        (tmp_path / person / "clip.csv").write_text("frame,x,y\n0,1,1\n")
    table = fixations.read(tmp_path / "p*" / "clip.csv")
    assert [
        name.endswith(f"{p}-clip.csv")
        for name, p in zip(table["subject"], ("p1", "p2"), strict=True)
    ]
    assert table["subject"].nunique() == 2


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none*.csv", "nothing matches the pattern"),
        (".", "the folder holds no files"),
        ("none.csv", "no such file"),
    ],
)
def test_nothing_there_is_said(tmp_path, path, words):
    with pytest.raises(InputError, match=words):
        fixations.read(tmp_path / path)


@pytest.mark.parametrize("pattern", ["(", "abc", "(zz)"])
def test_a_pattern_for_observers_that_cannot_be_used_is_refused(put, pattern):
    with pytest.raises(InputError, match="subject: "):
        fixations.read(put(TIDY), subject=pattern)


def test_one_file_of_many_videos(put):
    path = put("video,frame,x,y\nclips/Kimono1.avi,0,1,1\ntennis,0,2,2\n")
    one = fixations.Clip(names=("a01", "kimono1.mp4"))
    assert fixations.read(path, clip=one)["x"].tolist() == [1.0]
    assert fixations.read(path, video="tennis", clip=one)["x"].tolist() == [2.0]
    with pytest.raises(
        InputError, match=r"'clips/Kimono1.avi', 'tennis', of which 'golf' is not one"
    ):
        fixations.read(path, video="golf")
    with pytest.raises(InputError, match="none named is not one; name one with video"):
        fixations.read(path)
    with pytest.raises(InputError, match="names no videos"):
        fixations.read(put(TIDY, "b.csv"), video="golf")


def test_what_recordings_have_in_common_stands_once(tmp_path):
    for name, extra in (("a", ""), ("b", ",9")):
        (tmp_path / f"{name}.csv").write_text("frame,x,y\n0,1,1\n0,1,1\n0,2,2" + extra)
    table = fixations.read(tmp_path / "?.csv", num_frames=5)
    assert "of_files" not in table.attrs["geometry"]
    assert lost(table) == {"duplicate": 2, "malformed": 1}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("clip7_*.csv", {"ann", "bob"}),
        ("*_ann.csv", {"clip7", "clip8"}),
        ("*ann*", {"clip7_ann", "clip8_ann"}),
        ("?lip7_*.csv", {"clip7_ann", "clip7_bob"}),
    ],
)
def test_the_only_star_of_a_pattern_names_the_observer(tmp_path, pattern, names):
    for name in ("clip7_ann", "clip7_bob", "clip8_ann"):
        (tmp_path / f"{name}.csv").write_text("frame,x,y\n0,1,2\n")
    assert set(fixations.read(tmp_path / pattern)["subject"]) == names
