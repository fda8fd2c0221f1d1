"""The number of a fixation: the same in all its frames, another one for each event of a subject."""

from __future__ import annotations

import pandas as pd
import pytest

from vidsal import fixations

EVENTS = """subject,time,x,y,duration,event
ann,0.00,1,1,0.12,fixation
bob,0.00,9,9,0.08,fixation
ann,0.12,5,5,0.04,saccade
ann,0.16,1,1,0.12,fixation
bob,0.08,2,2,0.04,pursuit
"""


@pytest.fixture
def put(tmp_path):
    def put(text, name="gaze.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return put


def test_frames_of_an_event_share_its_number_and_subjects_count_from_0(put):
    table = fixations.read(put(EVENTS), fps=25, events=["fixation", "saccade", "pursuit"])
    found = table.groupby(["subject", "fixation"])["frame"].agg(list)
    assert found.to_dict() == {
        ("ann", 0): [0, 1, 2],
        ("ann", 1): [3],
        ("ann", 2): [4, 5, 6],
        ("bob", 0): [0, 1],
        ("bob", 1): [2],
    }
    assert table["fixation"].dtype == "int64"


def test_the_numbers_leave_no_gap_where_events_were_not_chosen(put):
    table = fixations.read(put(EVENTS), fps=25)
    assert table.groupby("subject")["fixation"].unique().map(list).to_dict() == {
        "ann": [0, 1],
        "bob": [0],
    }


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_written_table_has_the_same_numbers_when_it_is_read(put, tmp_path, ending):
    table = fixations.read(put(EVENTS), fps=25, events=["fixation", "saccade", "pursuit"])
    fixations.write(table, tmp_path / f"own.{ending}")
    again = fixations.read(tmp_path / f"own.{ending}", events=["fixation", "saccade", "pursuit"])
    pd.testing.assert_frame_equal(again, table)


def test_two_recordings_of_one_person_do_not_share_numbers(put):
    for name in ("ann_1.csv", "ann_2.csv"):
        put("time,x,y,duration\n0,1,1,0.08\n0.08,2,2,0.04\n", name)
    place = put("", "empty.txt").parent
    table = fixations.read(place / "*.csv", fps=25, subject="(ann)")
    assert table["fixation"].tolist() == [0, 0, 1, 2, 2, 3]
    apart = fixations.read(place / "ann_*.csv", fps=25)
    assert apart["subject"].tolist() == ["1", "1", "1", "2", "2", "2"]
    assert apart["fixation"].tolist() == [0, 0, 1, 0, 0, 1]


def test_durations_in_frames_count_as_well(put):
    table = fixations.read(put("frame,x,y,duration\n3,1,1,2\n9,1,1,1\n"))
    assert table[["frame", "fixation"]].to_numpy().tolist() == [[3, 0], [4, 0], [9, 1]]


def test_samples_and_events_of_unknown_length_have_none(put):
    samples = fixations.read(put("frame,x,y\n0,1,1\n1,1,1\n"))
    assert samples["fixation"].tolist() == [-1, -1]
    lone = fixations.read(put("frame,x,y,event\n0,1,1,fixation\n1,1,1,fixation\n"))
    assert lone["fixation"].tolist() == [-1, -1]
    assert fixations.complete(samples.drop(columns="fixation"))["fixation"].tolist() == [-1, -1]
