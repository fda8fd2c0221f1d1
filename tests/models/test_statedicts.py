"""Every published classifier layout loads strictly into the model file that claims it.

`tests/fixtures/statedicts` holds name -> shape of published checkpoints. A checkpoint of such names
and shapes is made, each tensor filled with a number of its own, and must arrive whole.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from vidsal import registry
from vidsal.errors import InputError
from vidsal.models import _checkpoint

FOLDER = Path(__file__).parents[1] / "fixtures" / "statedicts"
# Fixture -> (model file, its options, what the layout is called there).
CLAIMS = {
    "torchvision_r3d_18": ("r3d_18", {}, "vidsal"),
    "torchvision_mc3_18": ("mc3_18", {}, "vidsal"),
    "torchvision_r2plus1d_18": ("r2plus1d_18", {}, "vidsal"),
    "kth_cnn_lstm_fc_resnet18": ("cnn_lstm", {"layers": 3}, "kth"),
    "kth_cnnlstm_resnet101_pranoyr": (
        "cnn_lstm",
        {"backbone": "resnet101", "layers": 3},
        "pranoyr",
    ),
    "kth_cnn_lstm_attention": (
        "cnn_lstm_attention",
        {"backbone": "resnet101", "layers": 3},
        "kth",
    ),
    "i3d_rgb_k400_hassony2": ("i3d", {}, "vidsal"),
    "i3d_flow_k400_hassony2": ("i3d", {"modality": "flow"}, "vidsal"),
    "mfnet3d_k400": ("mfnet_3d", {}, "vidsal"),
    "mfnet3d_ucf101": ("mfnet_3d", {}, "vidsal"),
    "tsm_mithan_resnet50_k400_8seg": ("tsm", {}, "mit-han-lab"),
    "tsm_epic_hub_resnet50_k400": ("tsm", {}, "mit-han-lab"),
    "tsm_epic_resnet50_multitask_8seg": ("tsm", {"head": "verb"}, "epic verb"),
    "mmaction2_tsm_r50_thesis3": ("tsm", {}, "mmaction2"),
    "mmaction2_i3d_r50": ("i3d_resnet50", {}, "mmaction2"),
    "mmaction2_slowonly_r50": ("slow_only", {}, "mmaction2"),
    "mmaction2_r2plus1d_r34": ("r2plus1d_34", {}, "mmaction2"),
}
WRAPPERS = {
    "bare": lambda weights: weights,
    "parallel": lambda weights: {"state_dict": {f"module.{k}": v for k, v in weights.items()}},
}


def made(name: str) -> dict[str, torch.Tensor]:
    """Return tensors of the published shapes, the n-th full of n; one number is stored of each."""
    shapes = json.loads((FOLDER / f"{name}.json").read_text())["shapes"]
    return {
        key: torch.tensor(number if key.endswith("num_batches_tracked") else float(number)).expand(
            shape
        )
        for number, (key, shape) in enumerate(shapes.items(), 1)
    }


def classes(weights: dict[str, torch.Tensor], model: str) -> int:
    """Return the number of classes, from the checkpoint's last layer."""
    entry = registry.entry("models", model)
    head = entry.constants.get("HEAD", ("fc.weight", "fc.bias"))
    for rules in [[], *entry.constants.get("LAYOUTS", {}).values()]:
        for key, value in weights.items():
            if _checkpoint.renamed(key, rules) == head[-1]:
                return len(value)
    raise KeyError(f"{model}: no layout leads to {head[-1]}")


def test_every_published_layout_is_claimed():
    assert {path.stem for path in FOLDER.glob("*.json")} == CLAIMS.keys()


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("name", CLAIMS)
def test_it_loads_strictly_and_whole(name, wrapper, tmp_path, caplog):
    model, options, layout = CLAIMS[name]
    weights = made(name)
    torch.save(WRAPPERS[wrapper](weights), tmp_path / "w.pth")
    count = classes(weights, model)
    with caplog.at_level("INFO"):
        found = registry.load("models", model)(count, weights=str(tmp_path / "w.pth"), **options)
    assert f"layout {layout}, " in caplog.text
    constants, own = registry.entry("models", model).constants, found.net.state_dict()
    rules = constants.get("LAYOUTS", {}).get(layout, [])
    kept = {k: v for k, v in weights.items() if _checkpoint.renamed(k, rules) in own}
    for key in weights.keys() - kept.keys():
        assert any(re.search(one, key) for one in constants.get("IGNORED", [])), key
    arrived = own.values()
    assert all((tensor == tensor.flatten()[0]).all() for tensor in arrived)
    numbers = sorted(float(tensor.flatten()[0]) for tensor in arrived)
    assert numbers == sorted(float(tensor.flatten()[0]) for tensor in kept.values())


@pytest.mark.parametrize("name", CLAIMS)
def test_another_number_of_classes_needs_a_new_head(name, tmp_path):
    model, options, _ = CLAIMS[name]
    weights = made(name)
    torch.save(weights, tmp_path / "w.pth")
    build = registry.load("models", model)
    with pytest.raises(InputError, match=r"of another shape.*new_head: true"):
        build(classes(weights, model) + 1, weights=str(tmp_path / "w.pth"), **options)
    found = build(
        classes(weights, model) + 1, weights=str(tmp_path / "w.pth"), new_head=True, **options
    )
    head = registry.entry("models", model).constants.get("HEAD", ("fc.weight", "fc.bias"))
    for key, tensor in found.net.state_dict().items():
        # The checkpoint's numbers count from 1; random weights are smaller.
        assert (tensor.abs() < 1).all() == (key in head), key


@pytest.mark.parametrize("name", registry.names("models"))
def test_what_a_model_file_says_of_checkpoints(name):
    """Heads are keys of the network, rules compile, no rule wipes a key out."""
    constants = registry.entry("models", name).constants
    state = registry.load("models", name)(3).net.state_dict()
    assert set(constants.get("HEAD", ("fc.weight", "fc.bias"))) <= state.keys()
    for rules in constants.get("LAYOUTS", {}).values():
        for key in state:
            assert _checkpoint.renamed(key, rules)
    for pattern in constants.get("IGNORED", []):
        assert not any(re.search(pattern, key) for key in state), pattern
