"""MViTv2-S and Swin3D-T are torchvision's, with maps for methods that look at layers."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import video

from vidsal import registry
from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam import grad_cam

NAMES = ("mvit_v2_s", "swin3d_t")


def build(name, classes=3):
    torch.manual_seed(0)
    return registry.load("models", name)(classes, size=[64, 96], length=8)


def clip():
    return torch.randn(3, 8, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "shape"), [("mvit_v2_s", (16, 224, 224)), ("swin3d_t", (8, 64, 96))]
)
def test_logits_are_torchvisions(name, shape):
    ours, theirs = build(name, 4).net.eval(), getattr(video, name)(num_classes=4).eval()
    theirs.load_state_dict(ours.state_dict())
    batch = torch.randn(1, 3, *shape)
    with torch.inference_mode():
        torch.testing.assert_close(ours(batch), theirs(batch))


@pytest.mark.parametrize("name", NAMES)
def test_tokens_are_laid_out_as_maps(name):
    model = build(name)
    found = capture(model, clip(), 1, model.cam_layers)
    shapes = [tuple(found.activations[layer].shape) for layer in model.cam_layers]
    assert shapes == [(768, 4, 2, 3), (384, 4, 4, 6)]
    assert all(found.gradients[layer].any() for layer in model.cam_layers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layer", [0, 1])
def test_maps_lie_where_the_picture_does(name, layer):
    """A change in one corner of the frames moves the map most in that corner."""
    model = build(name)
    name, here, there = model.cam_layers[layer], clip(), clip()
    there[:, :2, :16, 64:] += 3
    maps = [capture(model, one, 1, [name]).activations[name] for one in (here, there)]
    moved = (maps[1] - maps[0]).norm(dim=0)
    frame, row, column = (int(i) for i in torch.unravel_index(moved.argmax(), moved.shape))
    assert frame == 0
    assert row < moved.shape[1] / 2
    assert column >= moved.shape[2] / 2


@pytest.mark.parametrize("name", NAMES)
def test_grad_cam_finds_its_layer(name):
    heatmap = grad_cam(build(name), clip(), 1)
    assert heatmap.shape == (4, 2, 3)
    assert torch.isfinite(heatmap).all()


@pytest.mark.parametrize("name", NAMES)
def test_order_matters(name):
    net = build(name).net.eval()
    with torch.inference_mode():
        assert not torch.allclose(net(clip()[None]), net(clip().flip(1)[None]), atol=1e-5)
