"""Recordings of any format become tidy tables: options, events, detection, columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.tidy import TIDY, lost, rows
from vidsal import fixations
from vidsal.errors import InputError

# --- formats and their options ---------------------------------------------------------------


def test_every_wrong_word_is_named_at_once(put):
    with pytest.raises(InputError) as caught:
        fixations.read(
            put(TIDY), frame_bse=1, lag="late", events=["fixaton"], detect={"method": "vt"}
        )
    for words in (
        "'frame_bse' is unknown; did you mean 'frame_base'?",
        "lag: 'late' is no float",
        "events: 'fixaton' is unknown",
        "detect: 'vt' is not known; did you mean 'ivt'?",
    ):
        assert words in str(caught.value)
    with pytest.raises(InputError, match="format: 'eyelnik' is not known; did you mean 'eyelink'"):
        fixations.read(put(TIDY), format="eyelnik")
    with pytest.raises(InputError, match="'velocty' is unknown; did you mean 'velocity'"):
        fixations.read(put(TIDY), detect={"method": "ivt", "velocty": 3})


def test_a_users_format_and_a_variant_of_it(put, own_formats):
    given = {"formats": own_formats, "fps": 10, "space": "video"}
    assert fixations.read(put(TIDY), format="mine", **given)["x"].tolist() == [14.5, 14.5]
    assert fixations.read(put(TIDY), format="shifted", **given)["x"].tolist() == [15.5, 15.5]
    with pytest.raises(InputError, match="'shft' is unknown; did you mean 'shift'"):
        fixations.read(put(TIDY), format="mine", shft=1, **given)


def test_events_are_chosen_and_unchosen_pursuit_is_counted(put, own_formats):
    given = {"format": "mine", "formats": own_formats, "fps": 10, "space": "video"}
    table = fixations.read(put(TIDY), **given)
    assert set(table["event"]) == {"fixation"}
    assert lost(table) == {"blink": 3, "pursuit": 1}
    both = fixations.read(put(TIDY), events=["fixation", "pursuit"], **given)
    assert both["event"].tolist() == ["fixation", "fixation", "pursuit"]
    assert lost(both) == {"blink": 3}
    assert fixations.read(put(TIDY), events=["sample"], **given)["time"].tolist() == [0.0, 0.1]


def test_only_samples_are_duplicates(put):
    path = put("frame,x,y,event\n0,1,1,sample\n0,1,1,sample\n0,2,2,fixation\n0,2,2,fixation\n")
    assert len(fixations.read(path, events=["sample"])) == 1
    assert len(fixations.read(path, events=["fixation"])) == 2


# --- fixations from samples ------------------------------------------------------------------


def test_samples_become_fixations_when_asked(put):
    # 100 samples a second: 10 at x 10, 10 at x 50, of each of two observers.
    text = "".join(
        f"{who},{i / 100},{10 + 40 * (i >= 10) + move},5\n"
        for who, move in (("a", 0), ("b", 5))
        for i in range(20)
    )
    path = put("subject,time,x,y\n" + text)
    asked = {"method": "ivt", "velocity": 30, "merge_time": 0.0}
    table = fixations.read(path, fps=10, pixels_per_degree=10.0, detect=asked)
    assert rows(table) == [("a", 0, 10, 5), ("a", 1, 50, 5), ("b", 0, 15, 5), ("b", 1, 55, 5)]
    assert set(table["event"]) == {"fixation"}
    np.testing.assert_allclose(table["duration"], 0.1)
    in_pixels = {"method": "idt", "unit": "pixels", "dispersion": 20}
    assert rows(fixations.read(path, fps=10, detect=in_pixels)) == rows(table)
    assert table.attrs["geometry"]["detect"] == asked


def test_what_detection_needs_is_named(put):
    path = put("time,x,y\n0,1,1\n0.01,1,1\n")
    with pytest.raises(InputError, match="distance_cm, screen, screen_cm of the recording are not"):
        fixations.read(path, fps=10, detect="ivt")
    with pytest.raises(InputError, match=r"in pixels for .*: needs velocity, merge_distance"):
        fixations.read(path, fps=10, detect={"method": "ivt", "unit": "pixels"})
    lasting = put("time,x,y,duration\n0,1,1,0.2\n", "b.csv")
    with pytest.raises(InputError, match="there are no samples; leave detect out"):
        fixations.read(lasting, fps=10, detect="ivt", pixels_per_degree=30.0)
    framed = put("frame,x,y\n0,1,1\n", "c.csv")
    with pytest.raises(InputError, match="needs fps, for there are no times"):
        fixations.read(framed, detect="ivt", pixels_per_degree=30.0)


# --- columns ---------------------------------------------------------------------------------


def test_what_is_not_known_is_nan(put):
    table = fixations.read(put(TIDY))
    assert list(table) == list(fixations.COLUMNS)
    assert table["time"].isna().all()
    assert table["duration"].isna().all()
    assert set(table["event"]) == {"sample"}
    spans = fixations.read(put("frame,x,y,duration\n3,1,1,2\n"), fps=10)
    assert spans["duration"].tolist() == [0.2, 0.2]


def test_events_with_times_read_back_exactly(put, tmp_path):
    path = put("time,x,y,duration\n0.00,1,1,0.08\n0.10,2,2,0.02\n")
    table = fixations.read(path, fps=25)
    for name in ("a.csv", "a.tsv", "a.parquet"):
        fixations.write(table, tmp_path / name)
        pd.testing.assert_frame_equal(fixations.read(tmp_path / name), table)
