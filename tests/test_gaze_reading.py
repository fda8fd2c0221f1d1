"""From recordings of any format to the tidy table: files, formats, geometry, clocks, events."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from vidsal import fixations
from vidsal.errors import InputError

TIDY = "subject,frame,x,y\na,0,1.5,2\na,1,3,4\nb,0,5,6\n"


@pytest.fixture
def put(tmp_path):
    """Writes a file and returns its path."""

    def write(text, name="gaze.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def rows(table):
    return [tuple(row) for row in table[["subject", "frame", "x", "y"]].to_numpy(dtype=object)]


def lost(table):
    return table.attrs["dropped"]


# --- files, observers, videos ----------------------------------------------------------------


def test_a_folder_or_a_pattern_is_one_recording_per_observer(put, tmp_path):
    for name, x in (("ben", 2), ("anna", 1), (".hidden", 9)):
        put(f"frame,x,y\n0,{x},0\n", f"{name}.csv")
    table = fixations.read(tmp_path)
    assert rows(table) == [("anna", 0, 1.0, 0.0), ("ben", 0, 2.0, 0.0)]
    assert rows(fixations.read(tmp_path / "b*.csv")) == [("ben", 0, 2.0, 0.0)]
    assert rows(fixations.read(tmp_path / "ben.csv"))[0][0] == "0"
    named = fixations.read(tmp_path / "*.csv", subject=r"/(.)[a-z]+\.csv")
    assert list(named["subject"]) == ["a", "b"]


def test_a_table_that_names_its_observers_keeps_them(put, tmp_path):
    put(TIDY, "one.csv")
    put("frame,x,y\n0,7,7\n", "two.csv")
    assert set(fixations.read(tmp_path)["subject"]) == {"a", "b", "two"}


def test_files_of_one_name_in_several_folders_are_several_observers(tmp_path):
    for person in ("p1", "p2"):
        (tmp_path / person).mkdir()
        (tmp_path / person / "clip.csv").write_text("frame,x,y\n0,1,1\n")
    table = fixations.read(tmp_path / "p*" / "clip.csv")
    assert [
        name.endswith(f"{p}-clip.csv")
        for name, p in zip(table["subject"], ("p1", "p2"), strict=True)
    ]
    assert table["subject"].nunique() == 2


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none*.csv", "nothing matches the pattern"),
        (".", "the folder holds no files"),
        ("none.csv", "no such file"),
    ],
)
def test_nothing_there_is_said(tmp_path, path, words):
    with pytest.raises(InputError, match=words):
        fixations.read(tmp_path / path)


@pytest.mark.parametrize("pattern", ["(", "abc", "(zz)"])
def test_a_pattern_for_observers_that_cannot_be_used_is_refused(put, pattern):
    with pytest.raises(InputError, match="subject: "):
        fixations.read(put(TIDY), subject=pattern)


def test_one_file_of_many_videos(put):
    path = put("video,frame,x,y\nclips/Kimono1.avi,0,1,1\ntennis,0,2,2\n")
    one = fixations.Clip(names=("a01", "kimono1.mp4"))
    assert fixations.read(path, clip=one)["x"].tolist() == [1.0]
    assert fixations.read(path, video="tennis", clip=one)["x"].tolist() == [2.0]
    with pytest.raises(
        InputError, match=r"'clips/Kimono1.avi', 'tennis', of which 'golf' is not one"
    ):
        fixations.read(path, video="golf")
    with pytest.raises(InputError, match="none named is not one; name one with video"):
        fixations.read(path)
    with pytest.raises(InputError, match="names no videos"):
        fixations.read(put(TIDY, "b.csv"), video="golf")


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


OWN = '''"""Two samples and a fixation, in pixels of a screen."""
import pandas as pd


def mine(path, *, shift: float = 0.0):
    table = pd.DataFrame(
        {
            "time": [0.0, 0.1, 0.0, 0.5],
            "x": [9.5, 19.5, 14.5, 99.0],
            "y": [9.5, 9.5, 9.5, 9.5],
            "event": ["sample", "sample", "fixation", "pursuit"],
            "duration": [0.0, 0.0, 0.2, 0.1],
        }
    )
    table["x"] += shift
    table.attrs["geometry"] = {"screen": [100, 50], "space": "screen", "rate": 10.0}
    table.attrs["dropped"] = {"blink": 3}
    return table
'''


@pytest.fixture
def own(tmp_path):
    """A format of a user's own room, and a variant of it."""
    room = tmp_path / "my_rooms" / "recordings"
    room.mkdir(parents=True)
    (room / "mine.py").write_text(OWN)
    return fixations.Formats(
        str(tmp_path / "my_rooms"), {"shifted": {"method": "mine", "shift": 1.0}}
    )


def test_a_users_format_and_a_variant_of_it(put, own):
    given = {"formats": own, "fps": 10, "space": "video"}
    assert fixations.read(put(TIDY), format="mine", **given)["x"].tolist() == [14.5, 14.5]
    assert fixations.read(put(TIDY), format="shifted", **given)["x"].tolist() == [15.5, 15.5]
    with pytest.raises(InputError, match="'shft' is unknown; did you mean 'shift'"):
        fixations.read(put(TIDY), format="mine", shft=1, **given)


def test_events_are_chosen_and_unchosen_pursuit_is_counted(put, own):
    given = {"format": "mine", "formats": own, "fps": 10, "space": "video"}
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


# --- geometry --------------------------------------------------------------------------------


def test_what_a_file_states_is_used_and_what_it_lacks_is_asked_for(put, own):
    given = {"format": "mine", "formats": own, "fps": 10}
    with pytest.raises(InputError, match="nothing says where the video lay on it; give rect"):
        fixations.read(put(TIDY), video_size=[50, 50], **given)
    with pytest.raises(InputError, match="needs video_size"):
        fixations.read(put(TIDY), rect="screen", **given)
    table = fixations.read(put(TIDY), rect="screen", video_size=[50, 25], **given)
    assert table["x"].tolist() == [7.0, 7.0]
    used = table.attrs["geometry"]
    assert used["rect"] == [0, 0, 100, 50]
    assert used["screen"] == [100, 50]
    assert used["from"] == {
        "fps": "config",
        "rate": "file",
        "rect": "config",
        "screen": "file",
        "space": "file",
        "video_size": "config",
    }
    json.dumps(used)


@pytest.mark.parametrize(
    ("rect", "expected"),
    [
        # A video of 40x40 on a screen of 100x50. x 14.5 on the screen is 15 from its left edge.
        ("screen", 15 * 40 / 100 - 0.5),
        ("fit", None),  # 50x50 from 25: the place lies beside the video
        ("centre", None),  # 40x40 from 30
        ([10, 0, 20, 20], (15 - 10) * 2 - 0.5),
    ],
)
def test_where_the_video_lay(put, own, rect, expected):
    given = {"format": "mine", "formats": own, "fps": 10, "video_size": [40, 40]}
    table = fixations.read(put(TIDY), rect=rect, **given)
    assert table["x"].tolist() == ([] if expected is None else [expected] * 2)
    assert lost(table).get("outside_video", 0) == (expected is None)


def test_words_for_the_rectangle_are_rectangles(put, own):
    given = {"format": "mine", "formats": own, "fps": 10, "video_size": [40, 20]}
    shown = {
        word: fixations.read(put(TIDY), rect=word, **given).attrs["geometry"]["rect"]
        for word in ("screen", "fit", "centre")
    }
    assert shown == {
        "screen": [0, 0, 100, 50],
        "fit": [0, 0, 100, 50],
        "centre": [30, 15, 40, 20],
    }


def test_the_video_itself_says_how_large_and_how_fast_it_is(put):
    known = fixations.Clip(size=(50, 25), fps=10.0)
    path = put("time,x,y\n0.25,99,0\n")
    table = fixations.read(path, screen=[100, 50], clip=known)
    assert rows(table) == [("0", 2, 49.25, -0.25)]
    assert table.attrs["geometry"]["from"]["video_size"] == "video"
    assert rows(fixations.read(path, screen=[100, 50], clip=known, fps=100))[0][1] == 25


def test_pixels_of_another_size_of_the_video_are_scaled(put):
    known = fixations.Clip(size=(50, 25), fps=10.0)
    table = fixations.read(
        put("frame,x,y\n0,99.5,-0.5\n0,49.5,24.5\n"), video_size=[100, 50], clip=known
    )
    assert rows(table) == [("0", 0, 24.5, 12.0)]
    assert lost(table) == {"outside_video": 1}


def test_degrees_from_screen_and_distance(put):
    # 1 degree at 57.29 cm is 1 cm; 40 px to the cm; the video is shown at twice its size.
    facts = {"screen": [1600, 800], "screen_cm": [40, 20], "distance_cm": 57.29}
    table = fixations.read(put(TIDY), video_size=[800, 400], **facts)
    used = table.attrs["geometry"]
    assert used["source_pixels_per_degree"] == pytest.approx(20, abs=0.01)
    given = fixations.read(put(TIDY), pixels_per_degree=33.0)
    assert given.attrs["geometry"]["source_pixels_per_degree"] == 33
    assert "source_pixels_per_degree" not in fixations.read(put(TIDY)).attrs["geometry"]


# --- clocks ----------------------------------------------------------------------------------


def test_lag_is_added_to_times_and_frames(put):
    timed = put("time,x,y\n0.0,1,1\n0.5,2,2\n")
    table = fixations.read(timed, fps=10, lag=0.2)
    assert list(table["frame"]) == [2, 7]
    assert list(table["time"]) == [0.2, 0.7]
    assert lost(fixations.read(timed, fps=10, lag=-0.2)) == {"frame_outside": 1}
    framed = put("frame,x,y\n3,1,1\n", "b.csv")
    assert list(fixations.read(framed, fps=10, lag=-0.2)["frame"]) == [1]
    with pytest.raises(InputError, match=r"lag and durations in .* needs fps"):
        fixations.read(framed, lag=0.2)


@pytest.mark.parametrize("known", [{"fps": 1}, {"clip": True}])
def test_a_slow_video_forgives_no_whole_millisecond(put, known):
    path = put("time,x,y\n0.999,1,1\n0.99995,2,1\n1.0,3,1\n")
    if "clip" in known:
        known = {"clip": fixations.Clip(fps=1.0, times=np.arange(3.0), frame_index=np.arange(3))}
    assert list(fixations.read(path, **known)["frame"]) == [0, 1, 1]


IRREGULAR = fixations.Clip(
    fps=25.0, times=np.array([0.0, 0.1, 0.11, 0.3]), frame_index=np.array([10, 11, 12, 13])
)


def test_true_times_of_the_frames_go_before_the_mean_rate(put):
    times = [-0.01, 0.0, 0.0999, 0.1, 0.105, 0.2, 0.3, 0.399, 0.401]
    path = put("time,x,y\n" + "".join(f"{t},{i},1\n" for i, t in enumerate(times)))
    # The last frame is on show for the median step, 0.1 s; 9 and 14 are beside the clip.
    table = fixations.read(path, clip=IRREGULAR)
    assert list(table["frame"]) == [9, 10, 11, 11, 11, 12, 13, 13, 14]
    assert list(fixations.read(path, clip=IRREGULAR, fps=10)["frame"]) == [0, 1, 1, 1, 2, 3, 3, 4]


def test_a_fixation_covers_the_frames_of_an_irregular_clip_that_it_reaches_into(put):
    path = put("time,x,y,duration\n-1,1,1,1.05\n0.1,2,2,0.01\n0.105,3,3,9\n-5,4,4,1\n9,5,5,1\n")
    table = fixations.read(path, clip=IRREGULAR)
    found = [(frame, x) for _, frame, x, _ in rows(table)]
    assert found == [(10, 1), (11, 2), (11, 3), (12, 3), (13, 3), (9, 4), (14, 5)]
    assert table["duration"].tolist() == [1.05, 0.01, 9, 9, 9, 1, 1]


def test_a_regular_clip_and_its_rate_agree(put):
    times = np.random.default_rng(1).uniform(0, 4, 500)
    text = "".join(f"{t},{i},1,{t / 20}\n" for i, t in enumerate(times))
    path = put("time,x,y,duration\n" + text)
    clip = fixations.Clip(fps=30.0, times=np.arange(200) / 30, frame_index=np.arange(200))
    known, rate = fixations.read(path, clip=clip), fixations.read(path, fps=30)
    pd.testing.assert_frame_equal(known, rate)


def test_a_frame_number_with_seconds_lasts_by_the_rate(put, tmp_path):
    room = tmp_path / "r" / "recordings"
    room.mkdir(parents=True)
    code = OWN.replace('"time": [0.0, 0.1, 0.0, 0.5]', '"frame": [0, 1, 4, 9]')
    (room / "mine.py").write_text(code)
    formats = fixations.Formats(str(tmp_path / "r"))
    given = {"format": "mine", "formats": formats, "space": "video"}
    assert list(fixations.read(put(TIDY), fps=10, **given)["frame"]) == [4, 5]
    with pytest.raises(InputError, match=r"durations in .* needs fps"):
        fixations.read(put(TIDY), **given)


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


def test_what_recordings_have_in_common_stands_once(own, tmp_path):
    for name, extra in (("a", ""), ("b", ",9")):
        (tmp_path / f"{name}.csv").write_text("frame,x,y\n0,1,1\n0,1,1\n0,2,2" + extra)
    table = fixations.read(tmp_path / "?.csv", num_frames=5)
    assert "of_files" not in table.attrs["geometry"]
    assert lost(table) == {"duplicate": 2, "malformed": 1}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("clip7_*.csv", {"ann", "bob"}),
        ("*_ann.csv", {"clip7", "clip8"}),
        ("*ann*", {"clip7_ann", "clip8_ann"}),
        ("?lip7_*.csv", {"clip7_ann", "clip7_bob"}),
    ],
)
def test_the_only_star_of_a_pattern_names_the_observer(tmp_path, pattern, names):
    for name in ("clip7_ann", "clip7_bob", "clip8_ann"):
        (tmp_path / f"{name}.csv").write_text("frame,x,y\n0,1,2\n")
    assert set(fixations.read(tmp_path / pattern)["subject"]) == names
