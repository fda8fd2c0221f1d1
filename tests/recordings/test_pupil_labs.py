"""Pupil Labs exports: scene camera, surfaces, Pupil Cloud; rows by hand; damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal.errors import InputError
from vidsal.recordings.pupil_labs import pupil_labs

# Columns: github.com/pupil-labs/pupil-docs src/core/software/pupil-player.md ("gaze_positions.csv")
# and src/core/terminology.md (2D normalised space: origin bottom left, unit width/height; 2D image
# space: x from 0 to the width).
GAZE = """\
gaze_timestamp,world_index,confidence,norm_pos_x,norm_pos_y,base_data,gaze_point_3d_x
329517.325417,0,0.98,0.5,0.5,329517.325417-0 329517.321-1,-17.6
329517.333417,0,0.59,0.1,0.1,329517.333417-0,-17.6
329517.341417,1,0.6,0.0,1.0,329517.341417-0,
329517.375417,2,1.0,1.0,0.25,329517.375417-0,
329517.383417,2,1.0,,0.25,329517.383417-0,
"""
# github.com/pupil-labs/pupil pupil_src/shared_modules: fixation_detector.py (duration in ms; in
# seconds in the version of 2015), surface_tracker/background_tasks.py (the two surface tables).
FIXATIONS = """\
id,start_timestamp,duration,start_frame_index,end_frame_index,norm_pos_x,norm_pos_y,dispersion,\
confidence,method
0,329517.5,221.5,5,11,0.25,0.75,1.2,0.99,3d gaze
1,329518.0,80.0,20,22,0.5,0.5,1.2,0.99,3d gaze
"""
OLD_FIXATIONS = """\
id\tstart_timestamp\tduration\tstart_frame\tend_frame\tnorm_pos_x\tnorm_pos_y\tdispersion\t\
avg_pupil_size\tconfidence
0\t10.5\t0.2215\t5\t11\t0.25\t0.75\t1.2\t40.0\t0.99
"""
SURFACE = """\
world_timestamp,world_index,gaze_timestamp,x_norm,y_norm,x_scaled,y_scaled,on_surf,confidence
10.00,7,10.001,0.5,0.5,0.5,0.5,True,0.9
10.00,7,10.009,1.2,0.5,1.2,0.5,False,0.9
10.03,8,10.034,0.25,1.0,0.25,1.0,True,0.3
10.03,8,10.042,0.25,1.0,0.25,1.0,True,0.9
"""
SURFACE_FIXATIONS = """\
world_timestamp,world_index,fixation_id,start_timestamp,duration,dispersion,norm_pos_x,\
norm_pos_y,x_scaled,y_scaled,on_surf
10.00,7,0,10.001,100.0,1.0,0.4,0.5,0.4,0.5,True
10.03,8,0,10.001,100.0,1.0,0.6,0.7,0.6,0.7,True
10.07,9,0,10.001,100.0,1.0,1.6,0.7,1.6,0.7,False
10.10,10,1,10.101,50.0,1.0,0.0,0.0,0.0,0.0,True
"""
# github.com/pupil-labs/pupil-docs src/export-formats/recording-data/neon.md and
# neon/pupil-cloud/enrichments/marker-mapper ((0, 0) is the top left corner of the surface).
CLOUD = """\
section id,recording id,timestamp [ns],gaze x [px],gaze y [px],worn,fixation id,blink id,\
azimuth [deg],elevation [deg]
s1,r1,1649764471123456789,800.5,600.25,1.0,1,,0.1,0.2
s1,r1,1649764471128456789,801.5,601.25,1.0,1,,0.1,0.2
s1,r1,1649764471133456789,801.5,601.25,1.0,,4,0.1,0.2
s1,r1,1649764471138456789,801.5,601.25,0.0,,,0.1,0.2
s1,r1,1649764471623456789,100.0,200.0,1.0,,,0.1,0.2
"""
CLOUD_FIXATIONS = """\
section id,recording id,fixation id,start timestamp [ns],end timestamp [ns],duration [ms],\
fixation x [px],fixation y [px],azimuth [deg],elevation [deg]
s1,r1,1,1649764471123456789,1649764471323456789,200,800.5,600.25,0.1,0.2
s1,r1,2,1649764472123456789,1649764472223456789,100,700.5,500.25,0.1,0.2
"""
MAPPED = """\
section id,recording id,timestamp [ns],gaze detected on surface,\
gaze position on surface x [normalized],gaze position on surface y [normalized],fixation id,\
blink id
s1,r1,1649764471123456789,True,0.5,0.25,1,
s1,r1,1649764471128456789,False,-0.5,0.25,,
s1,r2,1649764481123456789,True,0.0,1.0,1,
s1,r2,1649764481128456789,False,,,1,
"""
MAPPED_FIXATIONS = """\
section id,recording id,fixation id,start timestamp [ns],end timestamp [ns],duration [ms],\
fixation detected on surface,fixation x [normalized],fixation y [normalized]
s1,r1,1,1649764471123456789,1649764471323456789,200,True,0.5,0.25
s1,r2,1,1649764481123456789,1649764481323456789,200,True,0.0,1.0
"""


def test_scene_gaze_counts_y_up_and_from_edge_to_edge(put):
    table = pupil_labs(put(GAZE), size=[1280, 720])
    assert rounded(table, "time", "x", "y", "event", "duration") == [
        (0.0, 639.5, 359.5, "sample", 0.0),
        (0.016, -0.5, -0.5, "sample", 0.0),
        (0.05, 1279.5, 539.5, "sample", 0.0),
    ]
    assert table.attrs["dropped"] == {"low_confidence": 1, "not_a_number": 1}
    assert table.attrs["geometry"] == {"space": "video"}
    everything = pupil_labs(put(GAZE), size=[1280, 720], confidence=0.0)
    assert everything.attrs["dropped"] == {"not_a_number": 1}


def test_scene_frames_and_a_start_time(put):
    table = pupil_labs(put(GAZE), size=[1280, 720], clock="frame")
    assert list(table["frame"]) == [0, 1, 2]
    assert table["frame"].dtype == np.int64
    assert "time" not in table
    timed = pupil_labs(put(GAZE), size=[1280, 720], start_time=329517.0)
    assert list(timed["time"].round(6)) == [0.325417, 0.341417, 0.375417]


def test_scene_fixations(put):
    table = pupil_labs(put(FIXATIONS), size=[100, 200])
    assert rounded(table, "time", "x", "y", "event", "duration") == [
        (0.0, 24.5, 49.5, "fixation", 0.2215),
        (0.5, 49.5, 99.5, "fixation", 0.08),
    ]
    assert list(pupil_labs(put(FIXATIONS), size=[9, 9], clock="frame")["frame"]) == [5, 20]
    old = pupil_labs(put(OLD_FIXATIONS), size=[100, 200])
    assert rounded(old, "time", "x", "duration") == [(0.0, 24.5, 0.2215)]


def test_gaze_on_a_surface(put):
    table = pupil_labs(put(SURFACE), size=[1920, 1080], start_time=10.0)
    assert rounded(table, "time", "x", "y") == [(0.001, 959.5, 539.5), (0.042, 479.5, -0.5)]
    assert table.attrs["dropped"] == {"low_confidence": 1, "off_surface": 1}


def test_fixations_on_a_surface_become_one_row_each(put):
    table = pupil_labs(put(SURFACE_FIXATIONS), size=[100, 100])
    assert rounded(table, "time", "x", "y", "duration") == [
        (0.0, 49.5, 39.5, 0.1),
        (0.1, -0.5, 99.5, 0.05),
    ]
    assert table.attrs["dropped"] == {"off_surface": 1}
    assert list(pupil_labs(put(SURFACE_FIXATIONS), size=[9, 9], clock="frame")["frame"]) == [7, 10]


def test_pupil_cloud(put):
    table = pupil_labs(put(CLOUD))
    assert rounded(table, "time", "x", "y") == [
        (0.0, 800.5, 600.25),
        (0.005, 801.5, 601.25),
        (0.5, 100.0, 200.0),
    ]
    assert table.attrs["dropped"] == {"blink": 1, "not_worn": 1}
    assert "subject" not in table
    timed = pupil_labs(put(CLOUD), start_time=1649764470123456789)
    assert list(timed["time"].round(6)) == [1.0, 1.005, 1.5]
    fixed = pupil_labs(put(CLOUD_FIXATIONS))
    assert rounded(fixed, "time", "x", "y", "event", "duration") == [
        (0.0, 800.5, 600.25, "fixation", 0.2),
        (1.0, 700.5, 500.25, "fixation", 0.1),
    ]


def test_marker_mapper_counts_y_down_and_recordings_apart(put):
    table = pupil_labs(put(MAPPED), size=[200, 100])
    assert rounded(table, "subject", "time", "x", "y") == [
        ("r1", 0.0, 99.5, 24.5),
        ("r2", 0.0, -0.5, 99.5),
    ]
    assert table.attrs["dropped"] == {"off_surface": 2}
    fixed = pupil_labs(put(MAPPED_FIXATIONS), size=[200, 100])
    assert rounded(fixed, "subject", "time", "x", "y", "duration") == [
        ("r1", 0.0, 99.5, 24.5, 0.2),
        ("r2", 0.0, -0.5, 99.5, 0.2),
    ]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (GAZE, {}, "size: None .*places are normalised"),
        (GAZE, {"size": [1280]}, "places are normalised"),
        (GAZE, {"size": [1280, 0]}, "places are normalised"),
        (CLOUD, {"clock": "frame"}, "names no scene frames"),
        (GAZE, {"size": [9, 9], "clock": "ticks"}, "choose from time, frame"),
        (GAZE.replace("norm_pos_x", "nx"), {"size": [9, 9]}, "no gaze of Pupil Labs .*norm_pos_y"),
    ],
)
def test_wrong_options_are_refused(put, text, options, message):
    with pytest.raises(InputError, match=message):
        pupil_labs(put(text), **options)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("3d gaze", "3d g\u00e4ze").encode("latin-1"),
    ],
)
def test_encodings_and_line_ends(put, encode):
    expected = pupil_labs(put(FIXATIONS), size=[100, 200])
    table = pupil_labs(put(encode(FIXATIONS), "other.csv"), size=[100, 200])
    assert rounded(table, *table) == rounded(expected, *expected)


def test_damaged_rows_are_counted(put):
    text = (
        GAZE + "329517.4,3,1,0.5,0.5,a,b,c,d\n329517.5,3,1,inf,0.5\nx,3,1,0.5,0.5\n329517.6,3,1,0."
    )
    table = pupil_labs(put(text), size=[1280, 720])
    assert table.attrs["dropped"] == {"malformed": 1, "low_confidence": 1, "not_a_number": 4}
    assert len(table) == 3
    frames = pupil_labs(put(GAZE.replace(",1,0.6", ",1.5,0.6")), size=[9, 9], clock="frame")
    assert list(frames["frame"]) == [0, 2]
    assert frames.attrs["dropped"] == {"low_confidence": 1, "not_a_number": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no gaze of Pupil Labs"),
        (b"time,x,y\n1,2,3\n", "none of them known"),
        (bytes(range(256)) * 64, "binary"),
    ],
)
def test_what_is_no_export_is_refused(put, content, message):
    with pytest.raises(InputError, match=message):
        pupil_labs(put(content))


def test_random_damage_ends_in_rows_or_in_an_input_error(put):
    rng = np.random.default_rng(8)
    for text in (GAZE, SURFACE_FIXATIONS, CLOUD, MAPPED):
        whole = np.frombuffer(text.encode(), np.uint8)
        for _ in range(25):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 15)] = rng.integers(0, 256, 15)
            broken = broken[: rng.integers(1, len(broken))]
            try:
                table = pupil_labs(put(broken.tobytes()), size=[10, 10])
            except InputError:
                continue
            assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
