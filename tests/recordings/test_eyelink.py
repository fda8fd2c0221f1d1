"""EyeLink ASC: rows worked out by hand from lines in edf2asc's layout; damaged files."""

from __future__ import annotations

import gzip
import time

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.eyelink import eyelink

FILE_NAME = "sub.asc"

# Lines in the layout of edf2asc: tabs, padded numbers, "." for missing, CR flags, calibration
# text, messages with an offset. Taken down from
# - github.com/aeye-lab/pymovements tests/files/eyelink_binocular_example.asc and
#   eyelink_monocular_2khz_example.asc, raccoons.asc (samples, events, START ... END, !V TRIAL_VAR),
# - EyeLink 1000 user manual 1.5 (2005-2008), pages 103-110: columns of samples with velocity and
#   resolution, flags, events,
# - sr-research.com/support/thread-170.html: true time = time of the message - its offset.
BINOCULAR = """\
** CONVERTED FROM sub_6.edf using edfapi 4.2.1197.0 MacOS X   standalone Sep 27 2024
** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED
** EYELINK II CL v6.14 Mar  6 2020 (EyeLink Portable Duo)
**

MSG\t1372889 !CAL
>>>>>>> CALIBRATION (HV9,P-CR) FOR LEFT: <<<<<<<<<
MSG\t1372889 !CAL eye check box: (L,R,T,B)
\t  -63     7   -44     4
MSG\t1372889 !CAL Cal coeff:(X=a+bx+cy+dxx+eyy,Y=f+gx+goaly+ixx+jyy)
     -0  187.55  7.0443  0.53469  0.55406
   132.75 -13.023  242.52 -0.051945  1.6939
MSG\t1408659 RECCFG CR 1000 2 1 LR
MSG\t1408659 GAZE_COORDS 0.00 0.00 1920.00 1080.00
START\t1408660 \tLEFT\tRIGHT\tSAMPLES\tEVENTS
PRESCALER\t1
VPRESCALER\t1
PUPIL\tAREA
EVENTS\tGAZE\tLEFT\tRIGHT\tRATE\t1000.00\tTRACKING\tCR\tFILTER\t2
SAMPLES\tGAZE\tLEFT\tRIGHT\tRATE\t1000.00\tTRACKING\tCR\tFILTER\t2
MSG\t1408660 !MODE \tRECORD CR 1000 2 1 LR
1408660\t  964.0\t  541.5\t  288.0\t  960.0\t  538.5\t  305.0\t.....
1408661\t  964.5\t  542.0\t  288.0\t  960.5\t  539.0\t  306.0\t.....
SFIX L   1408661
SBLINK L 1408662
1408662\t   .\t   .\t    0.0\t  933.4\t  568.2\t  298.0\t.C...
SBLINK R 1408663
1408663\t   .\t   .\t    0.0\t   .\t   .\t    0.0\t.C.C.
EBLINK R 1408663\t1408663\t1
1408664\t   .\t   .\t    0.0\t  974.6\t  632.4\t  249.0\t.C..R
EBLINK L 1408662\t1408664\t3
1408665\t   .\t   .\t    0.0\t   .\t   .\t    0.0\t.C.C.
EFIX L   1408660\t1408661\t2\t  964.2\t  541.7\t    284
EFIX R   1408660\t1408662\t3\t  956.3\t  541.9\t    310
ESACC L  1408662\t1408664\t3\t  962.6\t  546.7\t  954.9\t  535.6\t   0.31\t     42
ESACC R  1408664\t1408665\t2\t  .\t  .\t  954.9\t  535.6\t   0.31\t     42
END\t1408666 \tSAMPLES\tEVENTS\tRES\t  47.75\t  45.92
"""

MONOCULAR = """\
MSG\t2095865.0 DISPLAY_COORDS 0 0 1279 1023
MSG\t2154540.0 TRIALID 7
MSG\t2154555.5 GAZE_COORDS 0.00 0.00 1279.00 1023.00
START\t2154556.0 \tLEFT\tSAMPLES\tEVENTS
EVENTS\tGAZE\tLEFT\tRATE\t2000.00\tTRACKING\tCR\tFILTER\t2
SAMPLES\tGAZE\tLEFT\tVEL\tRES\tRATE\t2000.00\tTRACKING\tCR\tFILTER\t2\tINPUT
INPUT\t2154556.0\t0
2154556.5\t  138.1\t  132.8\t  778.0\t  -0.5\t   2.5\t  37.17\t  37.75\t    0.0\t...
MSG\t2154557.0 -4 SYNCTIME 766 0
2154560.5\t  138.2\t  132.7\t  778.0\t  -0.5\t   2.5\t  37.17\t  37.75\t    0.0\t...
2154561.0\t  138.4\t  132.9\t  778.0\t  -0.5\t   2.5\t  37.17\t  37.75\t    0.0\tI..
2154581.0\t  140.0\t  130.0\t  778.0\t  -0.5\t   2.5\t  37.17\t  37.75\t    0.0\t...
EFIX L   2154560.5\t2154561.0\t1.0\t  138.3\t  132.8\t    791
ESACC L  2154561.5\t2154580.5\t19.5\t  673.2\t  523.8\t  629.0\t  531.4\t   1.21\t    103
END\t2154582 \tSAMPLES\tEVENTS\tRES\t  37.17\t  37.75
MSG\t2154590.0 !V TRIAL_VAR video clip_a.avi
MSG\t2154591.0 TRIAL_RESULT 0
MSG\t2154600.0 TRIALID 8
START\t2154600.0 \tLEFT\tSAMPLES\tEVENTS
SAMPLES\tGAZE\tLEFT\tRATE\t2000.00\tTRACKING\tCR\tFILTER\t2
2154600.5\t   10.0\t   20.0\t  778.0\t...
MSG 2154601.0 SYNCTIME
2154602.0\t   11.0\t   21.0\t  778.0\t...
END\t2154603 \tSAMPLES\tEVENTS\tRES\t  37.17\t  37.75
MSG\t2154604.0 !V TRIAL_VAR video clip_b.avi
MSG\t2154605.0 TRIAL_RESULT 0
"""

VIDEO = r"!V TRIAL_VAR video (\S+)"


def test_binocular_samples_are_the_mean_of_the_eyes_that_were_seen(put):
    table = eyelink(put(BINOCULAR))
    samples = table[table["event"] == "sample"]
    assert rounded(samples, "time", "x", "y", "duration") == [
        (0.0, 962.0, 540.0, 0.0),
        (0.001, 962.5, 540.5, 0.0),
        (0.002, 933.4, 568.2, 0.0),
        (0.004, 974.6, 632.4, 0.0),
    ]
    # 1408663 lies in both blinks; 1408665 in none; the right eye's saccade has no start.
    assert table.attrs["dropped"] == {"blink": 1, "not_a_number": 1}
    assert table.attrs["geometry"] == {
        "screen": [1920, 1080],
        "pixels_per_degree": 46.835,
        "rate": 1000,
        "eye": "both",
        "space": "screen",
    }
    assert list(table) == ["time", "x", "y", "event", "duration"]
    assert table["time"].dtype == table["x"].dtype == np.float64


def test_events_of_both_eyes_are_those_of_the_left(put):
    table = eyelink(put(BINOCULAR))
    events = table[table["event"] != "sample"]
    assert rounded(events, "event", "time", "x", "y", "duration") == [
        ("fixation", 0.0, 964.2, 541.7, 0.002),
        ("saccade", 0.002, 962.6, 546.7, 0.003),
    ]


def test_one_eye(put):
    table = eyelink(put(BINOCULAR), eye="right")
    samples = table[table["event"] == "sample"]
    assert list(samples["x"]) == [960.0, 960.5, 933.4, 974.6]
    assert rounded(table[table["event"] == "fixation"], "time", "duration") == [(0.0, 0.003)]
    # The right eye's blink hides 1408663; 1408665 and the saccade without a start are no places.
    assert table.attrs["dropped"] == {"blink": 1, "not_a_number": 2}
    assert table.attrs["geometry"]["eye"] == "right"
    left = eyelink(put(BINOCULAR), eye="left")
    assert list(left.loc[left["event"] == "sample", "x"]) == [964.0, 964.5]
    assert left.attrs["dropped"] == {"blink": 3, "not_a_number": 1}


def test_eye_that_was_not_recorded_is_refused(put):
    with pytest.raises(InputError, match=r"'right' .*was not recorded"):
        eyelink(put(MONOCULAR), eye="right")
    with pytest.raises(InputError, match="choose from left, right, both"):
        eyelink(put(MONOCULAR), eye="L")
    assert eyelink(put(MONOCULAR), eye="both").attrs["geometry"]["eye"] == "left"


def test_trials_videos_and_start_messages(put):
    table = eyelink(put(MONOCULAR), start_message="^SYNCTIME", video_message=VIDEO)
    # Zero of trial 7: 2154557.0 - (-4) = 2154561.0; of trial 8: 2154601.0.
    assert rounded(table, "video", "time", "x", "event", "duration") == [
        ("clip_a.avi", -0.0045, 138.1, "sample", 0.0),
        ("clip_a.avi", -0.0005, 138.2, "sample", 0.0),
        ("clip_a.avi", -0.0005, 138.3, "fixation", 0.001),
        ("clip_a.avi", 0.0, 138.4, "sample", 0.0),
        ("clip_a.avi", 0.0005, 673.2, "saccade", 0.0195),
        ("clip_a.avi", 0.02, 140.0, "sample", 0.0),
        ("clip_b.avi", -0.0005, 10.0, "sample", 0.0),
        ("clip_b.avi", 0.001, 11.0, "sample", 0.0),
    ]
    # 0 ... 1279 name pixels: 1280 of them.
    assert table.attrs["geometry"]["screen"] == [1280, 1024]
    assert table.attrs["geometry"]["rate"] == 2000
    assert table.attrs["geometry"]["pixels_per_degree"] == 37.46
    assert table.attrs["dropped"] == {}


def test_without_options_trials_count_from_their_first_sample(put):
    table = eyelink(put(MONOCULAR))
    firsts = table.groupby("video")["time"].min()
    assert dict(firsts) == {"7": 0.0, "8": 0.0}
    one = MONOCULAR[: MONOCULAR.index("MSG\t2154600.0 TRIALID 8")]
    assert "video" not in eyelink(put(one))


def test_blocks_are_trials_where_no_message_says_so(put):
    table = eyelink(put(MONOCULAR.replace("TRIALID", "NUMBER")))
    assert list(table["video"].unique()) == ["0", "1"]
    named = eyelink(put(MONOCULAR.replace("TRIALID", "NUMBER")), trial_message="^NUMBER")
    assert list(named["video"].unique()) == ["7", "8"]


def test_trials_without_a_start_or_a_name_are_counted(put):
    no_start = MONOCULAR.replace("MSG 2154601.0 SYNCTIME\n", "")
    table = eyelink(put(no_start), start_message="SYNCTIME", video_message=VIDEO)
    assert list(table["video"].unique()) == ["clip_a.avi"]
    assert table.attrs["dropped"] == {"no_start": 2}
    no_name = MONOCULAR.replace("MSG\t2154604.0 !V TRIAL_VAR video clip_b.avi\n", "")
    table = eyelink(put(no_name), video_message=VIDEO)
    assert table.attrs["dropped"] == {"no_video": 2}
    early = BINOCULAR.replace("SFIX L", "MSG\t1408661 TRIALID 1\nSFIX L")
    assert eyelink(put(early)).attrs["dropped"]["outside_trial"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_message": "ONSET"}, "start_message: 'ONSET' .*fits no message.*SYNCTIME"),
        ({"video_message": "movie (.*)"}, "video_message: .*fits no message"),
        ({"video_message": "video"}, "has no group"),
        ({"start_message": "(["}, "no regular expression"),
        ({"trial_message": "*"}, "no regular expression"),
    ],
)
def test_options_that_fit_nothing_are_refused(put, options, message):
    with pytest.raises(InputError, match=message):
        eyelink(put(MONOCULAR), **options)


def test_corner_of_the_screen_is_taken_off(put):
    moved = MONOCULAR.replace("GAZE_COORDS 0.00 0.00 1279.00 1023.00", "GAZE_COORDS 10 20 809 619")
    table = eyelink(put(moved), start_message="SYNCTIME", video_message=VIDEO)
    assert table.attrs["geometry"]["screen"] == [800, 600]
    assert rounded(table, "x", "y")[0] == (128.1, 112.8)
    twice = MONOCULAR + "MSG\t2154606.0 GAZE_COORDS 0.00 0.00 799.00 599.00\n"
    assert "screen" not in eyelink(put(twice)).attrs["geometry"]


def test_places_that_are_not_on_the_screen_are_counted(put):
    angles = BINOCULAR.replace("SAMPLES\tGAZE", "SAMPLES\tHREF").replace(
        "EVENTS\tGAZE", "EVENTS\tHREF"
    )
    table = eyelink(put(angles))
    assert len(table) == 0
    assert table.attrs["dropped"] == {"not_gaze": 10}


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("sub_6", "s\u00fcb_6").encode("latin-1"),
        lambda text: text.replace("\t", "   ").encode(),
        lambda text: gzip.compress(text.encode()),
    ],
)
def test_encodings_line_ends_and_blanks(put, encode):
    expected = eyelink(put(BINOCULAR))
    table = eyelink(put(encode(BINOCULAR), "other.asc"))
    assert rounded(table, *table) == rounded(expected, *expected)
    assert table.attrs == expected.attrs


def test_damaged_lines_are_counted(put):
    damaged = (
        BINOCULAR.replace("1408661\t  964.5", "1408661\t  96x.5")  # the left eye's x
        .replace("EFIX R   1408660", "EFIX Q   1408660")
        .replace("ESACC L  1408662\t", "ESACC L  x\t")
        .replace("MSG\t1408659 RECCFG", "MSG\tsoon RECCFG")
    )
    table = eyelink(put(damaged))
    assert table.attrs["dropped"]["malformed"] == 3
    assert rounded(table[table["event"] == "sample"], "x", "y")[1] == (960.5, 540.5)


@pytest.mark.parametrize("cut", range(1, 25, 3))
def test_truncated_sample_is_never_a_wrong_number(put, cut):
    line = "1408661\t  964.5\t  542.0\t  288.0\t  960.5\t  539.0\t  306.0\t.....\n"
    whole = BINOCULAR[: BINOCULAR.index(line) + len(line)]
    table = eyelink(put(whole[:-cut]))
    places = rounded(table, "x", "y")
    assert places[0] == (962.0, 540.0)
    assert places[1:] in ([], [(962.5, 540.5)])
    assert len(places) == 2 - table.attrs["dropped"].get("malformed", 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no EyeLink ASC"),
        (b"hello\nworld\n", "no EyeLink ASC"),
        (b"time,x,y\n1,2,3\n", "no EyeLink ASC"),
        (b"SREDF\0\0\1\2" * 500, "binary"),
        (bytes(range(256)) * 64, "binary"),
        (gzip.compress(BINOCULAR.encode())[:200], "unreadable"),
    ],
)
def test_what_is_no_asc_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        eyelink(put(content))


def test_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none.asc", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            eyelink(path)


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(3)
    whole = np.frombuffer((BINOCULAR + MONOCULAR).encode(), np.uint8)
    for _ in range(60):
        broken = whole.copy()
        broken[rng.integers(0, len(broken), 40)] = rng.integers(0, 256, 40)
        broken = broken[: rng.integers(1, len(broken))]
        try:
            table = eyelink(put(broken.tobytes()))
        except InputError:
            continue
        assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)


def test_a_minute_at_a_thousand_hertz_reads_at_once(put):
    lines = [f"{1000 + i}\t  {500 + i % 9}.5\t  400.0\t  288.0\t..." for i in range(60_000)]
    head = "START\t1000 \tLEFT\tSAMPLES\nSAMPLES\tGAZE\tLEFT\tRATE\t1000.00\n"
    path = put(head + "\n".join(lines) + "\n")
    begun = time.process_time()
    table = eyelink(path)
    assert time.process_time() - begun < 3
    assert len(table) == 60_000
    np.testing.assert_allclose(table["x"], 500.5 + np.arange(60_000) % 9)
    np.testing.assert_allclose(table["time"], np.arange(60_000) / 1e3, atol=1e-9)


def test_without_a_start_message_the_messages_are_offered(put, caplog):
    eyelink(put(MONOCULAR))
    assert "no start_message is given" in caplog.text
    caplog.clear()
    eyelink(put(MONOCULAR), start_message=r"\S")
    assert not caplog.text


def test_videos_of_other_names_offer_video_message(put):
    # Two trials whose TRIALID is a number, and which name their video in a message of their own.
    trials = "".join(
        f"MSG\t{t} TRIALID {n}\nSTART\t{t} \tLEFT\tSAMPLES\nSAMPLES\tGAZE\tLEFT\tRATE\t1000.00\n"
        f"MSG\t{t} VIDEO {name}\n{t + 1}\t  {n}.0\t  5.0\t  288.0\t...\n"
        for n, (t, name) in enumerate([(1000, "walk.avi"), (2000, "run.avi")], 1)
    )
    path, clip = put(trials), fixations.Clip(names=("run", "run.avi"), size=(100, 50), fps=25.0)
    given = {"format": "eyelink", "space": "video", "clip": clip}
    with pytest.raises(InputError, match=r"say with video_message: .*'VIDEO \(\\S\+\)'"):
        fixations.read(path, **given)
    table = fixations.read(path, video_message=r"VIDEO (\S+)", **given)
    assert table["x"].tolist() == [2.0]


def test_other_formats_do_not_offer_it(put):
    path = put("video,frame,x,y\na,0,1,1\nb,0,2,2\n", "all.csv")
    with pytest.raises(InputError, match=r"none named is not one; name one with video: ...$"):
        fixations.read(path)
