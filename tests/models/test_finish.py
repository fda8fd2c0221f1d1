"""Backbones that begin with an image network's weights: all of it arrives, or is named."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import get_model

from tests.models import parity
from vidsal import registry
from vidsal.errors import InputError

# Model -> (backbone, path of the image network in it, options).
BACKBONES = {
    "cnn_lstm": ("resnet18", "resnet", {}),
    "cnn_lstm_attention": ("resnet18", "resnet", {}),
    "tsn": ("resnet18", "backbone", {}),
    "tsm": ("resnet18", "", {"backbone": "resnet18"}),
}
INFLATED = ("slow_only", "i3d_resnet50")
SMALL = {"size": [32, 32], "length": 4}


def built(name, seed=1, **options):
    torch.manual_seed(seed)
    return registry.load("models", name)(3, **SMALL, **options).net


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Backbone -> (state of an image network of 1000 classes, its file)."""
    made, folder = {}, tmp_path_factory.mktemp("image")
    for name in ("resnet18", "resnet50"):
        torch.manual_seed(5)
        state = get_model(name, num_classes=1000).state_dict()
        (folder / name).mkdir()
        made[name] = state, parity.saved(folder / name, state)
    return made


def test_every_model_with_the_option_is_looked_at():
    entries = [registry.entry("models", name) for name in registry.names("models")]
    having = {entry.name for entry in entries if "backbone_weights" in entry.options}
    assert having == {*BACKBONES, *INFLATED}
    for entry in entries:
        assert ("BACKBONE_WEIGHTS" in entry.constants) == (entry.name in having)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_backbone_arrives_and_nothing_else_changes(name, image):
    backbone, place, options = BACKBONES[name]
    state, path = image[backbone]
    plain, net = built(name, **options), built(name, **options, backbone_weights=path)
    found = net.get_submodule(place).state_dict()
    body = {key for key in state if not key.startswith("fc.")}
    assert all(torch.equal(found[key], state[key]) for key in body)
    inside = {f"{place}.{key}".lstrip(".") for key in body}
    for key, value in plain.state_dict().items():
        assert key in inside or torch.equal(value, net.state_dict()[key]), key


@pytest.mark.parametrize("name", INFLATED)
def test_kernels_are_spread_over_time(name, image):
    state, path = image["resnet50"]
    net = built(name, backbone_weights=path)
    own = net.state_dict()
    for mine, its in (
        ("conv1.conv.weight", "conv1.weight"),
        ("layer3.0.conv1.conv.weight", "layer3.0.conv1.weight"),
        ("layer2.0.downsample.conv.weight", "layer2.0.downsample.0.weight"),
    ):
        torch.testing.assert_close(own[mine].sum(dim=2), state[its], rtol=1e-5, atol=1e-6)
        assert torch.equal(own[mine][:, :, 0], own[mine][:, :, -1])
    assert torch.equal(own["layer2.0.downsample.bn.weight"], state["layer2.0.downsample.1.weight"])
    assert torch.equal(own["fc.weight"], built(name).fc.weight)


def test_still_clips_give_what_the_picture_gives(image):
    """The stem of I3D sees five frames: the same frame five times is that frame."""
    state, path = image["resnet50"]
    net = built("i3d_resnet50", backbone_weights=path).eval()
    picture = get_model("resnet50", num_classes=1000).eval()
    picture.load_state_dict(state)
    frame = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = net.conv1(frame[:, :, None].expand(-1, -1, 9, -1, -1))
        expected = picture.bn1(picture.conv1(frame))
    torch.testing.assert_close(found[:, :, 2], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [*BACKBONES, *INFLATED])
def test_what_does_not_fit_is_named(name, image, tmp_path):
    backbone, _, options = BACKBONES.get(name, ("resnet50", "", {}))
    state = dict(image[backbone][0])
    del state["layer1.0.bn1.bias"]
    state["more.weight"] = torch.zeros(3)
    state["layer1.0.conv1.weight"] = torch.zeros(2, 2, 2, 2)
    path = parity.saved(tmp_path, state)
    with pytest.raises(InputError) as error:
        built(name, **options, backbone_weights=path)
    text = str(error.value)
    for phrase in ("1 missing: layer1.0.", "1 unexpected: more.weight", "1 of another shape: lay"):
        assert phrase in text
    other = image["resnet18" if backbone == "resnet50" else "resnet50"][1]
    with pytest.raises(InputError, match="they do not fit the network"):
        built(name, **options, backbone_weights=other)


def test_weights_of_the_whole_leave_no_place_for_a_backbone(image):
    path = image["resnet18"][1]
    with pytest.raises(InputError, match="hold a backbone already; leave one of the two out"):
        built("tsn", weights=path, backbone_weights=path)


def test_a_video_checkpoint_is_never_inflated_unasked(image):
    with pytest.raises(InputError, match=r"of another shape|another network"):
        built("slow_only", weights=image["resnet50"][1], new_head=True)
