"""Actions in the Eye: rows and geometry worked out by hand; damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.actions_in_the_eye import actions_in_the_eye

# Layout: functions/ActionsInTheEye.m of github.com/CigdemK/thesis, which reads gaze_hollywood2.zip
# and gaze_ucfsa.zip of vision.imar.ro/eyetracking:
#   samples/00N_<video>.avi.txt   textscan('%d %f %f %f %f %s'); time = 1, x = 4, y = 5;
#                                 rows whose event is 'B' are left out
#   geometry.txt                  textscan('%f %f %f %d %d'); screen = 4, 5
#   resolution.txt                textscan('%s %d %d %f'); video, width, height
#   a = videoResX / screenResX;  b = (screenResY - videoResY / a) / 2;
#   frame = round(nFrames * time / (duration * 1000000)) + 1;  x = a * xs;  y = a * (ys - b)
# The screen of 1280x1024 pixels is that of vision.imar.ro/eyetracking/description.php. The numbers
# are ours: the archives come after registration only, and no line of them was seen.
SAMPLES = """\
0 30.1 30.2 640 512 F
2000 30.1 30.2 642 514 F
4000 30.1 30.2 700 500 S
6000 30.1 30.2 800 480 S
8000 0 0 0 0 B
10000 30.1 30.2 100 240 F
50000 30.1 30.2 104 244 F
52000 30.1 30.2 104 244 X
"""
GEOMETRY = "60.0 47.5 29.5 1280 1024\n"
RESOLUTION = (
    "actioncliptest00001.avi 640 272 25.0\nactioncliptest00002.avi 548 226 23.976\n"
    "tall.avi 200 400 25\n"
)


@pytest.fixture
def archive(tmp_path):
    """Lays an archive out and returns the path of its one recording."""

    def lay(
        samples=SAMPLES,
        geometry=GEOMETRY,
        resolution=RESOLUTION,
        name="001_actioncliptest00001.avi.txt",
    ):
        (tmp_path / "samples").mkdir(exist_ok=True)
        for file, text in (("geometry.txt", geometry), ("resolution.txt", resolution)):
            (tmp_path / file).unlink(missing_ok=True)
            if text is not None:
                (tmp_path / file).write_text(text)
        path = tmp_path / "samples" / name
        path.write_bytes(samples.encode() if isinstance(samples, str) else samples)
        return path

    return lay


def test_samples_and_events(archive):
    table = actions_in_the_eye(archive())
    assert rounded(table, "subject", "time", "x", "y", "event", "duration") == [
        ("001", 0.0, 640.0, 512.0, "sample", 0.0),
        ("001", 0.0, 641.0, 513.0, "fixation", 0.004),
        ("001", 0.002, 642.0, 514.0, "sample", 0.0),
        ("001", 0.004, 700.0, 500.0, "sample", 0.0),
        ("001", 0.004, 700.0, 500.0, "saccade", 0.004),
        ("001", 0.006, 800.0, 480.0, "sample", 0.0),
        ("001", 0.01, 100.0, 240.0, "sample", 0.0),
        ("001", 0.01, 102.0, 242.0, "fixation", 0.042),
        ("001", 0.05, 104.0, 244.0, "sample", 0.0),
        ("001", 0.052, 104.0, 244.0, "sample", 0.0),
    ]
    assert table.attrs["dropped"] == {"blink": 1}


def test_geometry_beside_the_samples(archive):
    # a = 640 / 1280; the video is 272 / a = 544 high on the screen, b = (1024 - 544) / 2.
    assert actions_in_the_eye(archive()).attrs["geometry"] == {
        "space": "screen",
        "screen": [1280, 1024],
        "video_size": [640, 272],
        "rect": [0, 240, 1280, 544],
    }
    lone = actions_in_the_eye(archive(geometry=None, resolution=None))
    assert lone.attrs["geometry"] == {"space": "screen"}
    other = actions_in_the_eye(archive(name="002_unknown.avi.txt"))
    assert other.attrs["geometry"] == {"space": "screen", "screen": [1280, 1024]}
    # As wide as the screen it would be higher than the screen: it lay elsewhere, nobody says where.
    tall = actions_in_the_eye(archive(name="002_tall.avi.txt"))
    assert "rect" not in tall.attrs["geometry"]


def test_video_pixels(archive):
    table = fixations.read(archive(), format="actions_in_the_eye", fps=25.0)
    # The screen's middle is the video's; (100..104, 240..244) is just below the video's upper edge.
    assert rounded(table, "subject", "frame") == [("001", 0), ("001", 0), ("001", 1)]
    second = (102.5 / 2 - 0.5, (242.5 - 240) / 2 - 0.5)
    first = (641.5 / 2 - 0.5, (513.5 - 240) / 2 - 0.5)
    np.testing.assert_allclose(table[["x", "y"]], [first, second, second])


def test_damaged_lines_are_counted(archive):
    damaged = SAMPLES + "54000 1 1 1 1\n56000 1 1 1 1 F F\nx 1 1 1 1 F\n58000 1 1 nan 1 F\n"
    table = actions_in_the_eye(archive(damaged))
    assert table.attrs["dropped"] == {"malformed": 2, "not_a_number": 2, "blink": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"samples": "1 2 3\n"}, "no line holds 6 words"),
        ({"geometry": "1280 1024\n"}, "geometry.txt: not five numbers"),
        ({"geometry": "1 2 3 1280 x\n"}, "geometry.txt: not five numbers"),
        ({"geometry": "1 2 3 1280 0\n"}, "geometry.txt: not five numbers"),
        ({"geometry": ""}, "geometry.txt: not five numbers"),
        ({"resolution": "actioncliptest00001.avi 640 x 25\n"}, "are no width and height"),
        ({"resolution": "actioncliptest00001.avi 640\n"}, "no line holds 4 words"),
    ],
)
def test_what_is_not_of_this_form_is_refused(archive, given, message):
    with pytest.raises(InputError, match=message):
        actions_in_the_eye(archive(**given))


def test_random_damage_ends_in_rows_or_in_an_input_error(archive):
    rng = np.random.default_rng(11)
    whole = np.frombuffer(SAMPLES.encode(), np.uint8)
    for _ in range(60):
        broken = whole.copy()
        broken[rng.integers(0, len(broken), 8)] = rng.integers(0, 256, 8)
        broken = broken[: rng.integers(1, len(broken))]
        try:
            table = actions_in_the_eye(archive(broken.tobytes()))
        except InputError:
            continue
        assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
