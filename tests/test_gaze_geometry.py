"""Where the video lay: never guessed, asked for in one sentence, and as early as it is known."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal import fixations
from vidsal.errors import InputError

TIDY = "subject,frame,x,y\na,0,1.5,2\na,1,3,4\nb,0,5,6\n"


@pytest.fixture
def gaze(tmp_path):
    """Writes a recording and returns its path."""

    def write(text=TIDY, name="gaze.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("size", [(1280, 1024), (640, 480), (1920, 800)])
def test_a_screen_of_another_shape_needs_a_rect(gaze, size):
    with pytest.raises(InputError) as caught:
        fixations.read(gaze(), screen=[1920, 1080], clip=fixations.Clip(size=size))
    text = str(caught.value)
    assert f"another shape (1920x1080) than the video ({size[0]}x{size[1]})" in text
    assert "give rect: [x, y, width, height]" in text
    for word in ("screen", "fit", "centre"):
        assert word in text
    fixations.read(gaze(), screen=[1920, 1080], rect="fit", clip=fixations.Clip(size=size))


# 854x480 is 16:9 as nearly as whole pixels allow.
@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (854, 480)])
def test_a_screen_of_the_same_shape_is_used_and_noted(gaze, size):
    table = fixations.read(gaze(), screen=[1920, 1080], clip=fixations.Clip(size=size))
    assert table.attrs["geometry"]["rect"] == [0, 0, 1920, 1080]
    assert table.attrs["geometry"]["from"]["rect"] == "same shape"


def test_a_screen_that_is_too_small_for_the_video(gaze):
    clip = fixations.Clip(size=(1920, 1080))
    with pytest.raises(InputError, match="1920x1080 does not fit pixel for pixel on a screen of"):
        fixations.read(gaze(), screen=[1280, 720], rect="centre", clip=clip)
    fixations.read(gaze(), screen=[1920, 1080], rect="centre", clip=clip)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rect": "center", "screen": [9, 9]}, "rect: 'center' is not known; did you mean 'centr"),
        ({"rect": "fit"}, "rect: fit needs screen"),
        ({"rect": [1, 2, 3]}, "rect: [1, 2, 3] needs 4 numbers"),
        ({"screen": [0, 9]}, "screen: [0, 9] needs 2 numbers, sizes positive"),
        ({"fps": -25}, "fps: -25 must be a number above 0"),
        ({"space": "vidoe"}, "space: 'vidoe' is not known; did you mean 'video'?"),
        ({"time_unit": "msec"}, "time_unit: 'msec' is not known; did you mean 'ms'?"),
        ({"frame_base": 2}, "frame_base: 2 is not known; known: 0, 1"),
        (
            {"rect": "centre", "screen": [9, 9], "video_size": [10, 9]},
            "a video of 10x9 does not fit pixel for pixel on a screen of 9x9",
        ),
        ({"screen": [9, 9], "video_size": [10, 5]}, "another shape (9x9) than the video (10x5)"),
        ({"detect": "ivt"}, "distance_cm, screen, screen_cm of the recording are not known"),
        ({"detect": {"method": "ivt", "unit": "degree"}}, "did you mean 'degrees'?"),
    ],
)
def test_what_needs_no_file_is_a_problem_of_the_config(given, sentence):
    (found,) = fixations.problems(given)
    assert sentence in found


def test_all_problems_come_at_once():
    found = fixations.problems({"rect": "center", "time_unit": "msec", "fps": "slow", "lagg": 1})
    assert [one.split(":")[0] for one in found[:3]] == ["rect", "time_unit", "fps"]
    assert found[3].startswith("'lagg' is unknown")
    assert len(found) == 4


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"screen": [1920, 1080]},
        {"screen": [1920, 1080], "space": "video", "video_size": [10, 10]},
        {"detect": {"method": "ivt", "unit": "pixels", "velocity": 40}},
        {"detect": "ivt", "pixels_per_degree": 30},
        # What a tracker's own file may state is not asked for.
        {"format": "eyelink", "rect": "fit"},
        {"format": "eyelink", "detect": "ivt"},
        {"format": "tobii", "screen": [9, 9], "video_size": [10, 5]},
    ],
)
def test_what_may_be_sound(given):
    assert fixations.problems(given) == []


# --- recordings of which most is lost ---------------------------------------------------------

CLIP = {"size": (100, 50), "fps": 25.0, "times": np.arange(10) / 25, "frame_index": np.arange(10)}
WHOLE = fixations.Clip(**CLIP, num_frames=10)


def recording(rows):
    return "time,x,y\n" + "".join(f"{t},{x},{y}\n" for t, x, y in rows)


def test_milliseconds_read_as_seconds_are_warned_of(gaze, caplog):
    path = gaze(recording([(t, t % 90, 1) for t in range(0, 400, 10)]))
    table = fixations.read(path, clip=WHOLE)
    (sentence,) = table.attrs["lost"]
    assert f"gaze recording {path}: 39 of 40 rows (98%) lie before the first or after" in sentence
    assert "`time_unit`" in sentence
    assert sentence in caplog.text
    assert table.attrs["dropped"] == {"frame_outside": 39}
    assert fixations.read(path, clip=WHOLE, time_unit="ms").attrs["lost"] == []
    # Of a part of a video the rest of the recording is simply not asked for.
    assert fixations.read(path, clip=fixations.Clip(**CLIP)).attrs["lost"] == []


def test_a_wrong_screen_is_warned_of(gaze):
    path = gaze(recording([(n / 100, 3 * n, 1) for n in range(40)]))
    (sentence,) = fixations.read(path, clip=WHOLE, screen=[20, 10]).attrs["lost"]
    assert "33 of 40 rows (82%) lie off the screen; is `screen` right?" in sentence
    far = gaze(recording([(n / 100, 9 * n, 1) for n in range(40)]), "far.csv")
    (sentence,) = fixations.read(far, clip=WHOLE).attrs["lost"]
    assert "28 of 40 rows (70%) lie beside the video; are `screen`, `rect`" in sentence


def test_half_of_a_recording_may_be_lost(gaze):
    half = recording([(n / 100, 1 if n % 2 else 900, n) for n in range(40)])
    assert fixations.read(gaze(half), clip=WHOLE).attrs["lost"] == []


def test_fixations_are_counted_before_they_are_spread_over_frames(gaze):
    # One of 0.2 s in the picture makes five rows; two beside it are still two of three.
    text = "time,duration,x,y\n0,0.2,5,5\n0.2,0.1,500,5\n0.3,0.1,500,5\n"
    (sentence,) = fixations.read(gaze(text), clip=WHOLE).attrs["lost"]
    assert "2 of 3 rows (67%) lie beside the video" in sentence


def test_one_lost_observer_of_several_is_named(gaze, tmp_path):
    good = gaze(recording([(n / 100, n, n) for n in range(40)]), "clip_anna.csv")
    bad = gaze(recording([(n, n, n) for n in range(40)]), "clip_bert.csv")
    (sentence,) = fixations.read(tmp_path / "clip_*.csv", clip=WHOLE).attrs["lost"]
    assert str(bad) in sentence
    assert str(good) not in sentence


def test_recordings_in_linked_folders_are_found(gaze, tmp_path):
    real = tmp_path / "real" / "anna"
    real.mkdir(parents=True)
    gaze().rename(real / "clip.csv")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "one").symlink_to(real)
    for pattern in ("linked/anna", "one", "linked/*/clip.csv", "linked/**/*.csv", "one/*.csv"):
        assert len(fixations.read(tmp_path / pattern)) == 3, pattern
