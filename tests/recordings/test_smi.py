"""SMI exports: raw data and event lists, rows worked out by hand; damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal.errors import InputError
from vidsal.recordings.smi import smi

FILE_NAME = "raw.txt"

# Layout of raw data: github.com/aeye-lab/pymovements, the header and lines of BEGAZE_TEXT in its
# test of _parsing_begaze, and tests/files/didec_example.txt (binocular, two event columns, the
# message "# Message: test.bmp"); R package of read_smi_idf: "## Calibration Area:", "## Sample
# Rate:". (0, 0) for a lost eye: EyeFun.jl and other readers of SMI files.
RAW = """\
## [BeGaze]
## Converted from:\tC:\\test.idf
## Version:\tBeGaze 3.7.40
## Sample Rate:\t250
## Separator Type:\tMsg
## [Run]
## Subject:\tP01
## Description:
## [Calibration]
## Calibration Area:\t1680\t1050
## Calibration Point 0:\tPosition(841;526)
## [Geometry]
## Stimulus Dimension [mm]:\t474\t297
## Head Distance [mm]:\t700
## Format:\tLEFT, RIGHT, POR, QUALITY, PLANE, MSG
##
Time\tType\tTrial\tL POR X [px]\tL POR Y [px]\tR POR X [px]\tR POR Y [px]\tTiming\tL Event Info\t\
R Event Info\tStimulus
70590724309\tMSG\t1\t# Message: test.avi
70590726000\tSMP\t1\t858.00\t516.00\t860.00\t518.00\t0\tFixation\tFixation\ttest.avi
70590730000\tSMP\t1\t844.00\t517.00\t0.00\t0.00\t0\tFixation\tBlink\ttest.avi
70590734000\tSMP\t1\t700.00\t400.00\t702.00\t402.00\t0\tSaccade\tSaccade\ttest.avi
70590738000\tSMP\t1\t600.00\t300.00\t602.00\t302.00\t0\tSaccade\tSaccade\ttest.avi
70590742000\tSMP\t1\t0.00\t0.00\t0.00\t0.00\t0\tBlink\tBlink\ttest.avi
70590746000\tSMP\t1\t0.00\t0.00\t0.00\t0.00\t0\t-\t-\ttest.avi
70590750000\tSMP\t1\t-\t-\t-\t-\t0\t-\t-\ttest.avi
70590754000\tSMP\t2\t10.00\t20.00\t12.00\t22.00\t0\tFixation\tFixation\tnext.avi
70590756000\tMSG\t2\t# Message: next.avi onset
70590758000\tSMP\t2\t10.00\t20.00\t12.00\t22.00\t0\tFixation\tFixation\tnext.avi
"""

# Layout of event lists: BeGaze 2.3 manual, pages 200-201 (each kind of event has a table header);
# the rows "Fixation L", "Saccade L", "Blink L" and the columns as quoted in public readers of
# *_Events.txt (read_smioutput; SMI to BIDS physioevents), here with smaller numbers.
EVENTS = """\
[BeGaze]
Converted from:\tC:\\test.idf
Version:\tBeGaze 3.7.40
Sample Rate:\t250
Subject:\tP02

Table Header for Fixations:
Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tLocation X\tLocation Y\tDispersion X\t\
Dispersion Y\tPlane\tAvg. Pupil Size X\tAvg Pupil Size Y

Table Header for Saccades:
Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tStart Loc.X\tStart Loc.Y\tEnd Loc.X\tEnd Loc.Y\t\
Amplitude\tPeak Speed\tPeak Speed At\tAverage Speed\tPeak Accel.\tPeak Decel.\tAverage Accel.

Table Header for Blinks:
Event Type\tTrial\tNumber\tStart\tEnd\tDuration

Table Header for User Events:
Event Type\tTrial\tNumber\tStart\tDescription

UserEvent\t1\t1\t3382450700000\t# Message: a.avi
Saccade L\t1\t13\t3382450786556\t3382450806427\t19871\t1009.68\t587.24\t1000.98\t583.28\t0.11\t\
9.00\t1.00\t5.74\t94.46\t-203.67\t137.37
Fixation L\t1\t14\t3382450806427\t3382450965523\t159096\t996.68\t569.56\t22\t69\t-1\t17.16\t17.16
Fixation R\t1\t14\t3382450806427\t3382450965523\t159096\t990.00\t560.00\t22\t69\t-1\t17.16\t17.16
Blink L\t1\t1\t3382451084874\t3382451164475\t79601
UserEvent\t2\t2\t3382460000000\t# Message: b.avi
Fixation L\t2\t15\t3382460100000\t3382460300000\t200000\t5.00\t6.00\t22\t69\t-1\t17.16\t17.16
"""


def test_raw_data(put):
    table = smi(put(RAW))
    assert rounded(table, "subject", "video", "time", "x", "y", "event", "duration") == [
        ("P01", "test.avi", 0.0, 859.0, 517.0, "sample", 0.0),
        ("P01", "test.avi", 0.0, 851.5, 517.0, "fixation", 0.008),
        ("P01", "test.avi", 0.004, 844.0, 517.0, "sample", 0.0),
        ("P01", "test.avi", 0.008, 701.0, 401.0, "sample", 0.0),
        ("P01", "test.avi", 0.008, 701.0, 401.0, "saccade", 0.008),
        ("P01", "test.avi", 0.012, 601.0, 301.0, "sample", 0.0),
        ("P01", "next.avi", 0.0, 11.0, 21.0, "sample", 0.0),
        ("P01", "next.avi", 0.0, 11.0, 21.0, "fixation", 0.004),
        ("P01", "next.avi", 0.004, 11.0, 21.0, "sample", 0.0),
    ]
    assert table.attrs["dropped"] == {"blink": 1, "lost": 1, "not_a_number": 1}
    assert table.attrs["geometry"] == {
        "screen": [1680, 1050],
        "screen_cm": [47.4, 29.7],
        "distance_cm": 70,
        "rate": 250,
        "eye": "both",
        "space": "screen",
    }


def test_one_eye_of_raw_data(put):
    table = smi(put(RAW), eye="right")
    samples = table[table["event"] == "sample"]
    assert list(samples["x"]) == [860.0, 702.0, 602.0, 12.0, 12.0]
    assert table.attrs["dropped"] == {"blink": 2, "lost": 1, "not_a_number": 1}
    assert rounded(table[table["event"] == "fixation"], "time", "duration") == [
        (0.0, 0.004),
        (0.0, 0.004),
    ]
    monocular = RAW.replace("R POR", "R Raw")
    assert smi(put(monocular)).attrs["geometry"]["eye"] == "left"
    with pytest.raises(InputError, match=r"no columns of gaze .* for eye 'right'"):
        smi(put(monocular), eye="right")


def test_start_message_of_each_trial(put):
    table = smi(put(RAW), start_message=r"\.avi")
    samples = table[table["event"] == "sample"]
    assert rounded(samples, "time") == [
        (0.001691,),
        (0.005691,),
        (0.009691,),
        (0.013691,),
        (-0.002,),
        (0.002,),
    ]
    only = smi(put(RAW), start_message="onset$")
    assert set(only["video"]) == {"next.avi"}
    # Four samples, a fixation and a saccade of trial 1, and its sample without a number.
    assert only.attrs["dropped"] == {"blink": 1, "lost": 1, "no_start": 7}
    with pytest.raises(InputError, match=r"fits no message; the messages are 'test.avi'"):
        smi(put(RAW), start_message="start")


def test_trials_without_a_stimulus_column_are_named_by_number(put):
    table = smi(put(RAW.replace("\tStimulus\n", "\tThing\n")))
    assert list(table["video"].unique()) == ["1", "2"]


def test_event_list(put):
    table = smi(put(EVENTS))
    assert rounded(table, "subject", "video", "time", "x", "y", "event", "duration") == [
        ("P02", "1", 0.086556, 1009.68, 587.24, "saccade", 0.019871),
        ("P02", "1", 0.106427, 996.68, 569.56, "fixation", 0.159096),
        ("P02", "2", 0.1, 5.0, 6.0, "fixation", 0.2),
    ]
    assert table.attrs["dropped"] == {}
    assert table.attrs["geometry"] == {"rate": 250, "eye": "left", "space": "screen"}
    right = smi(put(EVENTS), eye="right")
    assert rounded(right, "time", "x") == [(0.106427, 990.0)]
    second = smi(put(EVENTS), start_message="b.avi")
    assert rounded(second, "time", "x") == [(0.1, 5.0)]
    assert second.attrs["dropped"] == {"no_start": 2}


def test_event_list_with_commas(put):
    table = smi(put(EVENTS.replace("\t", ",")))
    assert len(table) == 3


@pytest.mark.parametrize("text", [RAW, EVENTS])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("C:\\test", "C:\\t\u00e9st").encode("latin-1"),
    ],
)
def test_encodings_and_line_ends(put, text, encode):
    expected, table = smi(put(text)), smi(put(encode(text), "other.txt"))
    assert rounded(table, *table) == rounded(expected, *expected)
    assert table.attrs == expected.attrs


def test_damaged_lines_are_counted(put):
    damaged = RAW.replace("70590730000", "7059073x000").replace("702.00\t402.00", "702.00\tinf")
    damaged += "70590762000\tSMP\t2\t10.00\t20.00\t12.00\t22.00\t0\t-\t-\tnext.avi\t1\t2\n"
    damaged += "garbage\n70590766000\tSMP\t2\t10.00"
    table = smi(put(damaged))
    assert table.attrs["dropped"] == {"malformed": 3, "blink": 1, "lost": 1, "not_a_number": 2}
    assert rounded(table[table["event"] == "sample"], "x")[:2] == [(859.0,), (700.0,)]
    listed = EVENTS + "Fixation L\t2\t15\tx\t1\t2\t3\t4\nFixation L\t2\t15\t33\nwhat\n"
    assert smi(put(listed)).attrs["dropped"] == {"malformed": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no SMI export"),
        (b"a\tb\n1\t2\n", "no SMI export"),
        (b"Time\tType\tTrial\n1\tSMP\t1\n", "no columns of gaze"),
        (b"Time\tType\tTrial\tL POR X [px]\n1\tSMP\t1\t3\n", "no columns of gaze"),
        (b"Time\tType\tTime\tL POR X [px]\tL POR Y [px]\n1\tSMP\t1\t1\t1\n", "occurs twice"),
        (bytes(range(256)) * 64, "binary"),
    ],
)
def test_what_is_no_export_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        smi(put(content))


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(6)
    for text in (RAW, EVENTS):
        whole = np.frombuffer(text.encode(), np.uint8)
        for _ in range(40):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 30)] = rng.integers(0, 256, 30)
            broken = broken[: rng.integers(1, len(broken))]
            try:
                table = smi(put(broken.tobytes()))
            except InputError:
                continue
            assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
