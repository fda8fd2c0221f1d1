"""The Python call: what it returns is what the workflow stores."""

from __future__ import annotations

import subprocess
import sys
import types

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import vidsal
from vidsal import explaining, heatmaps, networks
from vidsal.classifying import Views, classify
from vidsal.errors import InputError
from vidsal.video import encode
from vidsal.video.frames import read_frames, write_frames
from vidsal.video.trim import trim

METHODS = {
    "grad_cam": {"layer": 1},
    "input_x_gradient": {"absolute": False},
    "smooth_grad": {"samples": 2},
}


@pytest.fixture(scope="module")
def frames():
    small = np.random.default_rng(0).integers(0, 255, (18, 5, 6, 3), dtype=np.uint8)
    return small.repeat(8, axis=1).repeat(8, axis=2)


@pytest.fixture(scope="module")
def video(frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("v") / "clip.mkv"
    encode.write_ffv1(path, frames, 25)
    return path


@pytest.fixture(scope="module")
def config(root):
    made = yaml.safe_load((root / "config.yaml").read_text())
    made["models"] = {"cnn_lstm": {"size": [32, 32], "length": 4, "stride": 2}}
    made["explain"] |= {"every": 1, "polarity": "positive"}
    made["explain"]["target"] = {"contrast": ["walking", "running"]}
    made["attribution"] = METHODS
    return made


@pytest.fixture(scope="module")
def folder(config, tmp_path_factory):
    """A model folder, as a training leaves it."""
    model = networks.new(config, "cnn_lstm", ["running", "walking"], seed=0)
    return vidsal.save_model(model, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def stored(config, folder, video, tmp_path_factory):
    """The heatmap files that the workflow's stage makes of the same video, by method."""
    place = tmp_path_factory.mktemp("workflow")
    config = config | {"cache": {"folder": str(place / "cache"), "max_gb": 1}}
    health = trim(video, place / "c.mkv")
    with h5py.File(place / "frames.h5", "w") as file:
        group = file.create_group("clip")
        write_frames(place / "c.mkv", health, group)
        group.attrs["part_key"] = ""
        file.attrs["complete"] = 1
        networks.prepare(config)
        found = classify(vidsal.load_model(folder), group, 8, Views())
    row = {"video": "clip", "label": "", "predicted_index": found["predicted"]}
    row |= {"categories": ["running", "walking"], "logits": found["video_logits"].tolist()}
    pd.DataFrame([row]).to_parquet(place / "p.parquet")
    files = types.SimpleNamespace(
        frames=place / "frames.h5", predictions=place / "p.parquet", weights=folder / "best.pt"
    )
    shard = explaining.Shard(config, "mine", "cnn_lstm", "test-000of001", files)
    for name in METHODS:
        explaining.explain_shard(shard, name, place / f"{name}.h5", place / "failures.tsv")
    return place


@pytest.mark.parametrize("method", METHODS)
def test_it_is_what_the_workflow_stores(method, stored, folder, video, tmp_path):
    rule = {"contrast": ["walking", "running"]}
    options = METHODS[method] | {"polarity": "positive"}
    found = vidsal.explain(folder, video, method, rule, **options)
    with heatmaps.open_file(stored / f"{method}.h5") as file:
        wanted = heatmaps.read(file, "clip")
    assert found.saliency.any()
    assert found.saliency.tobytes() == wanted.saliency.tobytes()
    assert found.attrs.keys() == wanted.attrs.keys()
    for name, value in wanted.attrs.items():
        np.testing.assert_array_equal(found.attrs[name], value, err_msg=name)
    path = found.save(tmp_path / "map.h5")
    with h5py.File(path) as mine, h5py.File(stored / f"{method}.h5") as theirs:
        for name in ("saliency", "time", "frame_index"):
            assert mine["clip"][name][()].tobytes() == theirs["clip"][name][()].tobytes()
        told = ("method", "options", "target_rule", "polarity", "schema", "vidsal_version")
        assert [mine.attrs[n] for n in told] == [theirs.attrs[n] for n in told]


def test_what_it_returns(folder, frames, video):
    model = vidsal.load_model(folder)
    threads, own = torch.get_num_threads(), type(model.net)
    found = vidsal.explain(model, video)
    assert (torch.get_num_threads(), type(model.net)) == (threads, own)
    assert found.target in ("running", "walking")
    assert 0.5 <= found.probability <= 1
    assert found.saliency.shape[0] == len(found.time) == len(found.frame_index) == 18
    assert found.coverage.min() >= 1
    np.testing.assert_array_equal(found.frames, frames)
    large = found.on_frames()
    assert large.shape == frames.shape[:3]
    assert large.max() <= found.saliency.max() * 1.0001
    figure = found.plot(frames=8, colormap="jet")
    assert len(figure.axes) == 2
    assert found.target in figure.axes[0].get_title()


def test_files_arrays_and_groups_are_the_same_video(folder, frames, video, stored):
    model = vidsal.load_model(folder)
    by_file = vidsal.explain(model, video, "gradient", target=1)
    by_array = vidsal.explain(model, frames, "gradient", target="walking")
    with h5py.File(stored / "frames.h5") as file:
        by_group = vidsal.explain(model, file["clip"], "gradient", target=1)
        np.testing.assert_array_equal(read_frames(file["clip"]), by_file.frames)
    for other in (by_array, by_group):
        assert other.saliency.tobytes() == by_file.saliency.tobytes()
        np.testing.assert_array_equal(other.transform, by_file.transform)
        assert other.attrs["fps"] == by_file.attrs["fps"]
        np.testing.assert_allclose(other.time, by_file.time)


def test_a_part_of_a_video(folder, video):
    found = vidsal.explain(folder, video, "gradient", start=4, end=14)
    np.testing.assert_array_equal(found.frame_index, np.arange(4, 14))


def test_functions_are_methods_too(folder, frames):
    def brightness(model, clip, target, *, factor=1.0):
        return factor * clip.mean(dim=0)

    found = vidsal.explain(folder, frames, brightness, factor=2.0)
    assert found.root["method"] == "brightness"
    assert found.saliency.shape == (18, 32, 32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": "gradcam"}, "did you mean 'grad_cam'"),
        ({"layr": 1}, "'layr' is unknown; did you mean 'layer'"),
        ({"target": "walkin"}, "did you mean 'walking'"),
        ({"target": 7}, "classes 0 to 1"),
        ({"target": "label"}, "nobody said what this video shows"),
        ({"polarity": "plus"}, "polarity 'plus': unknown"),
        ({"model": "r3d_81"}, "did you mean 'r3d_18'"),
        ({"model": "tsn:imagenet"}, "name its weights, as in tsn:kinetics400"),
        ({"video": np.zeros((3, 4, 5, 3))}, "give frames uint8"),
        ({"video": "gone.mp4"}, "gone.mp4"),
        ({"layer": "gone"}, "no such module"),
    ],
)
def test_mistakes_are_answered(folder, frames, change, said):
    with pytest.raises(InputError, match=said):
        vidsal.explain(**({"model": folder, "video": frames} | change))


def test_importing_vidsal_stays_quick():
    code = "import vidsal, sys; assert 'explain' in dir(vidsal); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
