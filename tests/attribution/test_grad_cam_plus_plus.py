"""Grad-CAM++ agrees with pytorch-grad-cam, and its weights with the formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.attribution import finishing
from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam_plus_plus import grad_cam_plus_plus


def test_reference(c3d, agrees):
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    expected = c3d.expected["gradcampp_raw"][:, 0]
    agrees(c3d, [grad_cam_plus_plus(c3d.model, *pair, relu=False) for pair in pairs], expected)
    agrees(c3d, [grad_cam_plus_plus(c3d.model, *pair) for pair in pairs], expected.clip(min=0))


def test_the_librarys_pictures(c3d):
    for clip, target, expected in zip(
        c3d.clips, c3d.targets, c3d.expected["pgc_GradCAMPlusPlus"], strict=True
    ):
        found = finishing.pytorch_grad_cam(
            grad_cam_plus_plus(c3d.model, clip, target), expected.shape
        )
        assert np.abs(found - expected).max() <= 2e-3


def test_channels_are_weighted_by_the_formula(c3d):
    found = capture(c3d.model, c3d.clips[0], 1, ["relu2"])
    expected = torch.zeros(4, 4, 4)
    for maps, slopes in zip(found.activations["relu2"], found.gradients["relu2"], strict=True):
        weight = 0.0
        for slope in slopes.flatten().tolist():
            if slope > 0:
                weight += slope * slope**2 / (2 * slope**2 + maps.sum().item() * slope**3 + 1e-6)
        expected += weight * maps
    heatmap = grad_cam_plus_plus(c3d.model, c3d.clips[0], 1, relu=False)
    torch.testing.assert_close(heatmap, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("silent", ["conv1", "conv2"])
def test_a_layer_without_gradient_gives_nothing_rather_than_nan(c3d, silent):
    clip = torch.full_like(c3d.clips[0], -1e3)
    assert torch.isfinite(grad_cam_plus_plus(c3d.model, clip, 1, layer=silent)).all()
