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
from vidsal import explained, explaining, heatmaps, mapping, networks, parts, targets
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
    together = explained.explain_video(model, group, 1, {n: bound(n) for n in FAMILY})
    # 19 frames in clips of 4 x 2: three clips.
    assert _pass.PASSES.forward - before.forward == 3
    assert _pass.PASSES.backward - before.backward == 3
    for name in FAMILY:
        alone = explained.explain_video(model, group, 1, {name: bound(name)})[name]
        np.testing.assert_array_equal(together[name][0][0], alone[0][0])
        assert together[name][1] == alone[1]
        assert (alone[1]["passes_forward"], alone[1]["passes_backward"]) == (3, 3)


def test_a_method_that_fails_leaves_the_others_alone(model, group):
    def broken(model, clip, target):
        raise ZeroDivisionError("no")

    broken.keywords = {}
    found = explained.explain_video(model, group, 0, {"x": broken, "gradient": bound("gradient")})
    assert isinstance(found["x"], ZeroDivisionError)
    assert found["gradient"][0][0].shape == (19, 8, 10)


def test_a_layer_may_be_named_by_its_number(model, group):
    model = dataclasses.replace(model, cam_layers=("relu_missing", "conv"))
    found = explained.explain_video(
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
    target = targets.Target(0, None, "a")
    asked = partial(explained._in_batches, model, group, {"hungry": hungry}, target, 2)
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
    "class": lambda c: c["explain"].update(target={"class": "b"}),
    "contrast": lambda c: c["explain"].update(target={"contrast": ["predicted", "label"]}),
    "polarity": lambda c: c["explain"].update(polarity="positive"),
    "threads": lambda c: c["numerics"].update(torch_threads=2),
    "batch": lambda c: c["numerics"].update(batch_size=4),
    "precision": lambda c: c["numerics"].update(precision="bf16"),
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


def test_a_class_that_no_network_has_ends_the_job_at_once(shard):
    with pytest.raises(explaining.InputError, match="for r3d_18: class 'c': it has no such class"):
        shard(lambda c: c["explain"].update(target={"class": "c"}))


def test_a_contrast_is_explained_and_recorded(model, group):
    model = dataclasses.replace(model, categories=["a", "b"])
    target = targets.resolve(
        {"contrast": ["predicted", "label"]}, predicted=1, label="a", categories="ab", count=2
    )
    methods = {"m": bound("input_x_gradient", absolute=False), "tubes": bound("saliency_tubes")}
    found = explained.of_video(model, group, methods, target, [0.5, 2.0])
    first, second = (
        explained.explain_video(model, group, number, methods)["m"][0][0] for number in (1, 0)
    )
    np.testing.assert_allclose(found["m"].saliency, first - second, rtol=1e-4, atol=1e-6)
    attrs = found["m"].attrs
    assert (attrs["target"], attrs["target_against"], attrs["target_label"]) == (1, 0, "b - a")
    assert attrs["logit"] == 1.5
    assert "by a contrast of two classes" in str(found["tubes"])


def test_polarity_is_applied_to_the_map_on_the_clock(model, group):
    target, logits = targets.Target(1, None, "b"), [0.0, 0.0]
    methods = {"m": bound("input_x_gradient", absolute=False)}
    made = {
        polarity: explained.of_video(model, group, methods, target, logits, polarity=polarity)["m"]
        for polarity in targets.POLARITIES
    }
    whole = made["both"].saliency
    assert whole.min() < 0 < whole.max()
    np.testing.assert_array_equal(made["positive"].saliency, whole.clip(min=0))
    np.testing.assert_array_equal(made["negative"].saliency, -whole.clip(max=0))
    np.testing.assert_array_equal(made["absolute"].saliency, abs(whole))
    assert not np.signbit(made["negative"].saliency).any()
    assert [one.attrs["polarity"] for one in made.values()] == list(targets.POLARITIES)


def test_a_map_in_bfloat16_is_near_and_says_how_near(shard, model, monkeypatch):
    made = {}
    for kind in ("fp32", "bf16"):
        whole = shard(lambda c, kind=kind: c["numerics"].update(precision=kind))
        whole.rows.append(whole.rows[0] | {"video": "w"})
        monkeypatch.setattr(whole, "_loaded", model)
        method = settings.choice(whole.config, "attribution", "input_x_gradient")
        made[kind] = explaining._explained(whole, [method], whole.rows[0])[method.name]
        assert [whole.measured(row) for row in whole.rows] == [kind == "bf16", False]
    full, half = made["fp32"].saliency, made["bf16"].saliency
    assert not np.array_equal(full, half)
    assert np.corrcoef(full.ravel(), half.ravel())[0, 1] > 0.9
    assert 0.9 < made["bf16"].attrs["bf16_fidelity_gradient"] <= 1
    assert made["bf16"].attrs["bf16_fidelity_logits"] == pytest.approx(1)
    assert "bf16_fidelity_gradient" not in made["fp32"].attrs


def test_only_explaining_looks_at_the_precision(shard):
    config = shard().config
    before = networks.numerics_fields(config), networks.numerics_fields(config, explaining=True)
    bare = copy.deepcopy(config)
    del bare["numerics"]["precision"]
    assert networks.numerics_fields(bare, explaining=True) == before[1] == before[0]
    assert settings.section(bare, "precision") == settings.section(config, "precision") == "fp32"
    config["numerics"]["precision"] = "bf16"
    assert networks.numerics_fields(config) == before[0]
    assert "bfloat16" in networks.numerics_fields(config, explaining=True)["dtype"]
    assert settings.section(config, "numerics") == settings.section(bare, "numerics")
    assert settings.section(config, "precision") == "bf16"
