"""Tobii exports: rows worked out by hand in the layouts of Pro Lab, of Studio and of glasses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal.errors import InputError
from vidsal.recordings.tobii import tobii

FILE_NAME = "export.tsv"

# Pro Lab, screen: names of columns and values as in
# - github.com/misavojte/GazePlotter tests/TobiiEyeDeserializer.test.data.ts (rows of a .tsv),
# - scripts in public repositories that read such exports: "Gaze point left X [DACS px]",
#   "Presented Media position X (DACSpx)", "Validity left" Valid/Invalid, "Eye movement type"
#   Fixation/Saccade/Unclassified/EyesNotFound, "Recording timestamp [ms]",
#   "Gaze event duration [ms]", "Presented Stimulus name".
COLUMNS = [
    "Recording timestamp [ms]",
    "Sensor",
    "Participant name",
    "Recording name",
    "Recording resolution height [px]",
    "Recording resolution width [px]",
    "Event",
    "Event value",
    "Gaze point X [DACS px]",
    "Gaze point Y [DACS px]",
    "Gaze point left X [DACS px]",
    "Gaze point left Y [DACS px]",
    "Validity left",
    "Validity right",
    "Presented Stimulus name",
    "Presented Media width [px]",
    "Presented Media height [px]",
    "Presented Media position X [DACS px]",
    "Presented Media position Y [DACS px]",
    "Eye movement type",
    "Gaze event duration [ms]",
    "Eye movement type index",
    "Fixation point X [DACS px]",
    "Fixation point Y [DACS px]",
    "Pupil diameter left [mm]",
    "AOI hit [a - b]",
]
SHOWN = "a.mp4|1440|810|240|135"
GAZE = "Eye Tracker|P1|Rec 1|1080|1920||"
LAB = [
    "0||P1|Rec 1|1080|1920|RecordingStart||||||||||||||||||||",
    f"10|{GAZE}|5|6|5|6|Valid|Valid||||||Unclassified|17|1||||",
    "100||P1|Rec 1|1080|1920|VideoStimulusStart|a.mp4||||||||||||||||||",
    f"104|{GAZE}|960|540|950|541|Valid|Valid|{SHOWN}|Fixation|33|1|962|547|3,25|0",
    f"110|Gyroscope|P1|Rec 1|1080|1920|||||||||{SHOWN}|Fixation|33|1|962|547||0",
    f"121|{GAZE}|964|542||||Valid|{SHOWN}|Fixation|33|1|962|547|3,30|0",
    f"137|{GAZE}|700|300|690,5|301,5|Valid|Valid|{SHOWN}|Saccade|17|1||||0",
    f"154|{GAZE}|||||Invalid|Invalid|{SHOWN}|EyesNotFound|17|1||||0",
    f"171|{GAZE}|400|200|391|201|Valid|Valid|{SHOWN}|Fixation|100|2|401|202||0",
    f"200|{GAZE}|1|2|3|4|Valid|Valid|{SHOWN}|Fixation|20|1|5|6||0".replace("P1|Rec 1", "P2|Rec 2"),
]
STUDIO = """\
ParticipantName\tMediaName\tRecordingTimestamp\tGazePointIndex\tGazePointX (MCSpx)\t\
GazePointY (MCSpx)\tGazeEventType\tGazeEventDuration\tFixationIndex\tFixationPointX (MCSpx)\t\
FixationPointY (MCSpx)\tSaccadeIndex\tValidityLeft\tValidityRight\tStudioEvent\t
P03\t\t3\t1\t\t\tUnclassified\t16\t\t\t\t\t4\t4\t\t
P03\tfilm.avi\t1000\t\t\t\t\t\t\t\t\t\t\t\tMovieStart\t
P03\tfilm.avi\t1019\t2\t746\t383\tFixation\t167\t1\t507\t447\t\t0\t0\t\t
P03\tfilm.avi\t1036\t3\t747\t384\tFixation\t167\t1\t507\t447\t\t0\t4\t\t
"""


def lab(lines=LAB, names=COLUMNS):
    """A Pro Lab export; the lines are written with | for tabs."""
    body = [line.replace("|", "\t") for line in lines]
    width = len(names)
    body = ["\t".join((line.split("\t") + [""] * width)[:width]) for line in body]
    return "\n".join(["\t".join(names), *body]) + "\n"


def test_pro_lab_samples_and_events(put):
    table = tobii(put(lab()))
    assert rounded(table, "subject", "video", "time", "x", "y", "event", "duration") == [
        ("P1", "a.mp4", 0.0, 960.0, 540.0, "sample", 0.0),
        ("P1", "a.mp4", 0.0, 962.0, 547.0, "fixation", 0.033),
        ("P1", "a.mp4", 0.017, 964.0, 542.0, "sample", 0.0),
        ("P1", "a.mp4", 0.033, 700.0, 300.0, "sample", 0.0),
        ("P1", "a.mp4", 0.033, 700.0, 300.0, "saccade", 0.017),
        ("P1", "a.mp4", 0.067, 400.0, 200.0, "sample", 0.0),
        ("P1", "a.mp4", 0.067, 401.0, 202.0, "fixation", 0.1),
        ("P2", "a.mp4", 0.0, 1.0, 2.0, "sample", 0.0),
        ("P2", "a.mp4", 0.0, 5.0, 6.0, "fixation", 0.02),
    ]
    assert table.attrs["dropped"] == {"no_video": 1, "not_a_number": 1}
    assert table.attrs["geometry"] == {
        "screen": [1920, 1080],
        "rect": [240, 135, 1440, 810],
        "eye": "both",
        "space": "screen",
    }


def test_start_event_just_before_the_medium_belongs_to_it(put):
    table = tobii(put(lab()), start_message="^VideoStimulusStart")
    assert list(table["time"].round(6))[:2] == [0.004, 0.004]
    # The second participant's recording has no such event.
    assert set(table["subject"]) == {"P1"}
    assert table.attrs["dropped"] == {"no_video": 1, "not_a_number": 1, "no_start": 2}
    with pytest.raises(InputError, match=r"fits no message.*VideoStimulusStart"):
        tobii(put(lab()), start_message="Onset")


def test_one_eye_with_decimal_commas(put):
    table = tobii(put(lab()), eye="left")
    samples = table[table["event"] == "sample"]
    assert rounded(samples, "x", "y") == [
        (950.0, 541.0),
        (690.5, 301.5),
        (391.0, 201.0),
        (3.0, 4.0),
    ]
    # One sample says nothing of the left eye, one says that it was invalid.
    assert table.attrs["dropped"] == {"no_video": 1, "invalid": 2}
    assert table.attrs["geometry"]["eye"] == "left"
    with pytest.raises(InputError, match=r"no column of gaze points .*'right'.*Validity left"):
        tobii(put(lab()), eye="right")


def test_media_of_several_places_state_no_rectangle(put):
    moved = [*LAB[:-1], LAB[-1].replace("240|135", "0|0")]
    geometry = tobii(put(lab(moved))).attrs["geometry"]
    assert "rect" not in geometry
    assert geometry["screen"] == [1920, 1080]


def test_studio_export_in_pixels_of_the_medium(put):
    table = tobii(put(STUDIO))
    assert rounded(table, "subject", "video", "time", "x", "y", "event", "duration") == [
        ("P03", "film.avi", 0.019, 746.0, 383.0, "sample", 0.0),
        ("P03", "film.avi", 0.019, 507.0, 447.0, "fixation", 0.167),
        ("P03", "film.avi", 0.036, 747.0, 384.0, "sample", 0.0),
    ]
    assert table.attrs["geometry"] == {"eye": "both", "space": "video"}
    assert table.attrs["dropped"] == {"no_video": 1}


def test_screen_or_media_where_both_are_there(put):
    both = STUDIO.replace("SaccadeIndex", "GazePointX (ADCSpx)").replace(
        "GazePointIndex", "GazePointY (ADCSpx)"
    )
    assert tobii(put(both)).attrs["geometry"]["space"] == "screen"
    assert tobii(put(both), coordinates="media").attrs["geometry"]["space"] == "video"
    with pytest.raises(InputError, match="coordinates 'screen'"):
        tobii(put(STUDIO), coordinates="screen")
    with pytest.raises(InputError, match="choose from screen, media"):
        tobii(put(STUDIO), coordinates="world")


# Rows 1, 2, 7 and 8 of GazePlotter's testMobileTsvData (glasses, microseconds, no gaze points).
GLASSES = """\
Recording timestamp\tSensor\tParticipant name\tRecording name\tRecording start time\t\
Recording duration\tEvent\tMapped eye movement type [geostul_snap]\tEye movement type\t\
Gaze event duration\tEye movement type index\tFixation point X\tFixation point Y
1051981650\tGyroscope\tY1\tRecording 16\t50:23.6\t1324752\t\t\tFixation\t922\t1681\t962\t647
1051981650\tAccelerometer\tY1\tRecording 16\t50:23.6\t1324752\t\t\tFixation\t922\t1681\t962\t647
1051996474\tEye Tracker\tY1\tRecording 16\t50:23.6\t1324752\t\tEyesNotFoundMovement\tFixation\t\
922\t1681\t962\t647
1052997992\tEye Tracker\tY1\tRecording 16\t50:23.6\t1324752\t\t\tFixation\t200\t1682\t100\t200
"""


def test_glasses_with_fixation_points_only(put):
    table = tobii(put(GLASSES))
    assert rounded(table, "time", "x", "y", "event", "duration") == [
        (0.0, 962.0, 647.0, "fixation", 0.922),
        (1.016342, 100.0, 200.0, "fixation", 0.2),
    ]
    assert table.attrs["dropped"] == {}


def test_time_unit_is_stated_or_asked_for(put):
    bare = GLASSES.replace("Recording duration", "Something else")
    with pytest.raises(InputError, match=r"names no unit; say time_unit: ms or us"):
        tobii(put(bare))
    assert rounded(tobii(put(bare), time_unit="us"), "time") == rounded(tobii(put(GLASSES)), "time")
    stated = bare.replace("Recording timestamp", "Recording timestamp [\u03bcs]")
    assert rounded(tobii(put(stated)), "time") == rounded(tobii(put(GLASSES)), "time")
    both = stated.replace("Sensor", "Recording timestamp [ms]").replace("Gyroscope", "9")
    assert rounded(tobii(put(both)), "time") == rounded(tobii(put(GLASSES)), "time")
    in_ms = GLASSES.replace("1324752", "1324752000")
    assert rounded(tobii(put(in_ms)), "time")[1] == (1016.342,)
    with pytest.raises(InputError, match="no column Recording timestamp"):
        tobii(put(GLASSES.replace("Recording timestamp", "Clock")))


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("Rec 1", "Rec \u00e9").encode("latin-1"),
    ],
)
def test_encodings_and_line_ends(put, encode):
    expected, table = tobii(put(lab())), tobii(put(encode(lab()), "other.tsv"))
    assert rounded(table, *table) == rounded(expected, *expected)
    assert table.attrs == expected.attrs


def test_damaged_rows_are_counted(put):
    text = STUDIO.replace("1019\t2", "x\t2").replace("747\t384", "nan\tinf")
    text += "P03\tfilm.avi\t1050\t4\t1\t2" + "\t1" * 20 + "\n"
    text += "P03\tfilm.avi\t1060\t5\t7"
    table = tobii(put(text))
    assert table.attrs["dropped"] == {"malformed": 2, "no_video": 1, "not_a_number": 2}
    assert rounded(table, "x", "event") == [(507.0, "fixation")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column of gaze points"),
        (b"a\tb\n1\t2\n", "none of gaze"),
        (b"<!DOCTYPE html>\n<html>gone</html>\n", "no column of gaze points"),
        (bytes(range(256)) * 64, "binary"),
        (b"x\t" * 9000 + b"\n1\n", "columns; not a table"),
    ],
)
def test_what_is_no_export_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        tobii(put(content))


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(5)
    whole = np.frombuffer((lab() + STUDIO).encode(), np.uint8)
    for _ in range(60):
        broken = whole.copy()
        broken[rng.integers(0, len(broken), 40)] = rng.integers(0, 256, 40)
        broken = broken[: rng.integers(1, len(broken))]
        try:
            table = tobii(put(broken.tobytes()))
        except InputError:
            continue
        assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
