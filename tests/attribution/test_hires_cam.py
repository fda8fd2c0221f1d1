"""HiResCAM agrees with pytorch-grad-cam; for an averaged layer it is Grad-CAM."""

from __future__ import annotations

import numpy as np
import torch

from tests.attribution import finishing
from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.hires_cam import hires_cam
from vidsal.attribution.saliency_tubes import saliency_tubes


def test_reference(c3d, agrees):
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    expected = c3d.expected["hirescam_raw"][:, 0]
    agrees(c3d, [hires_cam(c3d.model, *pair, relu=False) for pair in pairs], expected)
    agrees(c3d, [hires_cam(c3d.model, *pair) for pair in pairs], expected.clip(min=0))


def test_the_librarys_pictures(c3d):
    for clip, target, expected in zip(
        c3d.clips, c3d.targets, c3d.expected["pgc_HiResCAM"], strict=True
    ):
        found = finishing.pytorch_grad_cam(hires_cam(c3d.model, clip, target), expected.shape)
        assert np.abs(found - expected).max() <= 2e-3


def test_averaged_layers_make_it_grad_cam(c3d):
    for clip in c3d.clips:
        torch.testing.assert_close(hires_cam(c3d.model, clip, 3), grad_cam(c3d.model, clip, 3))


def test_averaged_layers_make_it_tubes_over_the_number_of_places(c3d):
    heatmap = hires_cam(c3d.model, c3d.clips[1], 0, relu=False)
    tubes = saliency_tubes(c3d.model, c3d.clips[1], 0)
    torch.testing.assert_close(heatmap * heatmap.numel(), tubes, rtol=1e-4, atol=1e-6)


def test_nothing_is_averaged(c3d):
    layer = "pool1"
    found = capture(c3d.model, c3d.clips[0], 1, [layer])
    expected = torch.einsum("cthw,cthw->thw", found.gradients[layer], found.activations[layer])
    heatmap = hires_cam(c3d.model, c3d.clips[0], 1, layer=layer, relu=False)
    torch.testing.assert_close(heatmap, expected)
    assert not torch.allclose(heatmap, grad_cam(c3d.model, c3d.clips[0], 1, layer=layer))
