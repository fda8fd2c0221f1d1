"""Grad-CAM agrees with the programs that vidsal replaces, and is enlarged as the libraries do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.attribution import finishing, token_networks
from tests.models import parity
from vidsal.attribution._pass import capture, observe
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.grad_cam_per_frame import grad_cam_per_frame
from vidsal.attribution.layer_cam import layer_cam
from vidsal.errors import InputError
from vidsal.models.i3d import i3d
from vidsal.models.r2plus1d_18 import r2plus1d_18
from vidsal.models.tsm import tsm

R2PLUS1D, I3D, THESIS = "c1_r2plus1d18_attribution", "d1_i3d_rgb", "d4_mmaction_tsm3_gradcam"


@pytest.fixture(scope="module")
def vit():
    return token_networks.vit()


def pairs(case):
    return list(zip(case.clips, case.targets, strict=True))


@pytest.mark.parametrize(
    ("method", "key"),
    [
        (grad_cam, "gradcam_relu_trilinear"),
        (grad_cam_per_frame, "gradcam_perframe_relu_trilinear"),
    ],
)
def test_enlarged_references(c3d, agrees, method, key):
    maps = [finishing.trilinear(method(c3d.model, *pair), (8, 16, 16)) for pair in pairs(c3d)]
    agrees(c3d, maps, c3d.expected[key][:, 0])


def test_frames_of_a_frame_wise_network(case, agrees):
    if not case.model.frame_wise:
        return
    maps = [grad_cam_per_frame(case.model, *pair) for pair in pairs(case)]
    shown = [finishing.trilinear(one, (8, 16, 16)) for one in maps]
    agrees(case, shown, case.expected["gradcam_frames_relu_bilinear"])


def test_pytorch_grad_cam(c3d):
    for pair, expected in zip(pairs(c3d), c3d.expected["pgc_GradCAM"], strict=True):
        found = finishing.pytorch_grad_cam(grad_cam(c3d.model, *pair), expected.shape)
        assert np.abs(found - expected).max() <= 2e-3


def test_tokens(vit, agrees):
    maps = [grad_cam(vit.model, *pair, relu=False) for pair in pairs(vit)]
    agrees(vit, maps, vit.expected["token_gradcam_raw"])
    maps = [grad_cam_per_frame(vit.model, *pair, relu=False) for pair in pairs(vit)]
    agrees(vit, maps, vit.expected["token_gradcam_perframe_raw"])


def test_pytorch_grad_cam_of_tokens(vit):
    for pair, expected in zip(pairs(vit), vit.expected["pgc_GradCAM_tokens"], strict=True):
        found = finishing.pytorch_grad_cam(grad_cam(vit.model, *pair), expected.shape)
        assert np.abs(found - expected).max() <= 2e-3


def test_logits_of_tokens(vit, agrees):
    agrees(vit, [observe(vit.model, *pair).logits for pair in pairs(vit)], vit.expected["logits"])


def test_tokens_of_the_published_transformers():
    """Layers that list tokens show the maps that the networks lay out themselves."""
    from vidsal.models.mvit_v2_s import mvit_v2_s
    from vidsal.models.swin3d_t import swin3d_t

    clip = torch.randn(3, 4, 64, 32, generator=torch.Generator().manual_seed(0))
    for build, listed, laid_out in (
        (mvit_v2_s, "blocks.14", "fold4"),
        (mvit_v2_s, "blocks.13", "fold3"),
        (swin3d_t, "norm", "fold4"),
        (swin3d_t, "features.4", "fold3"),
    ):
        torch.manual_seed(0)
        model = build(3, size=[64, 32], length=4)
        found = capture(model, clip, 1, [listed, laid_out])
        assert torch.equal(found.activations[listed], found.activations[laid_out])
        torch.testing.assert_close(found.gradients[listed], found.gradients[laid_out])
        assert layer_cam(model, clip, 1, layer=listed).shape == found.activations[listed].shape[1:]


def test_a_transformer_that_does_not_say_its_patch_has_no_token_maps(vit):
    import dataclasses

    silent = dataclasses.replace(vit.model, tokens=None)
    with pytest.raises(InputError, match="no feature map"):
        grad_cam(silent, *pairs(vit)[0])


def test_r2plus1d_of_video_visual(tmp_path):
    model = r2plus1d_18(400, weights=parity.saved(tmp_path, parity.state(R2PLUS1D)))
    clip = parity.clip("clip_rgb_112", **parity.KINETICS)[0]
    cam = grad_cam_per_frame(model, clip, parity.recipe(R2PLUS1D)["label"])
    shown = cam.repeat_interleave(8, dim=0)
    parity.compare(R2PLUS1D, "gradcam_layer4_raw", shown)
    parity.compare(R2PLUS1D, "gradcam_layer4_minmax", finishing.minmax(shown))


def test_i3d_of_video_visual(tmp_path):
    weights = parity.saved(tmp_path, parity.state(I3D))
    model = i3d(400, weights=weights, epsilon=1e-5)
    clip = parity.clip("clip_rgb_112", **parity.KINETICS, repeat=2)[0]
    cam = grad_cam_per_frame(model, clip, parity.recipe(I3D)["label"])
    shown = cam.repeat_interleave(8, dim=0)
    parity.compare(I3D, "gradcam_mixed_5c_raw", shown)
    parity.compare(I3D, "gradcam_mixed_5c_minmax", finishing.minmax(shown))


@pytest.fixture(scope="module")
def thesis(tmp_path_factory):
    weights = parity.saved(
        tmp_path_factory.mktemp("thesis"), parity.state(THESIS), wrapper="state_dict", meta={}
    )
    colours = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
    colours = {key: tuple(value / 255 for value in values) for key, values in colours.items()}
    clip = parity.clip("clip_rgb_112", **colours, repeat=2)[0, :, :, 28:196]
    return tsm(3, length=16, weights=weights), clip


@pytest.mark.parametrize("layer", ["layer4/1/relu", "layer4"])
def test_mmaction2_of_the_thesis(thesis, layer):
    # The network uses one ReLU three times per block; what it puts out last is the block's map.
    model, clip = thesis
    target = int(np.argmax(parity.expected(THESIS, "logits")))
    cam = grad_cam_per_frame(model, clip, target, layer=layer)
    shown = finishing.minmax(finishing.trilinear(cam, clip.shape[1:]))
    name = f"cam_backbone_{layer.replace('/', '_')}"
    parity.compare(THESIS, f"{name}_sub", shown[:, ::4, ::4])
    parity.compare(THESIS, f"{name}_mid_full", shown[8])
