"""Gaze of a shard: what is known of the clip reaches the reader, and everything is written down."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from vidsal import fixations, histograms, sheets, truth
from vidsal.errors import InputError

TIMES = [0.0, 0.04, 0.1, 0.14]


@pytest.fixture
def config(root):
    return copy.deepcopy(yaml.safe_load((root / "config.yaml").read_text()))


@pytest.fixture
def shard(tmp_path, config):
    """Two clips of 100x50: `whole`, from its first frame; `part`, frames 10 to 13, from 0.4 s."""
    config["datasets"]["mine"] = {"method": "folder"}
    rows = pd.DataFrame(
        {
            "video": ["whole", "part"],
            "path": ["a/whole.mp4", "a/part.mp4"],
            "split": "test",
            "start": [pd.NA, 10],
            "end": [pd.NA, 14],
            "fixations": [str(tmp_path / "gaze.csv")] * 2,
        }
    )
    sheets.check(rows, "here").to_csv(tmp_path / "rows.tsv", sep="\t", index=False)
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        for video, first, start in (("whole", 0, 0.0), ("part", 10, 0.4)):
            group = file.create_group(video)
            group["frame_index"] = np.arange(first, first + 4)
            group["time"] = np.array(TIMES)
            group.attrs.update(fps="25/1", start_time=start, source_size=[50, 100])
        file.attrs["complete"] = 1

    def run(gaze, text="", dataset="mine"):
        config["datasets"][dataset]["gaze"] = gaze
        (tmp_path / "gaze.csv").write_text(text)
        names = ("fixations.parquet", "histogram.npz", "dropped.tsv", "failures.tsv")
        out = [tmp_path / name for name in names]
        truth.gaze_shard(config, dataset, tmp_path / "rows.tsv", tmp_path / "frames.h5", *out)
        tables = [pd.read_csv(path, sep="\t") for path in out[2:]]
        return SimpleNamespace(
            path=out[0], gaze=pd.read_parquet(out[0]), dropped=tables[0], failures=tables[1]
        )

    return run


def test_clips_know_their_size_and_true_times(shard):
    # Screen of twice the video's size; 0.12 s is in frame 2, which 25 frames a second deny.
    found = shard({"screen": [200, 100]}, "time,x,y\n0.12,99.5,49.5\n0.5,19.5,9.5\n")
    table = found.gaze.set_index("video")
    assert list(found.gaze) == truth.FIXATION_COLUMNS
    assert table.loc["whole", ["frame", "time", "x", "y", "u", "v"]].tolist() == [
        *(2, 0.12, 49.5, 24.5, 0.5, 0.5)
    ]
    # The part starts at 0.4 s of its source; there 0.5 s is 0.1 s, frame 2 of the clip.
    assert table.loc["part", ["frame", "time", "x", "y"]].tolist() == [
        2,
        pytest.approx(0.1),
        9.5,
        4.5,
    ]
    assert len(found.failures) == 0


def test_a_stored_frame_stands_for_those_left_out_behind_it(shard, tmp_path):
    text = "subject,frame,x,y\na,0,1,1\na,1,1,1\na,2,5,5\na,3,7,7\n"
    with h5py.File(tmp_path / "frames.h5", "a") as file:
        group = file["whole"]
        group["clip_frame_index"], group["clip_time"] = group["frame_index"][()], group["time"][()]
        for name in ("frame_index", "time"):
            kept = group[name][::2]
            del group[name]
            group[name] = kept
        group.attrs.update(every=2, fps="25/2")
    found = shard({}, text)
    whole = found.gaze[found.gaze["video"] == "whole"]
    # Frame 1 repeats what frame 0 said of the same stored frame.
    assert whole[["frame", "x"]].to_numpy().tolist() == [[0, 1], [1, 5], [1, 7]]
    assert found.dropped.query("video == 'whole'")[["reason", "rows"]].to_numpy().tolist() == [
        ["duplicate", 1]
    ]


def test_gaze_behind_the_end_of_a_whole_video_is_counted(shard):
    found = shard({}, "time,x,y\n0.05,1,1\n0.45,2,2\n9,3,3\n9.5,300,3\n")
    counted = found.dropped.set_index(["video", "reason"])["rows"].to_dict()
    # Of a part the rest of the recording is simply not asked for.
    assert counted == {
        ("whole", "frame_outside"): 2,
        ("whole", "outside_video"): 1,
        ("part", "outside_video"): 1,
    }
    assert found.gaze["video"].tolist() == ["whole", "part"]


def test_the_geometry_is_in_the_file(shard):
    found = shard({"screen": [200, 100], "lag": 0.02}, "time,x,y\n0.1,1,1\n0.5,1,1\n")
    geometry = truth.read_geometry(found.path)
    assert set(geometry) == {"whole", "part"}
    assert geometry["whole"]["rect"] == [0, 0, 200, 100]
    assert geometry["whole"]["lag"] == 0.02
    assert geometry["whole"]["from"]["video_size"] == "video"
    about = json.loads(pq.read_schema(found.path).metadata[b"vidsal"])
    assert "centres at whole numbers from 0" in about["coordinates"]


def test_a_recording_that_cannot_be_read_is_one_failure(shard, config):
    config["max_failures"] = 1.0
    found = shard({"format": "eyelink"}, "no such thing")
    assert found.failures["video"].tolist() == ["whole", "part"]
    assert found.gaze.dtypes.astype(str).to_dict()["frame"] == "int64"
    assert len(found.gaze) == 0


def test_one_file_of_all_videos(shard):
    text = "video,time,x,y\nwhole.mp4,0.1,1,1\npart.mp4,0.5,2,2\n"
    found = shard({}, text)
    assert found.gaze[["video", "x"]].to_numpy().tolist() == [["whole", 1.0], ["part", 2.0]]


def test_formats_of_the_config_are_known(shard, config):
    config["recordings"] = {"spaced": {"method": "table", "time_unit": "ms"}}
    assert shard({"format": "spaced"}, "time,x,y\n100,1,1\n500,1,1\n").gaze["frame"].tolist() == [
        2,
        2,
    ]


def test_a_datasets_own_reader_may_return_the_four_columns_alone(shard, config, tmp_path):
    room = tmp_path / "rooms" / "datasets"
    room.mkdir(parents=True)
    (room / "bare.py").write_text(
        '"""Bare."""\nimport pandas as pd\n\n\ndef bare(folder, *, gaze: dict | None = None):\n'
        "    pass\n\n\ndef read_fixations(path, *, clip=None, **_):\n"
        '    rows = [("a", int(clip.frame_index[1]), 3.0, 4.0)]\n'
        '    return pd.DataFrame(rows, columns=["subject", "frame", "x", "y"])\n'
    )
    config["rooms"] = str(tmp_path / "rooms")
    config["datasets"]["bare"] = {}
    found = shard(None, dataset="bare")
    assert found.gaze["frame"].tolist() == [1, 1]
    assert set(found.gaze["event"]) == {"sample"}
    assert found.gaze["time"].isna().all()


def test_export_is_one_table_with_its_geometry_beside_it(shard, tmp_path):
    first = shard({}, "time,x,y,duration\n0.1,1,1,0.2\n0.5,1,1,0.02\n").path
    second = first.rename(tmp_path / "second.parquet")
    third = shard({}, "frame,x,y\n").path
    out, about = tmp_path / "all.parquet", tmp_path / "all.json"
    truth.export_gaze([str(second), str(third)], out, about)
    table = pd.read_parquet(out)
    assert list(table) == truth.EXPORT_COLUMNS
    pd.testing.assert_frame_equal(table, pd.read_parquet(second)[truth.EXPORT_COLUMNS])
    assert table["duration"].tolist() == [0.2, 0.2, 0.02]
    assert set(table["event"]) == {"fixation"}
    beside = json.loads(about.read_text())
    assert beside == json.loads(pq.read_schema(out).metadata[b"vidsal"])
    assert set(beside["geometry"]) == {"whole", "part"}
    again = out.read_bytes()
    truth.export_gaze([str(second), str(third)], out, about)
    assert out.read_bytes() == again


def test_an_export_reads_back_as_gaze(shard, tmp_path):
    path = shard({}, "time,x,y,duration\n0.1,1,1,0.2\n0.5,1,1,0.02\n").path
    truth.export_gaze([str(path)], tmp_path / "all.parquet", tmp_path / "all.json")
    back = fixations.read(tmp_path / "all.parquet", video="whole")
    own = pd.read_parquet(path).query("video == 'whole'")[list(fixations.COLUMNS)]
    pd.testing.assert_frame_equal(back, own.reset_index(drop=True))


def test_too_many_unreadable_recordings_stop_the_job(shard, config):
    config["max_failures"] = 0.4
    with pytest.raises(InputError, match="read_gaze: 2 of 2 videos failed"):
        shard({"rect": [0, 0, 1]}, "frame,x,y\n0,1,1\n")


def test_a_video_of_whose_gaze_nothing_is_left_is_a_failure(shard, config):
    config["max_failures"] = 1.0
    # Milliseconds, read as seconds; and a place that is in no picture.
    found = shard({}, "time,x,y\n40,1,1\n80,1,1\n")
    reasons = found.failures.set_index("video")["reason"]
    assert "no row of it can be used (2 frame_outside)" in reasons["whole"]
    assert "2 of 2 rows (100%) lie before the first or after the last frame" in reasons["whole"]
    # The rest of the recording may be that of other parts, so this one is only listed.
    assert "none of its rows lies in frames 10 to 14 (exclusive)" in reasons["part"]
    assert ["part", "video without fixations", 0] in found.dropped.to_numpy().tolist()
    found = shard({}, "time,x,y\n0.01,900,1\n0.42,900,1\n")
    assert found.failures["video"].tolist() == ["whole", "part"]
    assert found.failures["reason"].str.contains("no row of it can be used").all()


def test_gaze_that_is_mostly_lost_is_listed_and_used(shard, config):
    config["max_failures"] = 0.0
    found = shard({}, "time,x,y\n0.01,1,1\n0.02,900,1\n0.03,900,1\n0.45,2,2\n0.46,900,2\n")
    assert found.gaze["video"].tolist() == ["whole", "part"]
    listed = found.failures.set_index("video")
    assert listed["stage"].tolist() == ["read_gaze", "read_gaze"]
    assert "gaze.csv: 3 of 5 rows (60%) lie beside the video" in listed.loc["whole", "reason"]


def test_videos_without_any_gaze_are_no_failure(shard, config):
    config["max_failures"] = 0.0
    found = shard({}, "time,x,y\n")
    assert len(found.failures) == 0
    assert found.dropped["reason"].tolist() == ["video without fixations"] * 2


def test_pool_adds_histograms_up_and_keeps_frames_of_every_video_apart(tmp_path):
    rng = np.random.default_rng(0)
    tables = []
    for shard in ("ab", "c"):
        rows = [(video, frame, *rng.random(2)) for video in shard for frame in range(40)]
        tables.append(pd.DataFrame(rows, columns=["video", "frame", "u", "v"]))
        counts = histograms.histogram(tables[-1][["u", "v"]].to_numpy())
        pool = histograms.Pool(counts, *truth.sampled_frames(tables[-1]))
        truth._write_pool(tmp_path / f"{shard}.npz", pool)
    truth.pool([tmp_path / "ab.npz", tmp_path / "c.npz"], tmp_path / "all.npz")
    pool = histograms.read_pool(tmp_path / "all.npz")
    assert pool.histogram.sum() == 120
    assert pool.videos.tolist() == ["a", "b", "c"]
    everything = pd.concat(tables)
    for number, video in enumerate("abc"):
        own = pool.frames[pool.frames[:, 0] == number, 1:]
        assert len(own) == truth.FRAMES_OF_A_VIDEO
        known = everything.loc[everything["video"] == video, ["frame", "u", "v"]].to_numpy()
        assert {tuple(row) for row in own} <= {tuple(row) for row in known}
    alone = truth.sampled_frames(tables[0][tables[0]["video"] == "b"])[1]
    np.testing.assert_array_equal(alone[:, 1:], pool.frames[pool.frames[:, 0] == 1, 1:])
