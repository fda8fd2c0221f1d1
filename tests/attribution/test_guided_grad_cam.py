"""Guided Grad-CAM agrees with captum, and works where captum gives nothing."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.guided_backprop import guided_backprop
from vidsal.attribution.guided_grad_cam import guided_grad_cam
from vidsal.errors import InputError


def test_reference(c3d, agrees):
    expected = c3d.expected["guided_gradcam_nearest"]
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    options = {"upsampling": "nearest"}
    sizes = [guided_grad_cam(c3d.model, *pair, **options) for pair in pairs]
    agrees(c3d, sizes, abs(expected).sum(axis=1))
    signed = [guided_grad_cam(c3d.model, *pair, absolute=False, **options) for pair in pairs]
    agrees(c3d, signed, expected.sum(axis=1))


@pytest.mark.parametrize("layer", [None, "conv1"])
def test_it_is_the_product_of_its_parts(case, layer):
    pair = (case.clips[0], case.targets[0])
    if layer and case.model.frame_wise:
        layer = "conv2"
    cam = grad_cam(case.model, *pair, layer=layer)
    assert cam.any()
    size = pair[0].shape[1:]
    cam = functional.interpolate(cam[None, None], size, mode="trilinear", align_corners=False)[0, 0]
    found = guided_grad_cam(case.model, *pair, layer=layer)
    torch.testing.assert_close(found, guided_backprop(case.model, *pair) * cam)
    assert found.any()


def test_impossible_options_are_refused(c3d):
    with pytest.raises(InputError, match="upsampling 'cubic'"):
        guided_grad_cam(c3d.model, c3d.clips[0], 0, upsampling="cubic")
