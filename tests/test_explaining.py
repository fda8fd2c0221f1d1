"""Explaining: geometry of maps, what a part key rests on, shared passes, memory, controls."""

from __future__ import annotations

import copy
import dataclasses
import types
from functools import partial

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from vidsal import config as settings
from vidsal import explaining, heatmaps, mapping, networks, parts
from vidsal.attribution import _pass, _variants
from vidsal.models import Preprocessing, VideoModel


def test_scaling_moves_pixel_centres():
    matrix = mapping.scaling((4, 8), (2, 2))
    # The centre of the picture stays the centre; the outer edges stay the outer edges.
    np.testing.assert_allclose(matrix @ [3.5, 1.5, 1], [0.5, 0.5, 1])
    np.testing.assert_allclose(matrix @ [-0.5, -0.5, 1], [-0.5, -0.5, 1])


def test_seen_is_the_part_under_the_map():
    whole = mapping.seen(mapping.scaling((120, 160), (2, 4)), (2, 4), [120, 160])
    np.testing.assert_allclose(whole, [0, 0, 160, 120])
    # A centre crop of 100 x 100 from 120 x 160, mapped to 10 x 10.
    crop = mapping.scaling((100, 100), (10, 10)) @ np.array([[1, 0, -30], [0, 1, -10], [0, 0, 1]])
    np.testing.assert_allclose(mapping.seen(crop, (10, 10), [120, 160]), [30, 10, 130, 110])


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(3, 4, 3, padding=1)
        self.fc = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((2, 3, 4)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    preprocess = Preprocessing(size=(8, 10), mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))
    return VideoModel("net", Net().eval(), preprocess, ["a", "b"], ("conv",), 4, 2, 8)


@pytest.fixture
def group(tmp_path):
    file = h5py.File(tmp_path / "f.h5", "w")
    made = file.create_group("v")
    frames = np.random.default_rng(0).integers(0, 255, (19, 16, 20, 3), dtype=np.uint8)
    made["frames"] = frames
    made["time"], made["frame_index"] = np.arange(19) / 25, np.arange(19)
    made.attrs.update(
        {
            "transform": np.eye(3),
            "source_size": [16, 20],
            "canvas_size": [16, 20],
            "source_sha256": "x",
            "fps": "25/1",
            "part_key": "k",
        }
    )
    yield made
    file.close()


def bound(name, **options):
    from functools import partial

    from vidsal import registry

    defaults = {k: o.default for k, o in registry.entry("attribution", name).options.items()}
    return partial(registry.load("attribution", name), **(defaults | options))


FAMILY = ("gradient", "input_x_gradient", "grad_cam", "grad_cam_per_frame")


def test_the_family_costs_one_pass_per_clip_and_gives_the_same_maps(model, group):
    before = dataclasses.replace(_pass.PASSES)
    together = explaining.explain_video(model, group, 1, {n: bound(n) for n in FAMILY})
    # 19 frames in clips of 4 x 2: three clips.
    assert _pass.PASSES.forward - before.forward == 3
    assert _pass.PASSES.backward - before.backward == 3
    for name in FAMILY:
        alone = explaining.explain_video(model, group, 1, {name: bound(name)})[name]
        np.testing.assert_array_equal(together[name][0][0], alone[0][0])
        assert together[name][1] == alone[1]
        assert (alone[1]["passes_forward"], alone[1]["passes_backward"]) == (3, 3)


def test_a_method_that_fails_leaves_the_others_alone(model, group):
    def broken(model, clip, target):
        raise ZeroDivisionError("no")

    broken.keywords = {}
    found = explaining.explain_video(model, group, 0, {"x": broken, "gradient": bound("gradient")})
    assert isinstance(found["x"], ZeroDivisionError)
    assert found["gradient"][0][0].shape == (19, 8, 10)


def test_a_layer_may_be_named_by_its_number(model, group):
    model = dataclasses.replace(model, cam_layers=("relu_missing", "conv"))
    found = explaining.explain_video(
        model, group, 0, {"fine": bound("grad_cam", layer=1), "gone": bound("grad_cam", layer=5)}
    )
    assert found["fine"][0][0].shape == (19, 8, 10)
    assert "0 to 1" in str(found["gone"])


def test_out_of_memory_is_tried_again_at_half_the_batch(model, group):
    seen = []

    def hungry(model, clip, target):
        seen.append(_variants._SIZES[-1])
        if seen[-1] > 2:
            raise torch.OutOfMemoryError("too much")
        return clip.mean(dim=0)

    hungry.keywords = {}
    asked = partial(explaining._explain_in_batches, model, group, 0, {"hungry": hungry})
    found = networks.within_memory(8, asked)
    assert found["hungry"][0][0].shape == (19, 8, 10)
    # The video is begun again, and all its clips are done at the size that was enough.
    assert seen[:2] == [8, 4]
    assert set(seen[2:]) == {2}
    with pytest.raises(torch.OutOfMemoryError):
        networks.within_memory(4, too_much)


def too_much(size):
    raise torch.OutOfMemoryError(f"too much at {size}")


# The part key: every field in turn.


@pytest.fixture
def shard(root, tmp_path, group):
    config = copy.deepcopy(yaml.safe_load((root / "config.yaml").read_text()))
    config["explain"]["every"] = 1
    prediction = {
        "video": "v",
        "label": "a",
        "predicted_index": 1,
        "categories": ["a", "b"],
        "logits": [0.1, 0.2],
    }
    pd.DataFrame([prediction]).to_parquet(tmp_path / "p.parquet")
    (tmp_path / "w.pt").write_bytes(b"weights")
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        heatmaps.copy_group(group, file.create_group("v"))
        file.attrs["complete"] = 1
    files = types.SimpleNamespace(
        frames=tmp_path / "frames.h5",
        predictions=tmp_path / "p.parquet",
        weights=tmp_path / "w.pt",
    )
    return lambda change=lambda c: None, files=files: _shard(config, change, files)


def _shard(config, change, files):
    config = copy.deepcopy(config)
    change(config)
    return explaining.Shard(config, "synthetic", "r3d_18", "test-000of001", files)


def key_of(shard, method="grad_cam"):
    own = settings.choice(shard.config, "attribution", method)
    return parts.key(stage="explain", **shard.fields(shard.rows[0], own))


CHANGES = {
    "option": lambda c: c["attribution"].update(grad_cam={"relu": False}),
    "model option": lambda c: c["models"]["r3d_18"].update(stride=2),
    "target rule": lambda c: c["explain"].update(target="label"),
    "threads": lambda c: c["numerics"].update(torch_threads=2),
    "batch": lambda c: c["numerics"].update(batch_size=4),
    "seed": lambda c: c.update(seed=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_part_key_changes_with_the_config(shard, change):
    assert key_of(shard(CHANGES[change])) != key_of(shard())


def test_part_key_changes_with_weights_frames_versions_and_code(shard, tmp_path, monkeypatch):
    keys = [key_of(shard())]
    (tmp_path / "w.pt").write_bytes(b"others")
    keys.append(key_of(shard()))
    with h5py.File(tmp_path / "frames.h5", "a") as file:
        file["v"].attrs["part_key"] = "other frames"
    keys.append(key_of(shard()))
    monkeypatch.setattr(networks, "version", lambda name: "99.0")
    keys.append(key_of(shard()))
    monkeypatch.setattr("vidsal.jobs.device_kind", lambda device: "cuda H200")
    keys.append(key_of(shard()))
    monkeypatch.setattr(explaining.registry, "fingerprint", lambda *paths: "other code")
    keys.append(key_of(shard()))
    assert len(set(keys)) == len(keys)
    assert key_of(shard(), "gradient") not in keys


def test_part_key_does_not_change_with_what_matters_to_others(shard):
    def other(config):
        config["show"]["videos"] = 1
        config["attribution"]["occlusion"] = {"window": [2, 2, 2]}
        config["sharding"]["videos_per_job"] = 3

    assert key_of(shard(other)) == key_of(shard())


def test_a_label_that_the_model_does_not_know_is_a_sentence(shard):
    made = shard(lambda c: c["explain"].update(target="label"))
    made.rows[0]["label"] = "jumping"
    with pytest.raises(explaining.InputError, match="'jumping' is none of the model's"):
        made.target(made.rows[0])
