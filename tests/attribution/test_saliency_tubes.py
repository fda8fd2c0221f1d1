"""Saliency tubes are CAM over time: they add up to the logit, or the network is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from tests.attribution import finishing
from tests.models import parity
from vidsal.attribution._pass import PASSES, observe
from vidsal.attribution.hires_cam import hires_cam
from vidsal.attribution.saliency_tubes import saliency_tubes
from vidsal.attribution.saliency_tubes_keras import saliency_tubes_keras
from vidsal.errors import InputError
from vidsal.models.i3d import i3d
from vidsal.models.mfnet_3d import mfnet_3d

MFNET = "b1_mfnet3d_saliency_tube"
COLOURS = {"mean": (124 / 255, 117 / 255, 104 / 255), "std": (0.229, 0.224, 0.225)}
REFUSED = ("cnn_lstm", "cnn_lstm_attention", "mvit_v2_s")


def test_reference(c3d, agrees):
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    raw = [saliency_tubes(c3d.model, *pair) for pair in pairs]
    agrees(c3d, raw, c3d.expected["tubes_raw"])
    shown = [torch.from_numpy(finishing.splines(one.numpy(), (8, 16, 16))) for one in raw]
    agrees(
        c3d,
        [finishing.minmax(one) for one in shown],
        c3d.expected["tubes_zoom_spline3_minmax"],
    )


def test_relu(c3d):
    signed = saliency_tubes(c3d.model, c3d.clips[0], 0)
    assert (signed < 0).any()
    cut = saliency_tubes(c3d.model, c3d.clips[0], 0, relu=True)
    assert torch.equal(cut, signed.clamp(min=0))


def test_networks_of_the_room(model, clip):
    """Each is explained, or refused for a reason; HiResCAM has the same shape of map."""
    if model.name in REFUSED:
        with pytest.raises(InputError, match=f"saliency_tubes cannot explain {model.name}"):
            saliency_tubes(model, clip, 1)
        return
    heatmap, other = saliency_tubes(model, clip, 1), hires_cam(model, clip, 1, relu=False)
    places = heatmap.numel()
    if model.name in ("tsn",):
        # The average is taken of probabilities: every frame has its own weight.
        assert torch.equal(heatmap.sign(), other.sign())
        return
    torch.testing.assert_close(other * places, heatmap, rtol=1e-3, atol=1e-3 * heatmap.abs().max())


def test_the_mean_is_the_logit_less_its_bias(model, clip):
    if model.name in (*REFUSED, "tsn"):
        return
    heads = [m for m in model.net.modules() if isinstance(m, nn.Linear)]
    convs = [m for m in model.net.modules() if isinstance(m, nn.Conv3d)]
    bias = (heads or convs)[-1].bias[2].detach()
    logit = observe(model, clip, 2).logits[2]
    mean = saliency_tubes(model, clip, 2).mean()
    torch.testing.assert_close(mean, logit - bias, rtol=1e-3, atol=1e-5)


def test_it_costs_one_forward(c3d):
    before = PASSES.forward, PASSES.backward
    saliency_tubes(c3d.model, c3d.clips[0], 0)
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (1, 0)


class Ending(nn.Module):
    """A convolution, a way to make one vector of its map, and a linear layer."""

    def __init__(self, way) -> None:
        super().__init__()
        self.conv, self.fc, self.way = nn.Conv3d(3, 6, 3, padding=1), nn.Linear(6, 4), way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.way(torch.relu(self.conv(x))))


@pytest.mark.parametrize(
    ("way", "explained"),
    [
        (lambda maps: maps.mean(dim=(2, 3, 4)), True),
        (lambda maps: maps.amax(dim=(2, 3, 4)), False),
        (lambda maps: maps.mean(dim=(2, 3, 4)).sqrt(), False),
        (lambda maps: maps.mean(dim=(2, 3, 4)).flip(1), False),
        (lambda maps: maps[:, :, 0].mean(dim=(2, 3)), False),
        (lambda maps: maps.mean(dim=(2, 3, 4)) * 1.1, False),
    ],
)
def test_only_averages_are_explained(c3d, way, explained):
    torch.manual_seed(0)
    model = dataclasses.replace(c3d.model, name="odd", net=Ending(way), cam_layers=("conv",))
    clip = torch.randn(3, 4, 6, 6) + torch.arange(4.0)[:, None, None]
    relu = nn.ReLU()
    model.net.conv = nn.Sequential(model.net.conv, relu)
    if explained:
        heatmap = saliency_tubes(model, clip, 1)
        bias = model.net.fc.bias[1].detach()
        torch.testing.assert_close(heatmap.mean(), observe(model, clip, 1).logits[1] - bias)
        return
    with pytest.raises(InputError, match="does not read the layer's mean; take hires_cam"):
        saliency_tubes(model, clip, 1)


def test_another_layer_is_refused(c3d):
    with pytest.raises(InputError, match=r"has \(5, 6\) weights.*would need \(5, 4\)"):
        saliency_tubes(c3d.model, c3d.clips[0], 0, layer="pool1")


def test_a_network_without_a_linear_layer_is_refused(c3d):
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv3d(3, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).mean(dim=(2, 3, 4))

    model = dataclasses.replace(c3d.model, name="bare", net=Bare(), cam_layers=("conv",))
    with pytest.raises(InputError, match="cannot explain bare by layer 'conv': it has no linear"):
        saliency_tubes(model, c3d.clips[0], 0)


def test_windows_of_a_convolutional_head():
    # Two means of 2 of 3 steps: the middle one counts twice, which the mean over all does not.
    torch.manual_seed(0)
    model = i3d(4, size=[32, 32], length=24)
    model.net.eval()
    clip = torch.randn(3, 24, 32, 32)
    heatmap = saliency_tubes(model, clip, 3)
    assert heatmap.shape == (3, 1, 1)
    parts = heatmap[:, 0, 0] * torch.tensor([0.25, 0.5, 0.25])
    logit = observe(model, clip, 3).logits[3] - model.net.conv3d_0c_1x1.conv3d.bias[3].detach()
    torch.testing.assert_close(parts.sum(), logit, rtol=1e-4, atol=1e-7)


@pytest.fixture(scope="module")
def mfnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mfnet")
    path = parity.saved(folder, parity.state(MFNET), prefix="module.", wrapper="state_dict")
    return mfnet_3d(400, weights=path), parity.clip("clip_rgb_112", **COLOURS, repeat=2)[0]


@pytest.mark.parametrize("label", ["label", "label2"])
def test_the_originals_tubes(mfnet, label):
    target, after = parity.recipe(MFNET)[label], "" if label == "label" else "_label2"
    tubes = saliency_tubes(*mfnet, target)
    parity.compare(MFNET, f"cam_raw{after}", tubes)
    shown = finishing.splines(tubes.numpy(), (16, 224, 224))
    parity.compare(MFNET, f"cam_zoom{after}_sub", shown[:, ::8, ::8])
    whole = (shown - shown.min()) / (shown.max() - shown.min())
    parity.compare(MFNET, f"cam_minmax{after}_sub", whole[:, ::8, ::8])


@pytest.mark.parametrize("label", ["label", "label2"])
def test_the_originals_keras_tubes(mfnet, label):
    target, after = parity.recipe(MFNET)[label], "" if label == "label" else "_label2"
    whole = saliency_tubes_keras(*mfnet, target, threshold=-100.0)
    assert whole.shape == (16, 224, 224)
    parity.compare(MFNET, f"keras_cam_zoom{after}_sub", whole[:, ::8, ::8])
    blank = saliency_tubes_keras(*mfnet, target)
    assert torch.equal(blank, torch.where(whole < 0.2, 0, whole))
    assert (blank == 0).any()
    assert np.isclose(blank.max(), 1, atol=0.2)


def test_a_class_that_nothing_speaks_for_is_blank(c3d):
    model = dataclasses.replace(c3d.model, net=nn.Sequential(Ending(lambda m: m.mean((2, 3, 4)))))
    with torch.no_grad():
        model.net[0].fc.weight.abs_().neg_()
    model = dataclasses.replace(model, cam_layers=("0.conv",))
    model.net[0].conv = nn.Sequential(model.net[0].conv, nn.ReLU())
    clip = c3d.clips[0]
    assert (saliency_tubes(model, clip, 1) <= 0).all()
    assert not saliency_tubes_keras(model, clip, 1).any()
