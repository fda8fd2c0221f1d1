"""GazeCom recordings and labels: rows worked out by hand, labels and runs; damaged files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.gazecom import gazecom

FILE_NAME = "a.arff"

# Layout: github.com/MikhailStartsev/sp_tool, test_data/dsf_coord_data_example.coord (comment lines,
# `gaze 1280 720`, `geometry distance 0.45 width 0.4 height 0.225` in metres, then time in
# microseconds, x, y, confidence) and data_loaders.py ("cut out the first needed values ... even if
# binocular"). Time counts from the start of the movie: README of
# github.com/katherinelamb/eye-movement-prediction. Numbers are ours.
COORD = """\
# Gaze file converted from Eyelink format using el2smi_inb.py
#
gaze 1280 720
geometry distance 0.45 width 0.4 height 0.225
34000 100.5 200 1
38000 102.5 202 1
42000 0 0 0
46000 101 201.25 1 101 201 1
"""

# Layout: sp_tool, test_data/arff_data_example.arff and arff_helper.py (metadata as comments before
# @RELATION), and the attributes of hollywood2_em at gin.g-node.org/ioannis.agtzidis: time, x, y,
# confidence, handlabeller_1, handlabeller_final, files 001_actioncliptest00003.arff (as counted in
# docs of github.com/stefanosbalaskas/GazeForge). Words of the labels: sp_tool's data_loaders.py.
HEAD = """\
%@METADATA distance_mm 600.0
%@METADATA height_mm 250.0
%@METADATA width_mm 475.0
%@METADATA width_px 608.0
%@METADATA height_px 320.0
@RELATION gaze_labels

@ATTRIBUTE time INTEGER
@ATTRIBUTE x NUMERIC
@ATTRIBUTE y NUMERIC
@ATTRIBUTE confidence NUMERIC
"""
LABELS = "{UNKNOWN,FIX,SACCADE,SP,NOISE,BLINK,NOISE_CLUSTER}"
WORDS = f"""\
{HEAD}@ATTRIBUTE handlabeller_1 {LABELS}
@ATTRIBUTE handlabeller_final {LABELS}

@DATA
0,10,20,1,FIX,FIX
2000,12,24,1,FIX,FIX
4000,500,500,0,FIX,FIX
6000,30,40,1,FIX,SACCADE
8000,50,60,1,SACCADE,SACCADE
10000,70,80,1,SP,UNKNOWN
12000,80,80,1,SP,NOISE
14000,90,80,1,SP,SP
16000,92,80,1,SP,SP
18000,94,80,1,SP,SP
20000,96,80,1,SP,SP
22000,98,80,1,SP,SP
24000,1,1,1,BLINK,BLINK
"""


def events(table, *names):
    return rounded(table[table["event"] != "sample"], *names)


def test_coord(put):
    table = gazecom(put(COORD, "AAF_beach.coord"))
    assert rounded(table, "subject", "time", "x", "y", "event") == [
        ("AAF", 0.034, 100.5, 200.0, "sample"),
        ("AAF", 0.038, 102.5, 202.0, "sample"),
        ("AAF", 0.046, 101.0, 201.25, "sample"),
    ]
    assert table.attrs["dropped"] == {"lost": 1}
    assert table.attrs["geometry"] == {
        "screen": [1280, 720],
        "video_size": [1280, 720],
        "screen_cm": [40, 22.5],
        "distance_cm": 45,
        "space": "video",
    }
    assert len(gazecom(put(COORD, "x.coord"), confidence=0)) == 4
    assert "subject" not in gazecom(put(COORD, "x.coord"))


def test_coord_without_geometry(put):
    table = gazecom(put(COORD.replace("geometry", "#"), "x.coord"))
    assert table.attrs["geometry"] == {
        "screen": [1280, 720],
        "video_size": [1280, 720],
        "space": "video",
    }


def test_labelled_samples_become_events(put):
    table = gazecom(put(WORDS, "001_actioncliptest00003.arff"), pursuit_step=0.004)
    assert events(table, "subject", "time", "duration", "x", "y", "event") == [
        # The lost sample belongs to the fixation, but not to its place.
        ("001", 0.0, 0.006, 11.0, 22.0, "fixation"),
        ("001", 0.006, 0.004, 30.0, 40.0, "saccade"),
        # Ten milliseconds of pursuit in steps of four.
        ("001", 0.014, 0.004, 91.0, 80.0, "pursuit"),
        ("001", 0.018, 0.004, 95.0, 80.0, "pursuit"),
        ("001", 0.022, 0.002, 98.0, 80.0, "pursuit"),
    ]
    assert (table["event"] == "sample").sum() == 10
    assert table.attrs["dropped"] == {"lost": 1, "noise": 1, "blink": 1}
    assert table.attrs["geometry"] == {
        "screen": [608, 320],
        "video_size": [608, 320],
        "screen_cm": [47.5, 25],
        "distance_cm": 60,
        "space": "video",
    }


def test_whole_pursuit_is_covered_by_its_steps(put):
    times = range(0, 1_000_000, 2000)
    lines = "".join(f"{t},{t / 1000},5,1,SP,SP\n" for t in times)
    table = gazecom(put(WORDS.partition("@DATA\n")[0] + "@DATA\n" + lines))
    made = table[table["event"] == "pursuit"]
    ends = made["time"] + made["duration"]
    np.testing.assert_allclose(made["time"].to_numpy()[1:], ends.to_numpy()[:-1])
    assert len(made) == 25
    # Each stands at the mean of its 20 samples: 19 ms after its start, at 1 pixel per ms.
    np.testing.assert_allclose(made["x"], made["time"] * 1000 + 19)


def test_which_labels(put):
    path = put(WORDS)
    students = gazecom(path, labels="handlabeller_1")
    assert events(students, "time", "event") == [
        (0.0, "fixation"),
        (0.008, "saccade"),
        (0.01, "pursuit"),
    ]
    made = WORDS.replace("handlabeller_final", "EYE_MOVEMENT_TYPE")
    assert events(gazecom(put(made)), "time") == events(gazecom(path), "time")
    both = WORDS.replace("handlabeller_1", "EYE_MOVEMENT_TYPE")
    assert events(gazecom(put(both)), "time") == events(gazecom(path), "time")
    none = WORDS.replace("handlabeller_final", "other").replace("handlabeller_1", "handlabeller1")
    assert events(gazecom(put(none)), "time") == []
    with pytest.raises(InputError, match=r"labels: 'nobody' .*they are time, x, y, .*other"):
        gazecom(put(none), labels="nobody")
    with pytest.raises(InputError, match=r"labels: 'x' .*no such attribute"):
        gazecom(put(none), labels="x")
    with pytest.raises(InputError, match=r"a \.coord file has none"):
        gazecom(put(COORD), labels="x")


def test_labels_as_numbers(put):
    # sp_tool/data_loaders.py: 0 UNKNOWN, 1 FIX, 2 SACCADE, 3 SP, 4 NOISE, 10 PSO, 11 BLINK.
    numbers = WORDS.replace(LABELS, "INTEGER")
    for word, number in [
        ("UNKNOWN", "0"),
        ("FIX", "1"),
        ("SACCADE", "2.0"),
        ("SP", "3"),
        ("NOISE", "4"),
        ("BLINK", "11"),
    ]:
        numbers = numbers.replace(f",{word}", f",{number}")
    expected, table = gazecom(put(WORDS)), gazecom(put(numbers))
    assert rounded(table, *table) == rounded(expected, *expected)
    assert table.attrs == expected.attrs


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("@DATA", "@data").replace("@ATTRIBUTE", "@attribute"),
        lambda text: text.replace("ATTRIBUTE time", "ATTRIBUTE 'time'").replace(",FIX", ",'FIX'"),
        lambda text: text.replace(",", " , "),
        lambda text: text.replace("@DATA\n", "@DATA\n% a remark, with commas\n\n"),
        lambda text: gzip.compress(text.encode()),
    ],
)
def test_ways_to_write_arff(put, change):
    expected, table = gazecom(put(WORDS)), gazecom(put(change(WORDS), "b.arff"))
    assert rounded(table, *table) == rounded(expected, *expected)
    assert table.attrs == expected.attrs


def test_pursuit_reaches_the_tidy_table_when_chosen(put):
    path = put(WORDS, "001_x.arff")
    frames = fixations.read(path, format="gazecom", fps=250.0, events=["fixation", "pursuit"])
    # Of 4 ms a frame: the fixation reaches into 0 and 1, the pursuit into 3 (from 14 ms), 4 and 5.
    assert rounded(frames, "subject", "frame", "x", "event") == [
        ("001", 0, 11.0, "fixation"),
        ("001", 1, 11.0, "fixation"),
        ("001", 3, 94.0, "pursuit"),
        ("001", 4, 94.0, "pursuit"),
        ("001", 5, 94.0, "pursuit"),
    ]
    # At another size of the video: twice as large, pixel centres map to pixel centres.
    clip = fixations.Clip(size=(1216, 640))
    double = fixations.read(path, format="gazecom", fps=250.0, clip=clip)
    np.testing.assert_allclose(double[["x", "y"]], [[22.5, 44.5]] * 2)


def test_damaged_lines_are_counted(put):
    damaged = WORDS + "26000,1\n28000,1,1,1,FIX,FIX,FIX\nx,1,1,1,FIX,FIX\n30000,inf,1,1,FIX,FIX\n"
    table = gazecom(put(damaged + "32000,5,nan,1,FIX,FIX\n34000,?,5,1,FIX,FIX\n"))
    assert table.attrs["dropped"] == {
        "malformed": 2,
        "not_a_number": 4,
        "lost": 1,
        "noise": 1,
        "blink": 1,
    }
    table = gazecom(put(COORD + "50000 1\n54000 1 nan 1\n", "a.coord"))
    assert table.attrs["dropped"] == {"malformed": 1, "not_a_number": 1, "lost": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "neither ARFF"),
        ("1 2 3 4\n", "neither ARFF"),
        ("gaze 1280 720\n1 2 3\n", "no line holds 4 words"),
        ("@DATA\n1,2,3\n", "no attribute time, x, y"),
        (WORDS.replace("ATTRIBUTE y", "ATTRIBUTE why"), "no attribute y; the attributes are time"),
        (WORDS.replace("handlabeller_1", "X"), "6 attributes, some of one name"),
    ],
)
def test_what_is_neither_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        gazecom(put(content))


def test_pursuit_step_must_be_above_zero(put):
    for step in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="pursuit_step"):
            gazecom(put(WORDS), pursuit_step=step)


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(8)
    for text in (COORD, WORDS):
        whole = np.frombuffer(text.encode(), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 12)] = rng.integers(0, 256, 12)
            broken = broken[: rng.integers(1, len(broken))]
            try:
                table = gazecom(put(broken.tobytes()))
            except InputError:
                continue
            assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
