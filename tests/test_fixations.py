"""Gaze tables: geometry, clocks, bad rows; points on a grid; densities against references."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.tidy import TIDY, lost, rows
from vidsal import fixations
from vidsal.errors import InputError

METRICS = Path(__file__).parent / "fixtures" / "metrics"
CASES = json.loads((METRICS / "cases.json").read_text())["cases"]


# --- reading ---------------------------------------------------------------------------------


def test_tidy_table(put):
    table = fixations.read(put(TIDY))
    assert rows(table) == [("a", 0, 1.5, 2.0), ("a", 1, 3.0, 4.0), ("b", 0, 5.0, 6.0)]
    assert table["frame"].dtype == np.int64
    assert table["x"].dtype == np.float64
    assert lost(table) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", TIDY.replace(",", "\t")),
        ("a.csv", TIDY.replace(",", ";")),
        ("a.txt", TIDY.replace(",", "  ")),
        ("a.csv", "\ufeff" + TIDY),
        ("a.csv", TIDY.replace("\n", "\r\n")),
        ("a.csv", TIDY.replace("\n", ",\n")),
        ("a.csv", TIDY.replace(",", ", ")),
    ],
)
def test_separators_endings_and_byte_order_mark(put, name, text):
    assert rows(fixations.read(put(text, name))) == rows(fixations.read(put(TIDY)))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_written_table_reads_back_exactly(put, tmp_path, name):
    table = fixations.read(put(TIDY)).assign(subject=["01", "01", "2"], x=[1 / 3, 1e-7, 2e5])
    fixations.write(table, tmp_path / name)
    pd.testing.assert_frame_equal(fixations.read(tmp_path / name), table)


def test_unknown_ending_is_refused(put, tmp_path):
    with pytest.raises(InputError, match=r"use \.csv, \.tsv or \.parquet"):
        fixations.write(fixations.read(put(TIDY)), tmp_path / "a.xlsx")


@pytest.mark.parametrize("text", ["", "\n\n", "subject,frame,x,y\n"])
def test_empty_file_is_an_empty_table(put, text):
    table = fixations.read(put(text))
    assert len(table) == 0
    assert list(table) == list(fixations.COLUMNS)
    assert table["frame"].dtype == np.int64


def test_recordings_that_were_merely_joined(put):
    path = put("  1 10 20\n  2 11 20\n  1 12 20\n  5 13 20\n  2 14 20\n", "raw.txt")
    table = fixations.read(path, frame_base=1, new_subject="frame_decreases")
    assert list(table["subject"]) == ["0", "0", "1", "1", "2"]
    assert list(table["frame"]) == [0, 1, 0, 4, 1]
    assert fixations.read(path, frame_base=1)["subject"].unique() == ["0"]


def test_joined_recordings_split_before_rows_are_dropped(put):
    path = put("1 10 20\n2 -99 20\n1 12 20\n", "raw.txt")
    table = fixations.read(
        path, screen=[100, 100], video_size=[100, 100], new_subject="frame_decreases"
    )
    assert rows(table) == [("0", 1, 10.0, 20.0), ("1", 1, 12.0, 20.0)]


def test_columns_by_name_and_by_number(put):
    named = put("Observer,Frame No,px,py\n007,3,1,2\n")
    columns = {"subject": "Observer", "frame": "Frame No", "x": "px", "y": "py"}
    assert rows(fixations.read(named, columns=columns)) == [("007", 3, 1.0, 2.0)]
    numbered = put("7 1 2 3 4\n", "raw.txt")
    columns = {"frame": 1, "x": 3, "y": 4}
    assert rows(fixations.read(numbered, columns=columns)) == [("0", 1, 3.0, 4.0)]


def test_missing_column_names_file_column_and_nearest(put):
    path = put("subject,frame,x_px,Y_pos\na,0,1,2\n")
    with pytest.raises(InputError, match=r"column 'x' in .*gaze.csv.*subject, frame, x_px, Y_pos"):
        fixations.read(path)
    with pytest.raises(InputError, match=r"'y_pos' .*\(nearest: 'Y_pos'\).*columns: {y: ...}"):
        fixations.read(path, columns={"x": "x_px", "y": "y_pos"})
    with pytest.raises(InputError, match="'frame' or time"):
        fixations.read(put("x,y\n1,2\n"))
    with pytest.raises(InputError, match=r"'z' .*unknown"):
        fixations.read(path, columns={"z": "x_px"})


def test_what_is_no_table_is_refused(put, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        fixations.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="not readable as a table"):
        fixations.read(put(b"\x00\x01\x02", "a.parquet"))
    with pytest.raises(InputError, match="column 'frame'"):
        fixations.read(put("<!DOCTYPE html>\n<html>gone</html>\n"))


def test_bad_rows_are_counted_and_never_fatal(put):
    path = put(
        "subject,frame,x,y\n"
        "a,0,1,2\n"
        "a,0,1,2\n"  # duplicate
        "b,0,1,2\n"  # another observer at the same place
        "a,1,nan,2\n"
        "a,1,.,2\n"
        "a,1,inf,2\n"
        "a,x,1,2\n"
        "a,1.5,1,2\n"
        "a,2,1\n"
        "a,2,1,2,3,4\n"
        "a,2,100,2\n"
        "a,2,-1,2\n"
        "a,-1,3,3\n"
        "a,9,3,3\n"
    )
    table = fixations.read(path, screen=[100, 50], video_size=[100, 50], num_frames=9)
    assert rows(table) == [("a", 0, 1.0, 2.0), ("b", 0, 1.0, 2.0)]
    expected = {"malformed": 1, "not_a_number": 6, "outside_screen": 2}
    assert lost(table) == expected | {"frame_outside": 2, "duplicate": 1}


def test_stretched_screen_maps_edges_to_edges(put):
    corners = put("frame,x,y\n0,-0.5,-0.5\n1,1919.5,1079.5\n2,3839,2159\n")
    table = fixations.read(corners, screen=[3840, 2160], rect="screen", video_size=[416, 240])
    np.testing.assert_allclose(table["x"], [-0.5, 207.5, 416 - 0.5 - 0.5 * 416 / 3840])
    np.testing.assert_allclose(table["y"], [-0.5, 119.5, 240 - 0.5 - 0.5 * 240 / 2160])


def test_letterboxed_video(put):
    path = put("frame,x,y\n0,720,450\n1,0,45\n2,0,44\n3,2000,450\n")
    table = fixations.read(path, screen=[1440, 900], video_size=[640, 360], rect=[0, 45, 1440, 810])
    scale = 640 / 1440
    expected = [(720.5 * scale - 0.5, 405.5 * scale - 0.5), (0.5 * scale - 0.5, 0.5 * scale - 0.5)]
    np.testing.assert_allclose(table[["x", "y"]], expected)
    assert lost(table) == {"outside_screen": 1, "outside_video": 1}


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1e3), ("us", 1e6)])
def test_times_belong_to_the_frame_on_show(put, unit, factor):
    times = np.array([0, 0.033, 0.033333, 0.04, 1.0]) * factor
    path = put("time,x,y\n" + "".join(f"{time:.6g},1,{i}\n" for i, time in enumerate(times)))
    table = fixations.read(path, time_unit=unit, fps=30)
    assert list(table["frame"]) == [0, 0, 1, 1, 30]


def test_time_without_fps_is_refused(put):
    with pytest.raises(InputError, match="needs fps"):
        fixations.read(put("time,x,y\n1,1,1\n"))


def test_durations_cover_every_frame_they_reach(put):
    path = put("time,x,y,duration\n0.00,1,1,0.08\n0.10,2,2,0.02\n0.12,3,3,0.1\n0.3,4,4,-1\n")
    table = fixations.read(path, fps=25)
    places = [(frame, x) for _, frame, x, _ in rows(table)]
    assert places == [(0, 1.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 3.0), (5, 3.0)]
    assert lost(table) == {"not_a_number": 1}
    framed = put("frame,x,y,duration\n3,1,1,2\n7,1,1,0\n")
    assert list(fixations.read(framed)["frame"]) == [3, 4, 7]
    with pytest.raises(InputError, match="time_unit"):
        fixations.read(put("time,x,y,duration\n0,1,1,1e12\n"), fps=25)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"screen": [10, 10]}, "needs video_size"),
        ({"screen": [10], "video_size": [10, 10]}, "needs 2 numbers"),
        ({"video_size": [10, 0]}, "sizes positive"),
        ({"rect": [0, 0, 5], "video_size": [10, 10]}, "needs 4 numbers"),
        ({"frame_base": 2}, "known: 0, 1"),
        ({"time_unit": "min"}, "known: ms, s, us"),
        ({"new_subject": "gap"}, "known: frame_decreases"),
    ],
)
def test_contradictory_geometry_is_refused(put, wrong, message):
    with pytest.raises(InputError, match=message):
        fixations.read(put(TIDY), **wrong)


# --- cutting ---------------------------------------------------------------------------------


def test_cut_moves_the_clock(put):
    table = fixations.read(put("0 1 1\n3 2 2\n5 3 3\n9 4 4\n", "raw.txt"))
    assert [(frame, x) for _, frame, x, _ in rows(fixations.cut(table, 3, 9))] == [(0, 2), (2, 3)]
    assert list(fixations.cut(table, 5)["frame"]) == [0, 4]
    assert list(table["frame"]) == [0, 3, 5, 9]


def test_cut_of_frames_without_gaze_is_empty(put):
    table = fixations.read(put("0 1 1\n9 4 4\n", "raw.txt"))
    assert len(fixations.cut(table, 3, 9)) == 0
    assert list(fixations.cut(table, 3, 9)) == list(table)


# --- halves ----------------------------------------------------------------------------------


def test_halves_share_no_observer_and_lose_no_row():
    table = pd.DataFrame({"subject": list("abcdeabc"), "frame": 0, "x": 0.0, "y": np.arange(8.0)})
    first, second = fixations.split_halves(table, np.random.default_rng(1))
    assert not set(first["subject"]) & set(second["subject"])
    assert sorted([*first["y"], *second["y"]]) == list(range(8))
    assert (first["subject"].nunique(), second["subject"].nunique()) == (2, 3)
    again, _ = fixations.split_halves(
        table.sample(frac=1, random_state=0), np.random.default_rng(1)
    )
    assert set(again["subject"]) == set(first["subject"])
