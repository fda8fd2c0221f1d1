"""BIDS eye tracking: samples, physioevents, inherited sidecars; rows by hand; damaged datasets."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from tests.tidy import rounded
from vidsal.errors import InputError
from vidsal.recordings.bids import bids

# The recording, its physioevents, their sidecars and the screen's: BIDS specification 1.11,
# github.com/bids-standard/bids-specification src/modality-specific-files/
# physiological-recordings.md, section "Eye-tracking" (the values of sub-01_task-visualSearch);
# inherited sidecars and [1919, 1079]: github.com/bids-standard/bids-examples eyetracking_fmri.
PHYSIO = {
    "Columns": ["timestamp", "x_coordinate", "y_coordinate", "pupil_size"],
    "PhysioType": "eyetrack",
    "RecordedEye": "right",
    "SampleCoordinateSystem": "gaze-on-screen",
    "SamplingFrequency": 1000,
    "timestamp": {"Units": "ms", "Origin": "System startup"},
    "x_coordinate": {"LongName": "Gaze position (x)", "Units": "pixel"},
    "y_coordinate": {"LongName": "Gaze position (y)", "Units": "pixel"},
    "pupil_size": {"Units": "arbitrary"},
}
SAMPLES = """\
7186799\t416.29\t267.39\t4612.0
7186800\t416.29\t268.10\t4623.0
7186801\tn/a\tn/a\t0.0
7186802\t415.89\t269.60\t4613.0
7186803\t415.70\t269.20\t4603.0
"""
PHYSIOEVENTS = {
    "Columns": ["onset", "duration", "trial_type", "blink", "message"],
    "Description": "Messages logged by the measurement device",
    "OnsetSource": "timestamp",
}
EVENTS = """\
7184392\tn/a\tn/a\tn/a\t"RECCFG CR 1000 2 0 R"
7186800\tn/a\tn/a\tn/a\t"First task trigger"
7186799\t3\tfixation\t0\tn/a
7186802\t2\tsaccade\t1\tn/a
7186850\t3\tfixation\t0\tn/a
"""
TASK = {
    "TaskName": "Visual Search",
    "StimulusPresentation": {
        "ScreenDistance": 0.6,
        "ScreenOrigin": ["top", "left"],
        "ScreenRefreshRate": 60,
        "ScreenResolution": [1024, 768],
        "ScreenSize": [0.386, 0.29],
    },
}
STEM = "sub-01_task-visualSearch_recording-eye1"


@pytest.fixture
def dataset(tmp_path):
    """Makes a dataset and returns the path of its recording; None leaves a file out."""

    def make(samples=SAMPLES, physio=PHYSIO, events=EVENTS, physioevents=PHYSIOEVENTS, task=TASK):
        folder = tmp_path / "sub-01" / "func"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dataset_description.json").write_text("{}")
        path = folder / f"{STEM}_physio.tsv.gz"
        path.write_bytes(gzip.compress(samples.encode()))
        if events is not None:
            (folder / f"{STEM}_physioevents.tsv.gz").write_bytes(gzip.compress(events.encode()))
        for name, content in (
            (f"sub-01/func/{STEM}_physio.json", physio),
            (f"sub-01/func/{STEM}_physioevents.json", physioevents),
            ("task-visualSearch_events.json", task),
        ):
            if content is not None:
                (tmp_path / name).write_text(json.dumps(content))
        return path

    return make


def changed(base, **entries):
    """A copy of metadata with other entries; None removes one."""
    return {name: value for name, value in {**base, **entries}.items() if value is not None}


def screen(**entries):
    return {"StimulusPresentation": changed(TASK["StimulusPresentation"], **entries)}


def test_recording_of_the_specification(dataset):
    table = bids(dataset())
    assert rounded(table, "subject", "time", "x", "y", "event", "duration") == [
        ("01", 0.0, 416.29, 267.39, "sample", 0.0),
        ("01", 0.0, 416.29, 267.745, "fixation", 0.003),
        ("01", 0.001, 416.29, 268.1, "sample", 0.0),
        ("01", 0.003, 415.89, 269.6, "sample", 0.0),
        ("01", 0.003, 415.89, 269.6, "saccade", 0.002),
        ("01", 0.004, 415.7, 269.2, "sample", 0.0),
    ]
    # The sample that is n/a, and the fixation after the last sample, have no place.
    assert table.attrs["dropped"] == {"not_a_number": 2}
    assert table.attrs["geometry"] == {
        "screen": [1024, 768],
        "screen_cm": [38.6, 29],
        "distance_cm": 60,
        "rate": 1000,
        "eye": "right",
        "space": "screen",
    }


def test_start_message(dataset):
    table = bids(dataset(), start_message="task trigger")
    assert rounded(table, "time")[0] == (-0.001,)
    with pytest.raises(InputError, match=r"fits no message; .*'First task trigger'"):
        bids(dataset(), start_message="video")


def test_rows_of_the_tasks_events_are_videos(dataset, tmp_path):
    path = dataset(physio=changed(PHYSIO, StartTime=-0.001))
    (tmp_path / "sub-01/func/sub-01_task-visualSearch_events.tsv").write_text(
        "onset\tduration\ttrial_type\tstim_file\n"
        "0.0\t0.001\tvideo\tfilms/a.mp4\n"
        "0.0015\t0.5\trest\tn/a\n"
        "0.002\tn/a\tvideo\tn/a\n"
    )
    table = bids(path, start_event="^[^\t]*\t[^\t]*\tvideo")
    # The first sample is 1 ms before the acquisition: on its clock the videos begin at 1 and 3 ms.
    assert rounded(table, "video", "time", "event") == [
        ("films/a.mp4", 0.0, "sample"),
        ("video", 0.0, "sample"),
        ("video", 0.0, "saccade"),
        ("video", 0.001, "sample"),
    ]
    # Before the first: a sample, a fixation; after the first: the sample without a place.
    assert table.attrs["dropped"] == {"outside_trial": 3, "not_a_number": 1}
    with pytest.raises(InputError, match="fits no row"):
        bids(path, start_event="movie")
    with pytest.raises(InputError, match="give one of the two"):
        bids(path, start_event="film", start_message="x")


def test_start_event_without_events_is_refused(dataset):
    with pytest.raises(InputError, match=r"there is no events\.tsv"):
        bids(dataset(), start_event="video")


def test_sidecars_are_inherited_and_the_nearest_wins(dataset, tmp_path):
    path = dataset(physio={"RecordedEye": "left"}, physioevents=None)
    (tmp_path / "task-visualSearch_physio.json").write_text(json.dumps(PHYSIO))
    (tmp_path / "task-visualSearch_physioevents.json").write_text(json.dumps(PHYSIOEVENTS))
    (tmp_path / "task-other_physio.json").write_text('{"SamplingFrequency": 5}')
    (tmp_path / "sub-01" / "sub-01_recording-eye2_physio.json").write_text('{"Columns": []}')
    table = bids(path)
    assert table.attrs["geometry"]["eye"] == "left"
    assert table.attrs["geometry"]["rate"] == 1000
    assert len(table) == 6
    (tmp_path / "dataset_description.json").unlink()
    with pytest.raises(InputError, match="no JSON sidecar with Columns"):
        bids(path)


def test_what_examples_do_otherwise_than_the_specification(dataset):
    task = screen(ScreenResolution=[1919, 1079], ScreenDistance=120, ScreenSize=[0.773, 0.445])
    assert bids(dataset(task=task)).attrs["geometry"] == {
        "screen": [1920, 1080],
        "screen_cm": [77.3, 44.5],
        "distance_cm": 120,
        "rate": 1000,
        "eye": "right",
        "space": "screen",
    }


def test_durations_in_seconds_and_in_a_stated_unit(dataset):
    expected = rounded(bids(dataset()), "duration")
    in_seconds = EVENTS.replace("\t3\t", "\t0.003\t").replace("\t2\t", "\t0.002\t")
    assert rounded(bids(dataset(events=in_seconds)), "duration") == expected
    in_us = EVENTS.replace("\t3\t", "\t3000\t").replace("\t2\t", "\t2000\t")
    stated = changed(PHYSIOEVENTS, duration={"Units": "us"})
    assert rounded(bids(dataset(events=in_us, physioevents=stated)), "duration") == expected


def test_onsets_as_numbers_of_rows(dataset):
    events = "0\t0.003\tfixation\t0\tn/a\n3\t0.002\tsaccade\t0\tgo\n"
    counted = changed(PHYSIOEVENTS, OnsetSource="n/a")
    table = bids(dataset(events=events, physioevents=counted))
    assert rounded(table, "event", "time", "x")[1] == ("fixation", 0.0, 416.29)
    assert ("saccade", 0.003, 415.89) in rounded(table, "event", "time", "x")
    table = bids(dataset(events=events, physioevents=counted), start_message="go")
    assert rounded(table, "time")[0] == (-0.003,)


def test_units_origins_and_clocks(dataset):
    ends = "0\t0\t0\t0\n1\t1\t1\t0\n"
    unit = {"Units": "normalized"}
    physio = changed(PHYSIO, x_coordinate=unit, y_coordinate=unit)
    assert rounded(bids(dataset(ends, physio, None)), "x", "y") == [(-0.5, -0.5), (1023.5, 767.5)]
    upward = screen(ScreenOrigin=["bottom", "left"])
    table = bids(dataset(ends, physio, None, task=upward))
    assert rounded(table, "x", "y") == [(-0.5, 767.5), (1023.5, -0.5)]
    metres = changed(PHYSIO, x_coordinate={"Units": "cm"}, y_coordinate={"Units": "cm"})
    table = bids(dataset("0\t38.6\t14.5\t0\n", metres, None))
    assert rounded(table, "x", "y") == [(1023.5, 383.5)]
    untimed = changed(PHYSIO, Columns=["x_coordinate", "y_coordinate"], SamplingFrequency=500)
    table = bids(dataset("1\t2\n3\t4\n5\t6\n", untimed, None))
    assert rounded(table, "time", "x") == [(0.0, 1.0), (0.002, 3.0), (0.004, 5.0)]
    derived = changed(PHYSIO, timestamp=None)
    assert rounded(bids(dataset(physio=derived)), "time") == rounded(bids(dataset()), "time")
    headed = "\t".join(PHYSIO["Columns"]) + "\n" + SAMPLES
    assert rounded(bids(dataset(headed)), "time", "x") == rounded(bids(dataset()), "time", "x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"physio": None}, "no JSON sidecar with Columns"),
        ({"physio": changed(PHYSIO, Columns="x")}, "no JSON sidecar with Columns"),
        ({"physio": changed(PHYSIO, Columns=["timestamp", "cardiac"])}, "no eye tracking"),
        ({"physio": changed(PHYSIO, PhysioType="generic")}, "no eye tracking"),
        ({"physio": changed(PHYSIO, Columns=PHYSIO["Columns"] + ["pupil_size"])}, "occurs twice"),
        ({"physio": changed(PHYSIO, SampleCoordinateSystem="eye-in-head")}, "not on a screen"),
        ({"physio": changed(PHYSIO, x_coordinate={"Units": "degree"})}, "Units 'degree'"),
        (
            {"physio": changed(PHYSIO, x_coordinate={"Units": "normalized"}), "task": None},
            "Units 'normalized'",
        ),
        ({"task": screen(ScreenOrigin=["center", "center"])}, "neither top left nor bottom left"),
        (
            {"physio": changed(PHYSIO, timestamp=None, SamplingFrequency=7)},
            "no Units of time and none that agrees",
        ),
        (
            {"physio": changed(PHYSIO, Columns=PHYSIO["Columns"][1:], SamplingFrequency="fast")},
            "neither timestamp nor SamplingFrequency",
        ),
    ],
)
def test_datasets_that_do_not_say_enough_are_refused(dataset, options, message):
    with pytest.raises(InputError, match=message):
        bids(dataset(**options))


def test_damaged_files(dataset, tmp_path):
    text = SAMPLES + "7186804\tx\t1\t2\n7186805\t1\t2\t3\t4\nsoon\t1\t2\t3\n7186806\t1"
    table = bids(dataset(text, events=None))
    assert table.attrs["dropped"] == {"malformed": 1, "not_a_number": 4}
    assert len(table) == 4
    empty = bids(dataset("", events=""))
    assert len(empty) == 0
    path = dataset()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="unreadable"):
        bids(path)
    path.with_name(f"{STEM}_physio.json").write_text("{")
    with pytest.raises(InputError, match="no JSON"):
        bids(path)
    path.with_name(f"{STEM}_physio.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no JSON"):
        bids(path)
    path.with_name(f"{STEM}_physio.json").write_text("[1]")
    with pytest.raises(InputError, match="no JSON object"):
        bids(path)
    with pytest.raises(InputError, match="no such file"):
        bids(tmp_path / "none_physio.tsv.gz")


def test_random_damage_ends_in_rows_or_in_an_input_error(dataset):
    rng = np.random.default_rng(9)
    whole = {"samples": SAMPLES, "events": EVENTS}
    sidecars = {"physio": PHYSIO, "physioevents": PHYSIOEVENTS, "task": TASK}
    for number in range(60):
        files = dict(whole)
        name = list(whole)[number % 2]
        broken = np.frombuffer(whole[name].encode(), np.uint8).copy()
        broken[rng.integers(0, len(broken), 10)] = rng.integers(0, 256, 10)
        files[name] = broken[: rng.integers(1, len(broken))].tobytes().decode("latin-1")
        meta = dict(sidecars)
        one = list(sidecars)[number % 3]
        key = list(sidecars[one])[rng.integers(len(sidecars[one]))]
        meta[one] = sidecars[one] | {key: [None, 3, "x", [], {}, [1, "a"], -1e400][number % 7]}
        try:
            table = bids(dataset(**files, **meta))
        except InputError:
            continue
        assert np.isfinite(table[["time", "x", "y", "duration"]]).all(axis=None)
