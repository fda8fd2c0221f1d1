"""Layers are named in several ways; a wrong name meets the right ones."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vidsal.attribution import _layer
from vidsal.attribution._layer import layers_with_maps, pick_layer
from vidsal.attribution._pass import PASSES, capture
from vidsal.errors import InputError
from vidsal.models.r3d_18 import r3d_18


@pytest.fixture(scope="module")
def r3d():
    built = r3d_18(3, size=[32, 32], length=4)
    built.net.eval()
    return built


@pytest.mark.parametrize(
    "written", ["layer4.1.relu", "layer4/1/relu", "net/layer4/1/relu", "net.layer4.1.relu"]
)
def test_dots_slashes_and_the_network_itself(r3d, written):
    assert pick_layer(r3d, written) == "layer4.1.relu"


def test_numbers_are_the_models_own(r3d):
    assert [pick_layer(r3d, number) for number in (None, 0, 1)] == ["layer4", "layer4", "layer3"]
    with pytest.raises(InputError, match="0 to 3"):
        pick_layer(r3d, 4)


def test_a_network_may_have_a_part_called_net(r3d):
    wrapped = dataclasses.replace(r3d, net=torch.nn.ModuleDict({"net": r3d.net}))
    assert pick_layer(wrapped, "net/layer4") == "net.layer4"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("layer4/7/relu", "layer4.1.relu"), ("layer44", "layer4"), ("Layer3", "layer3")],
)
def test_a_wrong_path_meets_near_ones_and_those_with_maps(r3d, written, meant):
    with pytest.raises(InputError) as refused:
        pick_layer(r3d, written)
    assert f"layer {written!r} in the options of a method: r3d_18 has no such module" in str(
        refused.value
    )
    near, maps = str(refused.value).split("layers with feature maps: ")
    assert meant in near
    assert maps.startswith(meant)
    assert all(layer in maps for layer in r3d.cam_layers)
    assert "fc" not in maps.split(" and ")[0].split(", ")


def test_layers_that_are_listed_have_maps_and_the_others_have_none(model, clip):
    listed = layers_with_maps(model)
    assert set(model.cam_layers) <= set(listed)
    paths = [name for name, module in model.net.named_modules() if name and module is not model.net]
    for path in paths[:: max(len(paths) // 6, 1)]:
        try:
            capture(model, clip, 0, [path])
            has_map = True
        except InputError as error:
            has_map = "does not depend" in str(error)
        assert (path in listed) == has_map, path


def test_the_network_is_asked_once(r3d):
    _layer._KNOWN.pop(r3d.net, None)
    runs = []
    hook = r3d.net.register_forward_hook(lambda *of: runs.append(of))
    try:
        for _ in range(2):
            with pytest.raises(InputError, match="no such module"):
                pick_layer(r3d, "wrong")
    finally:
        hook.remove()
    assert len(runs) == 1


def test_a_right_path_costs_nothing(r3d):
    before = PASSES.forward
    pick_layer(r3d, "layer1/0")
    assert PASSES.forward == before


def test_a_model_without_layers_lists_candidates(c3d):
    bare = dataclasses.replace(c3d.model, cam_layers=())
    with pytest.raises(InputError, match=r"set `layer` to the path of one: .*relu2"):
        pick_layer(bare, None)
