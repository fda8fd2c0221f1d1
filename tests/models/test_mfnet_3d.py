"""MFNet-3D gives what the original gave, and its tail is the map that tubes are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models import parity
from vidsal.attribution._pass import capture
from vidsal.models.mfnet_3d import mfnet_3d

FIXTURE = "b1_mfnet3d_saliency_tube"
# The tubes were made with ImageNet's deviation, not with the one that the network is trained with.
COLOURS = {"mean": (124 / 255, 117 / 255, 104 / 255), "std": (0.229, 0.224, 0.225)}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mfnet")
    state = parity.state(FIXTURE)
    path = parity.saved(folder, state, prefix="module.", wrapper="state_dict", epoch=3)
    return mfnet_3d(400, weights=path)


@pytest.fixture(scope="module")
def found(model):
    clip = parity.clip("clip_rgb_112", **COLOURS, repeat=2)[0]
    return capture(model, clip, parity.recipe(FIXTURE)["label"], model.cam_layers[:1])


def test_logits_are_the_originals(found):
    parity.compare(FIXTURE, "logits", found.logits)


def test_the_last_maps_are_the_originals(found):
    maps = found.activations["tail"].permute(1, 2, 3, 0)[..., ::16].contiguous()
    parity.compare(FIXTURE, "layerout_sub", maps)


@pytest.mark.parametrize("suffix", ["", "2"])
def test_tubes_are_the_originals(model, found, suffix):
    label = parity.recipe(FIXTURE)[f"label{suffix}"]
    weights = model.net.classifier.weight[label].detach()
    tube = torch.einsum("c,cthw->thw", weights, found.activations["tail"])
    parity.compare(FIXTURE, f"cam_raw{'_label2' if suffix else ''}", tube)


def test_the_mean_is_over_the_whole_map(model, found):
    with torch.no_grad():
        pooled = found.activations["tail"].mean(dim=(1, 2, 3))
        torch.testing.assert_close(model.net.classifier(pooled), found.logits)


def test_colours_are_those_of_the_authors():
    preprocess = mfnet_3d(2).preprocess
    clip = preprocess(np.full((1, 224, 224, 3), 200, np.uint8))
    expected = (200 - torch.tensor([124.0, 117.0, 104.0])) * 0.0167
    torch.testing.assert_close(clip[:, 0, 0, 0], expected, rtol=1e-4, atol=1e-4)
