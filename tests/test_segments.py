"""Explaining a network that sees segments: one clip all over the video, a map for every frame."""

from __future__ import annotations

import dataclasses
from functools import partial

import h5py
import numpy as np
import pytest
import torch

from vidsal import explained, mapping, registry
from vidsal.attribution import _pass
from vidsal.models import Preprocessing, VideoModel

FRAMES = 19
# Of four parts of 19 frames, the ones in the middles.
SEEN = [2, 7, 11, 16]


class Net(torch.nn.Module):
    """A map for every frame, and each class its own weights of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv3d(3, 4, 3, padding=1)
        self.fc = torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(self.conv(x)).mean((2, 3, 4)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    preprocess = Preprocessing(size=(8, 10), mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))
    made = VideoModel("net", Net().eval(), preprocess, ["a", "b"], ("conv",), 4, 2, 8)
    return dataclasses.replace(made, sampling="segments")


@pytest.fixture
def group(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        made = file.create_group("v")
        shape = (FRAMES, 16, 20, 3)
        made["frames"] = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
        made["time"], made["frame_index"] = np.arange(FRAMES) / 25, np.arange(FRAMES)
        sizes = {"source_size": [16, 20], "canvas_size": [16, 20], "part_key": "k"}
        made.attrs.update(sizes | {"transform": np.eye(3), "source_sha256": "x", "fps": "25/1"})
        yield made


def bound(name):
    defaults = {k: o.default for k, o in registry.entry("attribution", name).options.items()}
    return partial(registry.load("attribution", name), **defaults)


def explain(model, group, name="gradient"):
    return explained.explain_video(model, group, 1, {"m": bound(name)})["m"]


def test_one_clip_is_explained_and_every_frame_has_a_map(model, group):
    before = _pass.PASSES.forward
    (maps, coverage), _ = explain(model, group)
    assert _pass.PASSES.forward - before == 1
    clip = model.preprocess(group["frames"][()][SEEN])
    seen = bound("gradient")(model, clip, 1).numpy()
    np.testing.assert_allclose(maps[SEEN], seen, rtol=1e-6)
    np.testing.assert_allclose(maps[9], (seen[1] + seen[2]) / 2, rtol=1e-5)
    np.testing.assert_array_equal(maps[:2], seen[[0, 0]])
    np.testing.assert_array_equal(coverage, np.ones(FRAMES))
    assert (maps.max(axis=(1, 2)) > 0).all()


@pytest.mark.parametrize("name", ["gradient", "grad_cam"])
def test_a_video_of_as_many_frames_as_segments_is_a_dense_clip(model, group, name):
    segments = dataclasses.replace(model, length=FRAMES)
    dense = dataclasses.replace(segments, sampling="dense", stride=1, hop=FRAMES)
    (expected, counted), _ = explain(dense, group, name)
    (found, coverage), _ = explain(segments, group, name)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(coverage, counted)


@pytest.mark.parametrize("sampling", ["dense", "segments"])
def test_what_a_map_says_of_itself(model, group, sampling):
    own = dataclasses.replace(model, sampling=sampling)
    (maps, coverage), notes = explain(own, group)
    made = explained._heatmap(own, group, maps, coverage, notes)
    assert made.attrs["sampling"] == sampling
    np.testing.assert_array_equal(made.attrs["coverage"], coverage)
    np.testing.assert_array_equal(made.frame_index, np.arange(FRAMES))
    # Frames of 16 x 20 px on maps of 8 x 10.
    np.testing.assert_allclose(made.transform, mapping.scaling((16, 20), (8, 10)))
