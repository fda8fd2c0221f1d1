"""The example of a user's own network: found, built, loaded, classified and explained."""

from __future__ import annotations

import re
from functools import partial

import h5py
import numpy as np
import pytest
import torch
import yaml

from tests.workflow.project import make_project, merged
from vidsal import config as settings
from vidsal import explained, networks, registry
from vidsal.classifying import classify

ROOMS = "examples/my_rooms"


@pytest.fixture
def config(root, monkeypatch):
    """The demo's config with the example's over it, as Snakemake merges them."""
    monkeypatch.chdir(root)
    files = [root / "config.yaml", root / ROOMS / "config.yaml"]
    return merged(*(yaml.safe_load(file.read_text()) for file in files))


@pytest.fixture
def group(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        made = file.create_group("v")
        made["frames"] = np.random.default_rng(0).integers(0, 255, (40, 60, 80, 3), dtype=np.uint8)
        made["time"], made["frame_index"] = np.arange(40) / 25, np.arange(40)
        yield made


def test_the_config_is_sound(config, root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    settings.check(config, schema)


def test_a_dry_run_plans_it_all(root, tmp_path):
    config = yaml.safe_load((root / ROOMS / "config.yaml").read_text())
    planned = make_project(root, tmp_path, config).planned()
    assert planned["train"] == 1
    assert planned["explain"] >= 2


def test_it_classifies_and_explains(config, group):
    model = networks.new(config, "tiny_net", ["walk", "run"], seed=0)
    found = classify(model, group)
    assert found["logits"].shape == (2, 2)
    methods = {
        name: partial(registry.load("attribution", name), **options)
        for name, options in (("gradient", {}), ("grad_cam", {"layer": 1}))
    }
    maps = explained.explain_video(model, group, found["predicted"], methods)
    for name, ((saliency, coverage), notes) in maps.items():
        assert saliency.shape[0] == 40, name
        assert np.isfinite(saliency).all()
        assert saliency.max() > 0
        assert coverage.min() >= 1
        assert notes["passes_forward"] >= 1


def test_it_keeps_the_promises_of_the_room(config, tmp_path):
    model = networks.new(config, "tiny_net", ["a", "b", "c"], seed=0)
    modules = dict(model.net.named_modules())
    assert all(layer in modules for layer in model.cam_layers)
    options = registry.entry("models", "tiny_net", ROOMS).options
    assert {"size", "mode", "length", "stride", "hop", "weights", "new_head"} <= set(options)
    renamed = {
        re.sub("^head", "fc", re.sub("^body", "features", key)): value
        for key, value in model.net.state_dict().items()
    }
    torch.save({"state_dict": renamed}, tmp_path / "w.pt")
    build = registry.load("models", "tiny_net", ROOMS)
    again = build(3, channels=8, weights=str(tmp_path / "w.pt"))
    for key, value in model.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[key])
    assert build(5, channels=8, weights=str(tmp_path / "w.pt"), new_head=True)


def test_the_readme_shows_it(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert f"--configfile {ROOMS}/config.yaml" in text
