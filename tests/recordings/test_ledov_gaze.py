"""LEDOV's Data.mat, versions 5 and 7.3: rows worked out by hand; damaged files."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from tests.recordings import matlab
from tests.tidy import rounded
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.ledov import ledov

# Layout: README.md of github.com/remega/LEDOV-eye-tracking-database: "In Data.fixdata, each row
# refers to a recorded fixation: column 1 the index of subject, column 2 the timestamp (ms) that the
# fixation starts, column 3 the duration of the fixation, column 4-5 the position (take upper-left
# corner as the origin)"; demo.m: Data.VideoFrames, Data.VideoFrameRate, Data.VideoSize (width,
# height); rows with x, y not inside (0, width), (0, height) are passed over; a new person begins
# where column 2 goes down; centermask = round(height/20). metrics/TestLEDOV.m: fixationmap(y, x)=1.
FIXATIONS = np.array(
    [
        [1, 0, 180, 640, 360],  # the middle
        [1, 200, 100, 800, 360],  # away from it in one direction only
        [1, 320, 80.5, 800, 500],  # away in both
        [1, 420, 60, 640, 360],  # back
        [1, 500, 60, 1280, 360],  # on the edge, hence outside
        [3, 40, 200, 1, 719],
        [3, 280, 100, -5, 10],
        [3, 400, 100, np.nan, 10],
    ]
)
DATA = {
    "fixdata": FIXATIONS,
    "VideoFrames": np.array([[300.0]]),
    "VideoFrameRate": np.array([[25.0]]),
    "VideoSize": np.array([[1280.0, 720.0]]),
}


def five(path, data):
    scipy.io.savemat(path, {"Data": data}, do_compression=True)
    return path


def new(path, data):
    return matlab.write(path, Data=data)


@pytest.mark.parametrize("write", [five, new])
def test_fixations(tmp_path, write):
    table = ledov(write(tmp_path / "Data.mat", DATA))
    assert rounded(table, "subject", "time", "duration", "x", "y", "event") == [
        ("1", 0.0, 0.18, 639.0, 359.0, "fixation"),
        ("1", 0.2, 0.1, 799.0, 359.0, "fixation"),
        ("1", 0.32, 0.0805, 799.0, 499.0, "fixation"),
        ("1", 0.42, 0.06, 639.0, 359.0, "fixation"),
        ("3", 0.04, 0.2, 0.0, 718.0, "fixation"),
    ]
    assert table.attrs["dropped"] == {"not_a_number": 1, "outside_video": 2}
    assert table.attrs["geometry"] == {"space": "video", "fps": 25, "video_size": [1280, 720]}


def test_without_what_was_looked_at_before_leaving_the_middle(tmp_path):
    table = ledov(five(tmp_path / "Data.mat", DATA), leave_centre=True)
    assert rounded(table, "subject", "time") == [("1", 0.32), ("1", 0.42), ("3", 0.04)]
    assert table.attrs["dropped"] == {"not_a_number": 1, "centre": 2, "outside_video": 2}


def test_frames_as_the_authors_count_them(tmp_path):
    # demo.m: startFrame=ceil(t/40), endFrame=ceil((t+d)/40), counted from 1, 0 made 1.
    table = fixations.read(five(tmp_path / "Data.mat", DATA), format="ledov")
    first = table[table["time"].round(6) == 0.32]
    assert list(first["frame"]) == [8, 9, 10]  # 320 to 400.5 ms; ceil(400.5/40) = 11, from 1
    fourth = table[table["time"].round(6) == 0.42]
    assert list(fourth["frame"]) == [10, 11]  # ceil(420/40) = 11 to ceil(480/40) = 12


def test_nobody_looked(tmp_path):
    for write in (five, new):
        path = write(tmp_path / "Data.mat", DATA | {"fixdata": np.zeros((0, 0))})
        assert len(ledov(path)) == 0


@pytest.mark.parametrize(
    "data",
    [
        {"fixdata": FIXATIONS[:, :4], "VideoSize": DATA["VideoSize"]},
        {"fixdata": FIXATIONS},
        {"fixdata": "text", "VideoSize": DATA["VideoSize"]},
        {"VideoSize": DATA["VideoSize"]},
    ],
)
def test_what_is_not_of_this_form_is_refused(tmp_path, data):
    with pytest.raises(InputError, match="no struct Data with fixdata of five columns"):
        ledov(five(tmp_path / "Data.mat", data))
    scipy.io.savemat(tmp_path / "b.mat", {"other": 1})
    with pytest.raises(InputError, match="no struct Data"):
        ledov(tmp_path / "b.mat")


def test_random_damage_ends_in_rows_or_in_an_input_error(tmp_path):
    rng = np.random.default_rng(13)
    scipy.io.savemat(tmp_path / "a.mat", {"Data": DATA})  # not packed: damage reaches the numbers
    for path in (tmp_path / "a.mat", new(tmp_path / "b.mat", DATA)):
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        read = 0
        for _ in range(60):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 4)] = rng.integers(0, 256, 4)
            (tmp_path / "c.mat").write_bytes(broken.tobytes())
            try:
                table = ledov(tmp_path / "c.mat")
            except InputError:
                continue
            read += 1
            assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
        assert read
