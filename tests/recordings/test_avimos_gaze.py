"""AViMoS fixations.json: rows worked out by hand; damaged files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vidsal.errors import InputError
from vidsal.recordings.avimos import avimos

# Layout: bench.py of github.com/msu-video-group/NTIRE26_Saliency_Prediction: gt_fixations =
# json.load(f) runs beside the frames; gt = np.array(frame); s_map[gt[:, 0], gt[:, 1]]. README.md:
# "per-frame fixations coordinates, from which saliency maps were obtained". Numbers are ours.
FRAMES = [[[540, 960], [0, 1919], [540, 960]], [], [[1079.5, 0]]]


@pytest.fixture
def put(tmp_path):
    """Writes a file and returns its path."""

    def write(content):
        path = tmp_path / "fixations.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


def test_frames_of_points(put):
    table = avimos(put(FRAMES))
    names = ["subject", "frame", "x", "y", "event"]
    assert [tuple(row) for row in table[names].to_numpy(dtype=object)] == [
        ("0", 0, 960.0, 540.0, "fixation"),
        ("0", 0, 1919.0, 0.0, "fixation"),
        ("0", 0, 960.0, 540.0, "fixation"),
        ("0", 2, 0.0, 1079.5, "fixation"),
    ]
    assert table.attrs == {"geometry": {"space": "video"}, "dropped": {}}


def test_bad_points_are_counted(put):
    bad = [[1], [1, 2, 3], ["1", 2], [None, 2], [True, 2], 5, [[1, 2], 3], [10**400, 1]]
    table = avimos(put([[*bad, [1, 2]]]))
    assert table[["x", "y"]].to_numpy().tolist() == [[2.0, 1.0]]
    assert table.attrs["dropped"] == {"not_a_number": len(bad)}
    assert avimos(put(b"[[[NaN, 1], [1, Infinity], [1, 2]]]")).attrs["dropped"] == {
        "not_a_number": 2
    }


def test_nobody_looked(put):
    for frames in ([], [[], []]):
        table = avimos(put(frames))
        assert len(table) == 0
        assert table["frame"].dtype == np.int64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"),
        (b"[[[1, 2]", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ({"0": [[1, 2]]}, "not a list of frames"),
        ([1, 2], "not a list of frames"),
        (bytes(range(256)) * 9, "binary"),
    ],
)
def test_what_is_not_of_this_form_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        avimos(put(content))
