"""Supervoxels partition the clip into connected pieces that follow its colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from vidsal.attribution import _supervoxels
from vidsal.attribution._supervoxels import connected, lab, present, supervoxels
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def model(**options) -> VideoModel:
    about = Preprocessing((24, 32), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), **options)
    return VideoModel("net", torch.nn.Identity(), about, None, (), 8, 1, 8)


def frames(seed: int = 0) -> np.ndarray:
    """A red square that moves over noisy grey."""
    rng = np.random.default_rng(seed)
    video = rng.normal(128, 8, (8, 24, 32, 3)).clip(0, 255).astype(np.uint8)
    for time in range(8):
        video[time, 6:14, 2 + 2 * time : 12 + 2 * time] = (230, 20, 20)
    return video


def clip(seed: int = 0) -> torch.Tensor:
    return model().preprocess(frames(seed))


@pytest.mark.parametrize("segments", [1, 2, 12, 60, 400])
@pytest.mark.parametrize("compactness", [0.5, 10.0, 200.0])
def test_labels_partition_the_clip_into_connected_pieces(segments, compactness):
    labels = supervoxels(model(), clip(), segments, compactness).numpy()
    assert labels.shape == (8, 24, 32)
    assert labels.dtype == np.int64
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    for number in range(labels.max() + 1):
        assert label(labels == number)[1] == 1


@pytest.mark.parametrize("segments", [12, 60, 200])
def test_there_are_about_as_many_as_asked(segments):
    count = int(supervoxels(model(), clip(), segments, 20.0).max()) + 1
    assert 0.5 * segments <= count <= 1.5 * segments


def test_pieces_follow_colours():
    labels = supervoxels(model(), clip(), 30, 10.0).numpy()
    inside = (frames()[..., 0] > 200) & (frames()[..., 1] < 50)
    share = np.bincount(labels.ravel(), inside.ravel()) / np.bincount(labels.ravel())
    assert share.max() == 1
    assert ((share < 0.02) | (share > 0.98)).mean() > 0.9


def test_high_compactness_gives_even_boxes():
    sizes = np.bincount(supervoxels(model(), clip(), 64, 10_000.0).numpy().ravel())
    assert 56 <= len(sizes) <= 72
    assert sizes.max() <= 1.5 * sizes.mean()


def test_spacing_decides_how_long_pieces_last():
    def frames_of(spacing):
        labels = supervoxels(model(), clip(), 24, 1000.0, spacing).numpy()
        return np.mean([len(np.unique(np.nonzero(labels == n)[0])) for n in np.unique(labels)])

    assert frames_of(0.1) == 8
    assert frames_of(30.0) == 1


def test_they_are_the_same_twice_and_for_no_other_clip():
    one, same, other = (supervoxels(model(), clip(seed), 30) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_numbers_are_given_in_reading_order():
    labels = supervoxels(model(), clip(), 40).numpy().ravel()
    first = [np.flatnonzero(labels == number)[0] for number in range(labels.max() + 1)]
    assert first == sorted(first)


def test_apart_pieces_are_split_and_small_ones_joined():
    labels = np.zeros((1, 10, 10), int)
    labels[:, :, 4:6] = 1
    labels[0, 2, 1] = 2
    found = connected(labels)
    expected = np.zeros((1, 10, 10), int)
    expected[:, :, 4:6] = 1
    expected[:, :, 6:] = 2
    assert np.array_equal(found, expected)


def test_colours_are_cielab():
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255], [119, 119, 119]])
    video = np.broadcast_to(colours[:, None, None].astype(np.uint8), (5, 24, 32, 3))
    # The D65 values of sRGB's corners.
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [50, 0, 0]]
    for options in ({}, {"channels": "bgr"}, {"scale": 1.0}):
        found = lab(model(**options), model(**options).preprocess(video))[:, 3, 4]
        np.testing.assert_allclose(found, expected, atol=0.1)


def test_present_keeps_what_is_named():
    labels = torch.tensor([0, 1, 2]).reshape(1, 1, 3)
    given = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)
    sets = np.array([[1, 0, 1], [0, 0, 0]])
    one, none = present(given, torch.full((1, 1, 1, 1), 9.0), labels, sets)
    assert one.flatten().tolist() == [1, 9, 3]
    assert none.flatten().tolist() == [9, 9, 9]


def test_the_number_of_rounds_is_bounded(monkeypatch):
    asked = []
    nearest = _supervoxels._nearest
    monkeypatch.setattr(_supervoxels, "_nearest", lambda *given: asked.append(1) or nearest(*given))
    noise = torch.randn(3, 8, 24, 32, generator=torch.Generator().manual_seed(0))
    supervoxels(model(), noise, 60, 0.01)
    assert len(asked) <= _supervoxels.ROUNDS


@pytest.mark.parametrize("options", [(0, 10.0, None), (5, 0.0, None), (5, 10.0, -1.0)])
def test_impossible_options_are_refused(options):
    with pytest.raises(InputError, match="above 0"):
        supervoxels(model(), clip(), *options)
