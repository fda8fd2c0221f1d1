"""Clips cover every frame; maps come back to the frames that they are about."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from vidsal.errors import InputError
from vidsal.video.clips import assemble, layout, resample, segments, spread

CASES = list(itertools.product((1, 2, 5, 16, 17, 31, 32, 100), (1, 4, 8), (1, 2, 3), (1, 3, 8)))
CASES = [case for case in CASES if case[3] <= case[1] * case[2]]


def _shown(clip, stride, frames):
    return np.unique((clip[:, None] + np.arange(stride)).clip(max=frames - 1))


@pytest.mark.parametrize(("frames", "length", "stride", "hop"), CASES)
def test_every_frame_is_covered(frames, length, stride, hop):
    clips = layout(frames, length, stride, hop)
    assert clips.dtype == np.int64
    assert clips.shape[1] == length
    shown = [_shown(clip, stride, frames) for clip in clips]
    np.testing.assert_array_equal(np.unique(np.concatenate(shown)), np.arange(frames))
    if frames >= length * stride:
        assert (np.diff(clips, axis=1) == stride).all()
        assert (clips[:-1, 0] == np.arange(len(clips) - 1) * hop).all()
        assert clips[-1, -1] + stride == frames
    else:
        expected = np.minimum(np.arange(length) * stride, frames - 1)
        np.testing.assert_array_equal(clips, expected[None])


@pytest.mark.parametrize(("frames", "length", "stride", "hop"), CASES)
def test_constant_maps_stay_constant_and_coverage_counts_clips(frames, length, stride, hop):
    clips = layout(frames, length, stride, hop)
    value = np.float32(0.1)
    maps = [np.full((2, 3, 4), value, np.float32)] * len(clips)
    made, coverage = assemble(maps, clips, frames, stride)
    assert made.dtype == np.float32
    assert coverage.dtype == np.int32
    np.testing.assert_array_equal(made, np.full((frames, 3, 4), value))
    counted = sum(np.isin(np.arange(frames), _shown(clip, stride, frames)) for clip in clips)
    np.testing.assert_array_equal(coverage, counted)


def test_back_to_back_clips_come_back_unchanged():
    maps = np.random.default_rng(0).normal(size=(5, 8, 3, 4)).astype(np.float32)
    made, coverage = assemble(list(maps), layout(40, 8, 1, 8), 40, 1)
    np.testing.assert_array_equal(made, maps.reshape(40, 3, 4))
    np.testing.assert_array_equal(coverage, np.ones(40))


def test_overlapping_clips_are_averaged():
    clips = layout(12, 8, 1, 4)
    np.testing.assert_array_equal(clips[:, 0], [0, 4])
    maps = [np.full((8, 1, 1), 2, np.float32), np.full((8, 1, 1), 4, np.float32)]
    made, coverage = assemble(maps, clips, 12, 1)
    np.testing.assert_array_equal(made.ravel(), [2] * 4 + [3] * 4 + [4] * 4)
    np.testing.assert_array_equal(coverage, [1] * 4 + [2] * 4 + [1] * 4)


def test_the_mean_over_many_clips_is_the_mean():
    rng = np.random.default_rng(0)
    clips = layout(30, 8, 2, 1)
    maps = rng.normal(size=(len(clips), 8, 2, 2)).astype(np.float32)
    made, coverage = assemble(list(maps), clips, 30, 2)
    total = np.zeros((30, 2, 2))
    for clip, heatmap in zip(clips, maps, strict=True):
        for number, sample in zip(clip, heatmap, strict=True):
            total[number : number + 2] += sample
    np.testing.assert_allclose(made, total / coverage[:, None, None], rtol=1e-5, atol=1e-6)


def test_a_sample_stands_for_the_frames_up_to_the_next():
    ramp = np.arange(4, dtype=np.float32)[:, None, None]
    made, _ = assemble([ramp], layout(12, 4, 3, 12), 12, 3)
    np.testing.assert_array_equal(made.ravel(), np.repeat(np.arange(4), 3))


def test_a_repeated_last_frame_gets_the_mean_of_its_samples():
    ramp = np.arange(8, dtype=np.float32)[:, None, None]
    made, coverage = assemble([ramp], layout(5, 8, 1, 8), 5, 1)
    np.testing.assert_allclose(made.ravel(), [0, 1, 2, 3, (4 + 5 + 6 + 7) / 4])
    np.testing.assert_array_equal(coverage, np.ones(5))


# Segments


@pytest.mark.parametrize(("frames", "length"), [(1, 4), (3, 8), (8, 8), (9, 8), (40, 8), (1000, 7)])
def test_segments_are_one_clip_of_a_frame_from_each_part(frames, length):
    clips = layout(frames, length, 2, 3, "segments")
    assert clips.dtype == np.int64
    assert clips.shape == (1, length)
    parts = np.arange(length) * frames / length
    assert (np.floor(parts) <= clips[0]).all()
    assert (clips[0] < parts + frames / length).all()
    # Middles: the clip backwards is the clip of the video played backwards, to a frame.
    assert np.abs(frames - 1 - clips[0, ::-1] - clips[0]).max() <= 1


def test_segments_of_a_video_of_that_length_are_the_dense_clip():
    clips = layout(8, 8, 5, 3, "segments")
    np.testing.assert_array_equal(clips, layout(8, 8, 1, 8))
    maps = np.random.default_rng(0).normal(size=(1, 4, 3, 4)).astype(np.float32)
    found, expected = assemble(maps, clips, 8, 5, "segments"), assemble(maps, clips, 8, 1)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize(("frames", "length"), [(1, 4), (5, 8), (8, 8), (9, 8), (40, 8), (100, 7)])
def test_every_frame_has_a_map_and_those_seen_have_their_own(frames, length):
    clips = layout(frames, length, 1, 1, "segments")
    heatmap = np.random.default_rng(0).normal(size=(length, 2, 3)).astype(np.float32)
    made, coverage = assemble([heatmap], clips, frames, 1, "segments")
    assert made.shape == (frames, 2, 3)
    np.testing.assert_array_equal(coverage, np.ones(frames))
    for number in np.unique(clips):
        expected = heatmap[clips[0] == number].mean(axis=0)
        np.testing.assert_allclose(made[number], expected, rtol=1e-5, atol=1e-6)
    constant = assemble([np.full((3, 2, 2), np.float32(0.1))], clips, frames, 1, "segments")[0]
    np.testing.assert_array_equal(constant, np.full((frames, 2, 2), np.float32(0.1)))


def test_between_segments_maps_change_evenly():
    clips = layout(40, 4, 1, 1, "segments")
    np.testing.assert_array_equal(clips, [[5, 15, 25, 35]])
    ramp = clips[0].astype(np.float32)[:, None, None]
    made, _ = assemble([ramp], clips, 40, 1, "segments")
    np.testing.assert_allclose(made.ravel(), np.arange(40).clip(5, 35), rtol=1e-6)


def test_several_clips_of_segments_are_averaged():
    clips = spread(40, 2, 4, 1, "segments")
    maps = [np.full((4, 1, 1), value, np.float32) for value in (1, 3)]
    made, coverage = assemble(maps, clips, 40, 1, "segments")
    np.testing.assert_array_equal(made.ravel(), np.full(40, 2))
    np.testing.assert_array_equal(coverage, np.full(40, 2))


def test_places_in_segments():
    np.testing.assert_array_equal(segments(12, 3, 0.0), [0, 4, 8])
    np.testing.assert_array_equal(segments(12, 3, np.array([0, 0.5, 0.999])), [0, 6, 11])


@pytest.mark.parametrize(("count", "length"), [(2, 16), (1, 8), (16, 4), (5, 7), (8, 8)])
def test_resampling_is_that_of_torch(count, length):
    heatmap = np.random.default_rng(0).normal(size=(count, 3, 4)).astype(np.float32)
    flat = torch.from_numpy(heatmap.reshape(count, -1).T[None].copy())
    expected = torch.nn.functional.interpolate(flat, length, mode="linear", align_corners=False)
    made = resample(heatmap, length)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected[0].T.numpy().reshape(length, 3, 4), atol=1e-6)


def test_maps_may_come_from_a_generator():
    clips = layout(16, 8, 1, 8)
    made, _ = assemble((np.ones((8, 1, 1), np.float32) for _ in clips), clips, 16, 1)
    assert made.shape == (16, 1, 1)


def test_a_missing_map_is_noticed():
    clips = layout(16, 8, 1, 8)
    with pytest.raises(ValueError, match="zip"):
        assemble([np.ones((8, 1, 1), np.float32)], clips, 16, 1)
    with pytest.raises(InputError, match="no map"):
        assemble([], clips[:0], 16, 1)


@pytest.mark.parametrize("bad", [(0, 8, 1, 8), (9, 0, 1, 8), (9, 8, 0, 8), (9, 8, 1, 0)])
def test_numbers_below_one_are_refused(bad):
    with pytest.raises(InputError, match="at least 1"):
        layout(*bad)
    if bad[2] and bad[3]:
        with pytest.raises(InputError, match="at least 1"):
            layout(*bad, "segments")


def test_a_hop_that_leaves_gaps_is_refused():
    with pytest.raises(InputError, match="set hop to at most 16"):
        layout(100, 8, 2, 17)
