"""TSN averages frames, and the real SqueezeNet sees a basketball game."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from tests.models import parity
from vidsal.errors import InputError
from vidsal.models.tsn import read_categories, tsn

SMALL = {"size": [32, 32], "length": 4}


@pytest.fixture
def clips():
    return torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))


def frame_logits(model, clips):
    return torch.stack([model.net.backbone(clips[:, :, t]) for t in range(4)], dim=1)


@pytest.mark.parametrize("average", ["logits", "probabilities"])
def test_average(clips, average):
    model = tsn(3, average=average, **SMALL)
    model.net.eval()
    with torch.inference_mode():
        logits = frame_logits(model, clips)
        found = model.net(clips)
        if average == "logits":
            torch.testing.assert_close(found, logits.mean(1), rtol=1e-4, atol=1e-5)
        else:
            expected = logits.softmax(-1).mean(1)
            torch.testing.assert_close(found.softmax(-1), expected, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.exp(), expected, rtol=1e-4, atol=1e-5)


def test_order_does_not_matter(clips):
    model = tsn(3, **SMALL)
    model.net.eval()
    with torch.inference_mode():
        torch.testing.assert_close(model.net(clips), model.net(clips.flip(2)))


@pytest.mark.parametrize(
    ("backbone", "layer"),
    [("squeezenet1_1", "features"), ("shufflenet_v2_x0_5", "conv5"), ("mnasnet0_5", "layers")],
)
def test_other_backbones(clips, backbone, layer):
    model = tsn(3, backbone=backbone, **SMALL)
    assert model.cam_layers == (f"backbone.{layer}",)
    assert model.net.eval()(clips).shape == (2, 3)


def test_bare_image_weights_fit(tmp_path):
    made = tsn(3, **SMALL).net.backbone.state_dict()
    torch.save(made, tmp_path / "image.pth")
    loaded = tsn(3, weights=str(tmp_path / "image.pth"), **SMALL).net.backbone.state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in made.items())


@pytest.mark.parametrize(
    "option", [{"backbone": "resnet19"}, {"backbone": "googlenet"}, {"average": "votes"}]
)
def test_unknown_choices_are_refused(option):
    with pytest.raises(InputError, match=next(iter(option.values()))):
        tsn(3, **option)


def test_categories(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps({"1": ["n2", "b"], "0": ["n1", "a"]}))
    assert read_categories(str(path), 2) == ["a", "b"]
    path.write_text(json.dumps(["a", "b"]))
    assert read_categories(str(path), 2) == ["a", "b"]
    with pytest.raises(InputError, match="names 2 classes, the model has 3"):
        read_categories(str(path), 3)
    path.write_text("{")
    with pytest.raises(InputError, match="not readable as class names"):
        read_categories(str(path), 3)


@pytest.fixture(scope="module", params=["area", "bilinear"])
def squeezenet(shared, request):
    """The real SqueezeNet 1.0 in Caffe's conventions, with either way of resizing."""
    data = shared / "data"
    weights = data / "weights" / "squeezenet1_0_deepcompression"
    model = tsn(
        1000,
        backbone="squeezenet1_0",
        average="probabilities",
        size=[227, 227],
        channels="bgr",
        scale=1.0,
        mean=[104.0, 117.0, 123.0],
        std=[1.0, 1.0, 1.0],
        resize=request.param,
        length=16,
        stride=3,
        weights=str(weights / "squeezenet1_0_torchvision_fp32.pth"),
        categories=str(data / "labels" / "imagenet_class_index.json"),
    )
    model.net.eval()
    return model


@pytest.fixture(scope="module")
def basketball(shared):
    """The 60 frames of BasketballPass."""
    folder = shared / "data" / "gaze" / "BasketballPass" / "frames"
    return np.stack([cv2.imread(str(p))[:, :, ::-1] for p in sorted(folder.glob("f*.png"))])


# The reference is 0.84: 16 frames from the first to the last, reduced by area. Other frames and
# softer pictures are easier, and the last frame (0.2 by itself) is the hardest.
SPREAD, FROM_13 = np.linspace(0, 59, 16).round().astype(int), np.arange(12, 60, 3)
EXPECTED = {
    "area": {"spread": 0.844, "from 13": 0.907},
    "bilinear": {"spread": 0.873, "from 13": 0.933},
}


@pytest.mark.parametrize(("name", "numbers"), [("spread", SPREAD), ("from 13", FROM_13)])
def test_squeezenet_sees_basketball(squeezenet, basketball, name, numbers):
    expected = EXPECTED[squeezenet.preprocess.resize][name]
    with torch.inference_mode():
        clip = squeezenet.preprocess(basketball[numbers])
        found = squeezenet.net(clip[None]).softmax(-1)[0]
    assert squeezenet.categories[int(found.argmax())] == "basketball"
    assert found.max().item() == pytest.approx(expected, abs=0.005)


def test_weights_of_mmaction2(tmp_path):
    """Its TSM without the shift has the names of its TSN."""
    published = parity.shapes("mmaction2_tsm_r50_thesis3")
    published = {key.replace(".conv.net.", ".conv."): value for key, value in published.items()}
    stored = {"data_preprocessor.mean": torch.zeros(3, 1, 1), **published}
    path = parity.saved(tmp_path, stored, wrapper="state_dict", meta={})
    found = tsn(3, backbone="resnet50", weights=path, **SMALL).net.backbone
    for mine, its in (
        (found.conv1.weight, "backbone.conv1.conv.weight"),
        (found.layer3[5].bn2.running_var, "backbone.layer3.5.conv2.bn.running_var"),
        (found.layer2[0].downsample[0].weight, "backbone.layer2.0.downsample.conv.weight"),
        (found.layer2[0].downsample[1].bias, "backbone.layer2.0.downsample.bn.bias"),
        (found.fc.bias, "cls_head.fc_cls.bias"),
    ):
        assert torch.equal(mine, published[its])
