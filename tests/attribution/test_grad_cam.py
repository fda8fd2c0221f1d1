"""Grad-CAM agrees with captum and pytorch-grad-cam; its conventions meet where they must."""

from __future__ import annotations

import pytest
import torch

from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.grad_cam_per_frame import grad_cam_per_frame
from vidsal.errors import InputError
from vidsal.models import VideoModel


def test_reference(c3d, agrees):
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    expected = c3d.expected["gradcam_raw"][:, 0]
    agrees(c3d, [grad_cam(c3d.model, *pair, relu=False) for pair in pairs], expected)
    agrees(c3d, [grad_cam(c3d.model, *pair) for pair in pairs], expected.clip(min=0))


def test_one_weight_per_channel(model, clip):
    layer = model.cam_layers[0]
    found = capture(model, clip, 1, [layer])
    expected = sum(
        found.gradients[layer][c].mean() * found.activations[layer][c]
        for c in range(len(found.activations[layer]))
    )
    heatmap = grad_cam(model, clip, 1, relu=False)
    torch.testing.assert_close(heatmap, expected, rtol=1e-4, atol=1e-6)


def test_other_layers(model, clip):
    shapes = [grad_cam(model, clip, 0, layer=layer).shape for layer in model.cam_layers]
    assert shapes == sorted(shapes)
    assert shapes[0] == grad_cam(model, clip, 0).shape


def test_both_conventions_agree_on_a_single_step_of_time(model, clip):
    one = clip[:, :1]
    torch.testing.assert_close(grad_cam(model, one, 1), grad_cam_per_frame(model, one, 1))


def test_a_model_without_layers_needs_one(c3d):
    bare = VideoModel("bare", c3d.model.net, c3d.model.preprocess, None, (), 8, 1, 8)
    with pytest.raises(InputError, match="set `layer`"):
        grad_cam(bare, c3d.clips[0], 0)
    expected = grad_cam(c3d.model, c3d.clips[0], 0)
    assert torch.equal(grad_cam(bare, c3d.clips[0], 0, layer="relu2"), expected)
