"""XGrad-CAM agrees with pytorch-grad-cam, and its weights with its two axioms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.attribution import finishing
from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.xgrad_cam import xgrad_cam


def test_reference(c3d, agrees):
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    expected = c3d.expected["xgradcam_raw"][:, 0]
    agrees(c3d, [xgrad_cam(c3d.model, *pair, relu=False) for pair in pairs], expected)
    agrees(c3d, [xgrad_cam(c3d.model, *pair) for pair in pairs], expected.clip(min=0))


def test_the_librarys_pictures(c3d):
    for clip, target, expected in zip(
        c3d.clips, c3d.targets, c3d.expected["pgc_XGradCAM"], strict=True
    ):
        found = finishing.pytorch_grad_cam(xgrad_cam(c3d.model, clip, target), expected.shape)
        assert np.abs(found - expected).max() <= 2e-3


def test_sensitivity_without_a_bias(c3d):
    # A layer that is read linearly and without a bias: the map adds up to the score.
    class Linear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = torch.nn.Conv3d(3, 5, 1), torch.nn.Linear(5, 2, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.conv(x).relu().sum(dim=(2, 3, 4)))

    torch.manual_seed(0)
    net = torch.nn.Sequential(Linear())
    model = dataclasses.replace(c3d.model, net=net, cam_layers=("0.conv",))
    clip = torch.rand(3, 4, 5, 6) + 1
    net[0].conv.weight.data.abs_()
    found = capture(model, clip, 1)
    heatmap = xgrad_cam(model, clip, 1, relu=False)
    assert heatmap.sum().item() == pytest.approx(found.score, rel=1e-4)


def test_uniform_gradients_make_it_grad_cam(c3d):
    pair = c3d.clips[0], 2
    expected = grad_cam(c3d.model, *pair, relu=False)
    torch.testing.assert_close(
        xgrad_cam(c3d.model, *pair, relu=False), expected, rtol=1e-4, atol=1e-6
    )
