"""DHF1K's raw recordings, in both layouts: rows worked out by hand; damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.dhf1k_raw import dhf1k_raw

FILE_NAME = "P01_Trail001.txt"

# Layout: record_mapping.m of github.com/wenguanwang/DHF1K:
#   [time,x_screen,y_screen,event]=textread(txtloc,'%f%f%f%s','headerlines',1);
#   time = time-time(1); event = cellfun(@(x) x(1), event);
#   frame index: (index-1)<rate*time/1000000 & rate*time/1000000<index & event=='F', rate = 30
#   a=video_res_x/screen_res_x; b=(screen_res_y-video_res_y/a)/2;  1440x900, P%03d_Trail%04d.txt
FOUR = """\
time x y event
107977452000 720 450 Fixation
107977460000 722 452 Fixation
107977468000 100 50 Saccade
107977476000 300 60 Saccade
107977484000 0 0 Blink
107977492000 400.5 100 Fixation
107977530000 402.5 102 Fixation
"""

# Layout of the archive as published now: eight columns with tabs, of the names and the form of
# values that an audit of it in a public repository lists (exportdata_train/P01/P01_Trail001.txt ...
# P17/P17_Trail700.txt; Time 107977452442, Type SMP, Trial 1, 16.22, 16.22, 1107.82, 417.99,
# Fixation), and that a public loader reads: np.loadtxt(delimiter='\t', skiprows=1) with
# time, model, trialnum, diax, diay, x_screen, y_screen, event.
EIGHT = (
    "Time\tType\tTrial\tL Dia X [px]\tL Dia Y [px]\tL POR X [px]\tL POR Y [px]\tL Event Info\n"
    + "".join(
        "\t".join([time, "SMP", "1", "16.22", "16.22", x, y, event]) + "\n"
        for time, x, y, event in map(str.split, FOUR.splitlines()[1:])
    )
)


@pytest.mark.parametrize("text", [FOUR, EIGHT])
def test_both_layouts(put, text):
    table = dhf1k_raw(put(text))
    assert rounded(table, "subject", "time", "x", "y", "event", "duration") == [
        ("P01", 0.0, 720.0, 450.0, "sample", 0.0),
        ("P01", 0.0, 721.0, 451.0, "fixation", 0.016),
        ("P01", 0.008, 722.0, 452.0, "sample", 0.0),
        ("P01", 0.016, 100.0, 50.0, "sample", 0.0),
        ("P01", 0.016, 100.0, 50.0, "saccade", 0.016),
        ("P01", 0.024, 300.0, 60.0, "sample", 0.0),
        ("P01", 0.04, 400.5, 100.0, "sample", 0.0),
        ("P01", 0.04, 401.5, 101.0, "fixation", 0.038),
        ("P01", 0.078, 402.5, 102.0, "sample", 0.0),
    ]
    assert table.attrs == {"geometry": {"space": "screen"}, "dropped": {"blink": 1}}


@pytest.mark.parametrize("text", [FOUR, EIGHT])
def test_every_sample_as_in_the_published_maps(put, text):
    table = dhf1k_raw(put(text), each_sample=True)
    still = table[table["event"] == "fixation"]
    assert rounded(still, "time", "x", "y", "duration") == [
        (0.0, 720.0, 450.0, 0.0),
        (0.008, 722.0, 452.0, 0.0),
        (0.04, 400.5, 100.0, 0.0),
        (0.078, 402.5, 102.0, 0.0),
    ]
    assert list(table[table["event"] == "saccade"]["time"].round(6)) == [0.016]
    assert len(table) == 6 + 4 + 1


def test_letterbox_and_frames(put):
    # a = 640 / 1440 = 4/9, b = (900 - 360 * 9/4) / 2 = 45; x = 721: (721.5 - 0) * 4/9 - 0.5.
    table = fixations.read(
        put(FOUR),
        format="dhf1k_raw",
        screen=[1440, 900],
        rect=[0, 45, 1440, 810],
        video_size=[640, 360],
        fps=30.0,
    )
    # 0 to 16 ms is frame 0; 40 to 78 ms reaches into frames 1 and 2 (from 66.7 ms).
    assert list(table["frame"]) == [0, 1, 2]
    x, y = [721.5 * 4 / 9 - 0.5, 402 * 4 / 9 - 0.5], [406.5 * 4 / 9 - 0.5, 56.5 * 4 / 9 - 0.5]
    np.testing.assert_allclose(table["x"], [x[0], x[1], x[1]])
    np.testing.assert_allclose(table["y"], [y[0], y[1], y[1]])
    assert set(table["subject"]) == {"P01"}


def test_lost_samples_and_other_rows(put):
    lost = EIGHT.replace("722\t452", "0.00\t0.00")
    lost = lost.replace("SMP\t1\t16.22\t16.22\t300", "MSG\t1\t#\t\t300")
    table = dhf1k_raw(put(lost, "other.txt"))
    assert table.attrs["dropped"] == {"blink": 1, "lost": 1}
    assert "subject" not in table
    assert rounded(table[table["event"] == "fixation"], "x", "duration") == [
        (720.0, 0.016),
        (401.5, 0.038),
    ]
    assert not (table["x"] == 300).any()


def test_damaged_lines_are_counted(put):
    damaged = FOUR + "107977540000 1 1\nx 1 1 Fixation\n107977548000 . 1 Fixation\n1 2 3 F 5\n"
    assert dhf1k_raw(put(damaged)).attrs["dropped"] == {
        "malformed": 2,
        "not_a_number": 2,
        "blink": 1,
    }
    assert dhf1k_raw(put(EIGHT + "107977540000\tSMP\t1\n")).attrs["dropped"] == {
        "blink": 1,
        "not_a_number": 1,
    }


def test_header_alone_is_a_recording_without_rows(put):
    for text in ("time x y event\n", EIGHT.partition("\n")[0] + "\n"):
        assert len(dhf1k_raw(put(text))) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("header\n1 2 3\n", "no line holds 4 words"),
        (EIGHT.replace("Event Info", "Info"), "no column for event; read it with format: smi"),
        (bytes(range(256)) * 9, "binary"),
    ],
)
def test_what_is_no_recording_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        dhf1k_raw(put(content))


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(10)
    for text in (FOUR, EIGHT):
        whole = np.frombuffer(text.encode(), np.uint8)
        for _ in range(50):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 10)] = rng.integers(0, 256, 10)
            broken = broken[: rng.integers(1, len(broken))]
            try:
                table = dhf1k_raw(put(broken.tobytes()), each_sample=bool(rng.integers(2)))
            except InputError:
                continue
            assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
