"""Tables of gaze as they come from scripts and spreadsheets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vidsal.errors import InputError
from vidsal.recordings.table import table


def test_rows_with_a_duration_are_fixations_and_others_samples(put):
    plain = table(put("time,x,y\n0.5,1,2\n"))
    assert plain.to_dict("records") == [{"time": 0.5, "x": 1.0, "y": 2.0, "event": "sample"}]
    lasting = table(put("time,x,y,duration\n500,1,2,200\n"), time_unit="ms")
    assert lasting.loc[0, ["time", "duration", "event"]].tolist() == [0.5, 0.2, "fixation"]
    assert lasting.attrs == {"dropped": {}, "geometry": {}}


def test_a_duration_beside_a_frame_number_counts_frames(put):
    found = table(put("frame,x,y,duration\n3,1,2,4\n"), frame_base=1)
    assert found[["frame", "span"]].to_numpy().tolist() == [[2, 4.0]]
    assert "duration" not in found


def test_a_table_with_frames_and_times_has_one_row_for_each_frame(put):
    found = table(
        put("frame,time,x,y,duration\n3,100,1,2,80\n4,100,1,2,\n5,,1,2,80\n"), time_unit="ms"
    )
    assert found["frame"].tolist() == [3, 4, 5]
    assert found["span"].tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(found["time"], [0.1, 0.1, np.nan])
    np.testing.assert_allclose(found["duration"], [0.08, np.nan, 0.08])
    assert found.attrs["dropped"] == {}


def test_who_names_one_clock_gets_that_one(put):
    both = put("frame,time,x,y,duration\n3,0.1,1,2,4\n")
    timed, framed = (table(both, columns={name: name}) for name in ("time", "frame"))
    assert timed.loc[0, ["time", "duration"]].tolist() == [0.1, 4.0]
    assert framed.loc[0, ["frame", "span"]].tolist() == [3, 4.0]
    assert "frame" not in timed
    bare = put("33 100 200\n", "raw.txt")
    assert table(bare, columns={"time": 0, "x": 1, "y": 2}, time_unit="ms")["time"].tolist() == [
        0.033
    ]


def test_events_in_the_words_of_the_file(put):
    path = put("frame,x,y,event\n0,1,2,F\n1,1,2,S\n2,1,2,\n3,1,2,Blink\n")
    names = {"F": "fixation", "S": "saccade"}
    found = table(path, event_names=names)
    assert found["event"].tolist() == ["fixation", "saccade", "sample", "blink"]
    with pytest.raises(
        InputError, match=r"column event in .*: 'F', 'S' unknown; .*event_names: {F"
    ):
        table(path)
    with pytest.raises(InputError, match="'fix' unknown"):
        table(path, event_names=names | {"S": "fix"})


def test_videos_and_subjects_keep_their_zeros(put):
    found = table(put("video,subject,frame,x,y\n007,01,0,1,2\n"))
    assert found.loc[0, ["video", "subject"]].tolist() == ["007", "01"]


def test_a_text_where_a_number_belongs_drops_the_row_and_an_empty_duration_does_not(put):
    found = table(put("time,x,y,duration\n0,1,1,\n1,1,1,?\n2,1,1,-1\n3,1,1,inf\n4,1,1,0.1\n"))
    assert found["time"].tolist() == [0, 4]
    assert found.attrs["dropped"] == {"not_a_number": 3}


def test_parquet_is_read_as_any_other(tmp_path):
    path = tmp_path / "gaze.parquet"
    pd.DataFrame({"frame": [4], "x": [1], "y": [2]}).to_parquet(path)
    assert table(str(path), frame_base=1)["frame"].tolist() == [3]


def test_an_empty_cell_of_a_subject_is_no_number(put):
    found = table(put("subject,frame,x,y\n,0,1,2\na,0,1,2\n"))
    assert found["subject"].tolist() == ["", "a"]


def test_thousands_of_columns_are_no_table(put):
    with pytest.raises(InputError, match="6001 columns"):
        table(put("x," * 6000 + "y\n1\n"))


def test_a_number_of_hundreds_of_digits_is_no_number(put):
    found = table(put(f"frame,x,y\n0,{'9' * 400},2\n1,3,4\n"))
    assert found["x"].tolist() == [3.0]
    assert found.attrs["dropped"] == {"not_a_number": 1}
