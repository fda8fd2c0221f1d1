"""Weights that have a name: fetched for classifying and for fine-tuning; a folder at the end."""

from __future__ import annotations

import hashlib
import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

import vidsal
from tests.workflow.project import SMALL, make_project
from vidsal import registry
from vidsal.classifying import classify
from vidsal.heatmaps import open_file

CONFIG = SMALL | {
    "rooms": "my_rooms",
    "run": SMALL["run"]
    | {"models": ["given", "tuned"], "methods": ["gradient"], "gaze": [], "controls": []},
    "models": {
        "given": {"method": "tiny_net", "weights": "three"},
        "tuned": {"method": "tiny_net", "weights": "three", "new_head": True},
    },
    "attribution": {},
}
PREDICTIONS = [
    f"results/synthetic/predictions/{model}/test-000of002.parquet" for model in ("given", "tuned")
]
HEATMAPS = [path.replace("predictions", "heatmaps") for path in PREDICTIONS]
HEATMAPS = [path.replace("/test", "/gradient/test").replace(".parquet", ".h5") for path in HEATMAPS]


@pytest.fixture
def project(root, tmp_path, server):
    """The example's network with weights of three classes at an address on loopback."""
    made = make_project(root, tmp_path / "project", CONFIG)
    rooms = made.folder / "my_rooms"
    shutil.copytree(root / "examples" / "my_rooms", rooms)
    torch.manual_seed(5)
    net = registry.load("models", "tiny_net", str(rooms))(3, channels=4).net
    torch.save({"state_dict": net.state_dict()}, tmp_path / "three.pth")
    body = (tmp_path / "three.pth").read_bytes()
    server.add("/three.pth", body)
    digest = hashlib.sha256(body).hexdigest()
    about = {"url": server.url("/three.pth"), "sha256": digest[:8], "licence": "CC0"}
    about |= {"num_classes": 3, "categories": ["a", "b", "c"]}
    about |= {"channels": 4, "size": [24, 32], "length": 4}
    with (rooms / "models" / "tiny_net.py").open("a") as file:
        file.write(f"\n\nWEIGHTS = {{'three': {about!r}}}\n")
    return made, digest


def test_from_the_name_to_the_folder(project, server):
    made, digest = project
    planned = made.planned(*PREDICTIONS)
    assert (planned["fetch_weights"], planned["train"], planned["classify"]) == (2, 1, 2)
    assert server.asked == [], "a dry run downloads nothing"

    made.change_config({"offline": True})
    text = made.run(*PREDICTIONS, check=False)
    assert f"data/weights/tiny_net/three.pth: from {server.url('/three.pth')}" in text
    assert "Traceback" not in text
    made.change_config({"offline": False})

    made.run(*PREDICTIONS, *HEATMAPS)
    assert len(server.asked) == 1, "once for both"
    assert made.planned(*PREDICTIONS, *HEATMAPS) == {}
    results = made.folder / "results" / "synthetic"
    given, tuned = (pd.read_parquet(made.folder / path) for path in PREDICTIONS)
    assert list(given["categories"][0]) == ["a", "b", "c"]
    assert list(tuned["categories"][0]) == ["running", "walking"]
    best = hashlib.sha256((results / "models" / "tuned" / "best.pt").read_bytes()).hexdigest()
    for path, wanted in zip(HEATMAPS, (digest, best), strict=True):
        with h5py.File(made.folder / path) as file:
            assert file.attrs["weights_sha256"] == wanted

    # The folder that `train` leaves says the same as the workflow did.
    folder = results / "models" / "tuned"
    card = json.loads((folder / "model.json").read_text())
    assert card["provenance"]["began_with"]["sha256"] == digest
    assert card["provenance"]["dataset"] == "synthetic"
    assert card["config"]["size"] == [24, 32]
    model = vidsal.load_model(folder)
    torch.set_num_threads(1)
    with open_file(results / "frames" / "test-000of002.h5") as frames:
        for row in tuned.to_dict("records"):
            found = classify(model, frames[row["video"]])
            np.testing.assert_array_equal(found["logits"], np.stack(row["clip_logits"]))
            assert model.categories[found["predicted"]] == row["predicted"]
    assert np.abs(found["logits"]).max() > 1e-3, "a network that says something"

    # Other weights under the same name: everything that rests on them is made anew.
    source = made.folder / "my_rooms" / "models" / "tiny_net.py"
    source.write_text(source.read_text().replace("'channels': 4", "'channels': 5"))
    planned = made.planned(*PREDICTIONS, *HEATMAPS)
    assert planned["train"] == 1
    assert planned["classify"] == planned["explain"] == 2


def test_weights_of_a_backbone_are_fetched_and_trained_from(root, tmp_path):
    change = {
        "models": {"cnn_lstm": SMALL["models"]["cnn_lstm"] | {"backbone_weights": "imagenet"}}
    }
    made = make_project(root, tmp_path, SMALL | change)
    target = "results/synthetic/predictions/cnn_lstm/test-000of002.parquet"
    planned = made.planned(target)
    assert (planned["fetch_weights"], planned["train"], planned["classify"]) == (1, 1, 1)
    made.change_config({"models": {"cnn_lstm": {"backbone": "resnet101", "sampling": "segments"}}})
    assert made.planned(target)["fetch_weights"] == 1
    made.change_config({"models": {"cnn_lstm": {"weights": "a.pth"}}})
    text = made.run("-n", target, check=False)
    assert "weights hold the backbone too" in text
    assert "Traceback" not in text
    made.change_config({"models": {"cnn_lstm": {"weights": None}}, "train": {"sampling": "dense"}})
    assert "tested and explained on segments clips" in made.run("-n", target, check=False)
