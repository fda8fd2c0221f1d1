"""Which frames a clip shows, and that clips made ahead are those made when asked for."""

from __future__ import annotations

import dataclasses
import threading
import time

import h5py
import numpy as np
import pytest
import torch

from tests.test_recipe import recipe
from tests.tiny import samples, tiny
from vidsal import _sampling
from vidsal.errors import InputError
from vidsal.video.frames import read_frames


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("count", [1, 3, 8, 9, 30])
def test_dense_clips_start_anywhere_and_end_inside(count):
    model = tiny()  # 4 frames, 2 apart
    drawn = {tuple(_sampling.numbers(model, "dense", count, 0, rng(s))) for s in range(300)}
    starts = range(max(0, count - 8) + 1)
    assert drawn == {tuple(min(s + 2 * i, count - 1) for i in range(4)) for s in starts}
    middle = _sampling.numbers(model, "dense", count, 0, None)
    assert middle[0] == max(0, count - 8) // 2


@pytest.mark.parametrize("count", [4, 10, 33])
def test_segments_give_a_frame_each_from_anywhere_in_them(count):
    drawn = np.array([_sampling.numbers(tiny(), "segments", count, 0, rng(s)) for s in range(500)])
    for part in range(4):
        low, high = part * count / 4, (part + 1) * count / 4
        # A frame on the border of two parts belongs to both.
        assert set(drawn[:, part]) == set(range(int(low), int(np.ceil(high))))
    assert (np.diff(drawn, axis=1) >= 0).all()
    middle = _sampling.numbers(tiny(), "segments", count, 0, None)
    assert middle.tolist() == [int((part + 0.5) * count / 4) for part in range(4)]


def test_a_network_learns_from_what_it_is_tested_on():
    dense, segmented = tiny(), dataclasses.replace(tiny(), sampling="segments")
    assert [_sampling.chosen(dense, own) for own in (None, "dense", "sliding")] == [
        "dense",
        "dense",
        "sliding",
    ]
    assert _sampling.chosen(segmented, None) == "segments"
    with pytest.raises(InputError, match="set sampling: segments in the options of the model"):
        _sampling.chosen(dense, "segments")
    with pytest.raises(InputError, match="explained on segments clips; set sampling: dense"):
        _sampling.chosen(segmented, "dense")
    tested = segmented.layout(33)
    assert _sampling.numbers(segmented, "segments", 33, 0, None).tolist() == tested[0].tolist()
    assert _sampling.numbers(segmented, "sliding", 33, 0, None).tolist() == tested[0].tolist()


def test_short_videos_show_frames_again():
    assert _sampling.numbers(tiny(), "dense", 3, 0, rng()).tolist() == [0, 2, 2, 2]
    assert _sampling.numbers(tiny(), "sliding", 3, 0, rng()).tolist() == [0, 2, 2, 2]
    assert _sampling.numbers(tiny(), "segments", 2, 0, None).tolist() == [0, 0, 1, 1]
    assert _sampling.numbers(tiny(), "segments", 1, 0, rng()).tolist() == [0, 0, 0, 0]


def test_sliding_clips_are_those_of_classifying(file):
    made = _sampling.source(tiny(), samples(file)[0], _recipe("sliding"))
    for video, (group, _) in enumerate(samples(file)[0]):
        own = [place.clip for place in made.places if place.video == video]
        assert own == list(range(len(own)))
        shown = {
            frame
            for clip in own
            for frame in _sampling.numbers(tiny(), "sliding", len(group["time"]), clip, None)
        }
        # Every second frame, and the last clip ends with the video.
        assert len(own) == (1 if len(group["time"]) <= 8 else 2)
        assert max(shown) >= len(group["time"]) - 2


def _recipe(sampling):
    return recipe(sampling=sampling, crop=0.2, jitter=0.2, saturation=0.2, flip=True)


@pytest.mark.parametrize("sampling", ["dense", "segments", "sliding"])
def test_a_clip_belongs_to_seed_epoch_and_number(file, sampling):
    made = _sampling.source(tiny(), samples(file)[0], _recipe(sampling))
    first = made.changed(3, 1)
    made.changed(2, 0)
    made.plain(4)
    again = made.changed(3, 1)
    assert (first.frames == again.frames).all()
    assert not (first.frames == made.changed(3, 2).frames).all()
    assert (first.label, first.name) == (again.label, again.name)


def test_the_name_is_that_of_the_video(file):
    made = _sampling.source(tiny(), samples(file)[0], _recipe("dense"))
    assert [made.plain(index).name for index in range(3)] == ["v00", "v01", "v02"]
    assert made.labels() == [0, 1] * 5


@pytest.mark.parametrize("shown", [[0, 1, 2], [0, 60, 119], [5, 5, 117, 117], [119]])
def test_frames_far_apart_are_the_same_frames(tmp_path, shown):
    frames = rng().integers(0, 256, (120, 6, 8, 3), dtype=np.uint8)
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        file["video/frames"], file["video/time"] = frames, np.arange(120)
        found = _sampling.read(file["video"], np.array(shown))
    assert (found == frames[shown]).all()
    assert found.dtype == np.uint8


def test_what_lies_between_is_not_read(tmp_path, monkeypatch):
    asked = []

    def reading(group, start, stop):
        asked.append(stop - start)
        return read_frames(group, start, stop)

    monkeypatch.setattr(_sampling, "read_frames", reading)
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        file["video/frames"] = np.zeros((1000, 2, 2, 3), np.uint8)
        _sampling.read(file["video"], np.linspace(0, 999, 16).astype(int))
    assert sum(asked) == 16


@pytest.mark.parametrize("plain", [True, False])
def test_a_clip_stays_as_it_is_when_the_next_one_is_read(file, monkeypatch, plain):
    changes = {} if plain else {"crop": 0.2, "jitter": 0.2, "saturation": 0.2}
    made = _sampling.source(tiny(), samples(file)[0], recipe(sampling="dense", **changes))
    kept = [made.changed(index, 0).frames for index in range(len(made.places))]
    before = _sampling.READ.frames
    kept += [made.plain(index).frames for index in range(len(made.places))]
    assert _sampling.READ.frames is before  # the case that is tested: one array for all clips
    monkeypatch.setattr(_sampling, "read", lambda group, shown, out: read_frames(group)[shown])
    alone = [made.changed(index, 0).frames for index in range(len(made.places))]
    alone += [made.plain(index).frames for index in range(len(made.places))]
    assert all(torch.equal(*pair) for pair in zip(kept, alone, strict=True))


def test_every_clip_is_seen_once_and_none_alone():
    for size, count in ((3, 10), (4, 10), (1, 3), (8, 1), (2, 7)):
        batches = _sampling.batches(list(range(count)), size)
        assert [index for batch in batches for index in batch] == list(range(count))
        assert all(len(batch) > 1 for batch in batches) or size == 1 or count == 1
        assert all(len(batch) <= size + 1 for batch in batches)


@pytest.mark.parametrize(("accumulate", "processes"), [(1, 1), (2, 1), (1, 3), (2, 2), (8, 1)])
def test_parts_are_equal_and_no_more_than_asked_for(accumulate, processes):
    own = recipe(batch_size=8, accumulate=accumulate, processes=processes)
    for count in range(1, 10):
        parts = _sampling.parts(list(range(count)), own)
        assert [index for part in parts for index in part] == list(range(count))
        assert 1 <= len(parts) <= accumulate * processes
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= -(-8 // (accumulate * processes)) + (count > 8)


# Threads


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_order_is_kept_whoever_is_faster(workers):
    def make(index):
        time.sleep(0.001 * (index % 3))
        return index

    ahead = _sampling.Ahead(workers)
    assert list(ahead.map(make, range(30), 4)) == list(range(30))
    ahead.close()


def test_threads_run_ahead_but_not_too_far():
    started, let_go = [], threading.Event()

    def make(index):
        started.append(index)
        let_go.wait(5)
        return index

    ahead = _sampling.Ahead(8)
    made = ahead.map(make, range(100), 3)
    let_go.set()
    assert next(made) == 0
    time.sleep(0.1)
    assert max(started) <= 3 + 1
    made.close()
    ahead.close()


def test_errors_come_out_where_the_clip_is_wanted():
    def make(index):
        if index == 5:
            raise ValueError("five")
        return index

    ahead = _sampling.Ahead(2)
    made = ahead.map(make, range(10), 4)
    assert [next(made) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(made)
    ahead.close()


def test_closing_leaves_no_thread():
    ahead = _sampling.Ahead(3)
    made = ahead.map(lambda index: index, range(50), 10)
    next(made)
    ahead.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("clips")]
