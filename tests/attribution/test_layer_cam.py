"""LayerCAM agrees with pytorch-grad-cam; without negative gradients it is HiResCAM."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import torch

from tests.attribution import finishing
from vidsal.attribution._pass import capture
from vidsal.attribution.hires_cam import hires_cam
from vidsal.attribution.layer_cam import layer_cam


def test_reference(c3d, agrees):
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    expected = c3d.expected["layercam_raw"][:, 0]
    agrees(c3d, [layer_cam(c3d.model, *pair, relu=False) for pair in pairs], expected)
    agrees(c3d, [layer_cam(c3d.model, *pair) for pair in pairs], expected.clip(min=0))


def test_the_librarys_pictures(c3d):
    for clip, target, expected in zip(
        c3d.clips, c3d.targets, c3d.expected["pgc_LayerCAM"], strict=True
    ):
        found = finishing.pytorch_grad_cam(layer_cam(c3d.model, clip, target), expected.shape)
        assert np.abs(found - expected).max() <= 2e-3


def test_without_negative_gradients_it_is_hires_cam(c3d):
    model = dataclasses.replace(c3d.model, net=copy.deepcopy(c3d.model.net))
    with torch.no_grad():
        model.net.fc.weight.abs_()
    pair = c3d.clips[0], 1
    assert torch.equal(layer_cam(model, *pair), hires_cam(model, *pair))
    assert not torch.equal(layer_cam(c3d.model, *pair), hires_cam(c3d.model, *pair))


def test_only_positive_gradients_count(c3d):
    layer = "pool1"
    found = capture(c3d.model, c3d.clips[0], 1, [layer])
    expected = sum(
        slopes.clamp(min=0) * maps
        for slopes, maps in zip(found.gradients[layer], found.activations[layer], strict=True)
    )
    heatmap = layer_cam(c3d.model, c3d.clips[0], 1, layer=layer, relu=False)
    torch.testing.assert_close(heatmap, expected)
