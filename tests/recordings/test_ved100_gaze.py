"""VED100 recordings: rows worked out by hand, real files; damaged files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.tidy import rows
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.ved100 import ved100

FILE_NAME = "Kimono1.txt"

# Layout: data_process/data_extract/ExtractData.m of
# github.com/spzhubuaa/VED100-A-Video-Based-Eye-Tracking-Dataset-on-Visual-Saliency-Detection
# (fprintf '%g ' frame, '%g ' x, '%g\n' y; frames from 1) and Combine.m (one after the other).
JOINED = "1 3087.74 1600.67\n1 3087.74 1600.67\n3 3045.18 1645.43\n2 10 20\n2 11 21.5\n1 5 6\n"


def test_joined_recordings(put):
    table = ved100(put(JOINED))
    assert rows(table, "subject", "frame", "x", "y", "event") == [
        ("0", 0, 3087.74, 1600.67, "sample"),
        ("0", 0, 3087.74, 1600.67, "sample"),
        ("0", 2, 3045.18, 1645.43, "sample"),
        ("1", 1, 10.0, 20.0, "sample"),
        ("1", 1, 11.0, 21.5, "sample"),
        ("2", 0, 5.0, 6.0, "sample"),
    ]
    assert table["frame"].dtype == np.int64
    assert table.attrs == {"geometry": {"space": "screen"}, "dropped": {}}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace("\n", " \r\n"),
        lambda text: "  " + text.replace(" ", "   ").replace("\n", "\n  "),
        lambda text: text.encode("utf-16"),
    ],
)
def test_blanks_and_line_ends(put, change):
    pd.testing.assert_frame_equal(ved100(put(change(JOINED), "b.txt")), ved100(put(JOINED)))


def test_damaged_lines_are_counted_and_start_nobody_new(put):
    damaged = "1 1 1\n2 x 2\n0 1 1\nx 3 3\n2.5 4 4\n3 5 5\n4 6\n5 7 7 7\n6 8 inf\n7 9 9\n"
    table = ved100(put(damaged))
    # Frame 0 lies before the first and below frame 2, so that a new person starts there.
    assert rows(table, "subject", "frame", "x") == [("0", 0, 1.0), ("1", 2, 5.0), ("1", 6, 9.0)]
    assert table.attrs["dropped"] == {"malformed": 2, "not_a_number": 4, "before_start": 1}


def test_empty_file_is_an_empty_table(put):
    assert len(ved100(put(""))) == 0
    assert list(ved100(put("\n\n"))) == ["subject", "frame", "x", "y", "event"]


def test_what_is_no_recording_is_refused(put, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        ved100(tmp_path / "none.txt")
    with pytest.raises(InputError, match=r"no line holds 3 words \(frame, x, y\)"):
        ved100(put("<html>\n"))
    with pytest.raises(InputError, match="binary"):
        ved100(put(bytes(range(256)) * 9))


def test_screen_and_video_of_other_sizes(put):
    table = fixations.read(
        put("1 0 0\n1 1919.5 1079.5\n1 3839 2159\n1 3840 5\n"),
        format="ved100",
        screen=[3840, 2160],
        rect="screen",
        video_size=[416, 240],
    )
    edge = (0.5 * 416 / 3840 - 0.5, 0.5 * 240 / 2160 - 0.5)
    np.testing.assert_allclose(
        table[["x", "y"]], [edge, (207.5, 119.5), (415 - edge[0], 239 - edge[1])]
    )
    assert table.attrs["dropped"] == {"outside_screen": 1}


def test_real_recording(shared):
    table = ved100(shared / "data" / "gaze" / "VED100_raw" / "Kimono1.txt")
    assert len(table) == 82_512
    assert table["subject"].nunique() == 97
    assert table["frame"].min() == 0
    assert table["frame"].max() == 239
    assert rows(table.iloc[[0, -1]], "subject", "frame", "x", "y") == [
        ("0", 0, 3087.74, 1600.67),
        ("96", 236, 2041.52, 760.63),
    ]
    assert table.attrs["dropped"] == {}
    frames = table.groupby("subject")["frame"]
    assert all(frame.is_monotonic_increasing for _, frame in frames)


def test_real_recording_with_the_people_already_told_apart(shared, put):
    known = pd.read_csv(shared / "data/gaze/BasketballPass/gaze_raw_frames001-060.csv", dtype=str)
    joined = (known["frame"] + " " + known["x_screen"] + " " + known["y_screen"]).str.cat(sep="\n")
    table = ved100(put(joined))
    # Two neighbours, of which the first ends before the second begins, cannot be told apart.
    changes = known["observer"] != known["observer"].shift()
    back = known["frame"].astype(int).diff() < 0
    assert (table["subject"].astype(int).diff() == 1).sum() == (changes & back).sum()
    assert (table["subject"].nunique(), known["observer"].nunique()) == (98, 98)
    read = fixations.read(
        put(joined), format="ved100", screen=[3840, 2160], rect="screen", video_size=[416, 240]
    ).drop_duplicates(["subject", "frame"])
    # The file's own x_px = x / 3840 * 416 has pixel edges where we have pixel centres.
    first = known.drop_duplicates(["observer", "frame"])
    inside = first["x_screen"].astype(float) < 3839.5
    expected = first[inside]["x_px"].astype(float).to_numpy() + 0.5 * 416 / 3840 - 0.5
    np.testing.assert_allclose(read["x"].to_numpy()[:50], expected[:50], atol=0.006)


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(9)
    whole = np.frombuffer(JOINED.encode() * 5, np.uint8)
    for _ in range(60):
        broken = whole.copy()
        broken[rng.integers(0, len(broken), 8)] = rng.integers(0, 256, 8)
        broken = broken[: rng.integers(1, len(broken))]
        try:
            table = ved100(put(broken.tobytes()))
        except InputError:
            continue
        assert np.isfinite(table[["frame", "x", "y"]]).all(axis=None)
        assert (table["frame"] >= 0).all()
