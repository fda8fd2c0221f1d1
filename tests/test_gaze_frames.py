"""From the times of a recording to the frames of a video: rates, true times, lags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.tidy import OWN_FORMAT, TIDY, lost, rows
from vidsal import fixations
from vidsal.errors import InputError


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
    code = OWN_FORMAT.replace('"time": [0.0, 0.1, 0.0, 0.5]', '"frame": [0, 1, 4, 9]')
    (room / "mine.py").write_text(code)
    formats = fixations.Formats(str(tmp_path / "r"))
    given = {"format": "mine", "formats": formats, "space": "video"}
    assert list(fixations.read(put(TIDY), fps=10, **given)["frame"]) == [4, 5]
    with pytest.raises(InputError, match=r"durations in .* needs fps"):
        fixations.read(put(TIDY), **given)
