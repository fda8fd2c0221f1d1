"""Sample sheets: checks by column, shards that stay put."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vidsal import sheets
from vidsal.errors import InputError


def sheet_of(count, split="test", start=0):
    videos = [f"clip{i:05d}" for i in range(start, start + count)]
    table = pd.DataFrame({"video": videos, "path": [f"{v}.avi" for v in videos], "split": split})
    return sheets.check(table, "here")


def test_every_video_is_in_exactly_one_shard():
    sheet = pd.concat([sheet_of(500), sheet_of(70, "train", 500)], ignore_index=True)
    names = sheets.shards(sheet, per_job=10)
    found = pd.concat([sheets.rows(sheet, name) for name in names])
    assert sorted(found["video"]) == sorted(sheet["video"])
    assert {sheets.parse(n)[2] for n in names if n.startswith("test")} == {64}
    assert {sheets.parse(n)[2] for n in names if n.startswith("train")} == {8}


def test_a_new_video_touches_one_shard():
    before, after = sheet_of(500), sheet_of(501)
    changed = [
        name
        for name in sheets.shards(after, 10)
        if sheets.row_hash(sheets.rows(before, name)) != sheets.row_hash(sheets.rows(after, name))
    ]
    assert len(changed) == 1


def test_doubling_only_splits():
    sheet = sheet_of(300)
    codes = sheets.digests(sheet)
    assert ((codes % 64) % 32 == codes % 32).all()
    assert sheets.coarse("test-035of064", 32) == "test-003of032"
    with pytest.raises(InputError, match="finer"):
        sheets.coarse("test-003of032", 64)


def test_shards_are_balanced_as_a_hash_should_be():
    sizes = np.bincount(sheets.digests(sheet_of(6400)) % 64, minlength=64)
    # 100 a shard with a binomial spread of 10: five spreads are a safe limit for a fixed hash.
    assert 50 < sizes.min() <= sizes.max() < 150


def test_round_trip(tmp_path):
    sheet = sheet_of(3)
    sheet["start"] = pd.array([0, 5, pd.NA], dtype="Int64")
    sheet["end"] = pd.array([9, pd.NA, pd.NA], dtype="Int64")
    sheets.write(sheet, tmp_path / "s.tsv")
    pd.testing.assert_frame_equal(sheets.read(tmp_path / "s.tsv"), sheet)


def test_fps_may_be_broken_or_empty_but_not_negative(tmp_path):
    text = "video\tpath\tsplit\tfps\na\tx\ttest\t29.97\nb\ty\ttest\t\n"
    (tmp_path / "s.tsv").write_text(text)
    assert sheets.read(tmp_path / "s.tsv")["fps"].tolist() == [29.97, pd.NA]
    (tmp_path / "s.tsv").write_text(text.replace("29.97", "-1"))
    with pytest.raises(InputError, match="'fps' must be a number above 0"):
        sheets.read(tmp_path / "s.tsv")


def test_all_problems_at_once(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_text(
        "video\tpath\tsplit\tstart\tend\n"
        "a b\tx.avi\ttest\t0\t9\n"
        "ok\t\ttest\t5\t5\n"
        "ok\ty.avi\ttest\tsoon\t\n"
    )
    with pytest.raises(InputError) as error:
        sheets.read(path)
    text = str(error.value)
    for part in (
        "bad.tsv",
        "line 2: 'a b'",
        "must be unique",
        "'path' is empty",
        "'end'",
        "'start'",
    ):
        assert part in text


def test_unknown_and_missing_columns_name_the_nearest(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_text("video\tpth\tsplit\na\tx.avi\ttest\n")
    with pytest.raises(InputError) as error:
        sheets.read(path)
    assert "column 'path' is missing" in str(error.value)
    assert "column 'pth' is unknown; did you mean 'path'?" in str(error.value)


def test_columns_of_ones_own_are_kept_as_texts_and_read_again(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("video\tcondition\tpath\tsplit\na\t01\tx.avi\ttest\nb\t\ty.avi\ttest\n")
    sheet = sheets.read(path)
    assert list(sheet["condition"]) == ["01", ""]
    assert tuple(sheet.columns) == (*sheets.COLUMNS, "condition")
    sheets.write(sheet, tmp_path / "again.tsv")
    pd.testing.assert_frame_equal(sheets.read(tmp_path / "again.tsv"), sheet)


@pytest.mark.parametrize("name", ["lable", "Video", "subjct", "fixation"])
def test_a_column_nearly_named_like_a_known_one_is_refused(name):
    sheet = pd.DataFrame({"video": ["a"], "path": ["p"], "split": ["test"], name: ["x"]})
    with pytest.raises(InputError, match=f"column '{name}' is unknown; did you mean"):
        sheets.check(sheet, "here")


def test_empty_file_and_missing_file(tmp_path):
    (tmp_path / "empty.tsv").write_text("")
    with pytest.raises(InputError, match="not a table"):
        sheets.read(tmp_path / "empty.tsv")
    with pytest.raises(InputError, match="no such file"):
        sheets.read(tmp_path / "none.tsv")


def test_the_members_of_a_finer_shard_are_its_rows():
    sheet = sheets.check(
        pd.DataFrame({"video": [f"v{n}" for n in range(50)], "path": "p", "split": "test"}), "here"
    )
    for shard in sheets.shards(sheet, 10):
        found = sheets.members(sheet[["video"]], shard)
        assert list(found["video"]) == list(sheets.rows(sheet, shard)["video"])
        assert 0 < len(found) < 50


@pytest.mark.parametrize("number", ["1e308", "inf", "9" * 400, "1e15", "nan", "x", "2.5"])
def test_a_frame_number_that_cannot_be_one_is_named(number):
    sheet = pd.DataFrame({"video": ["a"], "path": ["p"], "split": ["test"], "start": [number]})
    with pytest.raises(InputError, match="line 2: 'a'"):
        sheets.check(sheet, "here")
