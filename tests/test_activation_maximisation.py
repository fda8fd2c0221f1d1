"""Activation maximisation climbs a filter's activation, within what frames can show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from vidsal.activation_maximisation import activation_maximisation, pictures
from vidsal.attribution._pass import PASSES
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel
from vidsal.models.i3d import i3d
from vidsal.models.tsn import tsn


class Net(nn.Module):
    """One filter likes red, the other what is darker in the later frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv3d(3, 2, (2, 1, 1)), nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[0, 0] = 1
            self.conv.weight[1, :, 0], self.conv.weight[1, :, 1] = 1, -1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).mean(dim=(2, 3, 4)))


@pytest.fixture
def model():
    preprocess = Preprocessing((6, 8), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    return VideoModel("two", Net(), preprocess, None, ("conv",), 2, 1, 2)


def test_a_filter_gets_what_it_likes(model):
    red = pictures(model, activation_maximisation(model, channel=0, iterations=60))
    assert red.shape == (2, 6, 8, 3)
    assert red.dtype == np.uint8
    assert (red[..., 0] == 255).all()
    assert (red[..., 1:] < 200).all()
    darker = pictures(model, activation_maximisation(model, channel=1, iterations=60))
    assert (darker[0] == 255).all()
    assert (darker[1] < darker[0]).all()


def test_every_step_climbs(model):
    def activation(iterations):
        clip = activation_maximisation(model, "net/conv", 1, iterations=iterations)
        with torch.no_grad():
            return model.net.conv(clip[None])[0, 1].mean().item()

    climbed = [activation(iterations) for iterations in (0, 1, 5, 20)]
    assert climbed == sorted(climbed)
    assert climbed[-1] > climbed[0] + 1


def test_it_starts_from_grey_noise_that_belongs_to_the_seed(model):
    start = pictures(model, activation_maximisation(model, iterations=0))
    assert start.min() >= 150
    assert start.max() < 180
    assert np.array_equal(start, pictures(model, activation_maximisation(model, iterations=0)))
    other = pictures(model, activation_maximisation(model, iterations=0, seed=1))
    assert not np.array_equal(start, other)


def test_pictures_put_colours_in_their_order(model):
    bgr = dataclasses.replace(model.preprocess, channels="bgr")
    swapped = dataclasses.replace(model, preprocess=bgr)
    frames = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    for one in (model, swapped):
        assert np.abs(pictures(one, one.preprocess(frames)).astype(int) - frames).max() <= 1


def test_nothing_is_left_in_the_network(model):
    model.net.train()
    before = {key: value.clone() for key, value in model.net.state_dict().items()}
    state = torch.get_rng_state()
    activation_maximisation(model, iterations=2)
    assert model.net.training
    assert all(p.requires_grad and p.grad is None for p in model.net.parameters())
    assert not model.net.conv._forward_hooks
    assert torch.equal(state, torch.get_rng_state())
    for key, value in model.net.state_dict().items():
        assert torch.equal(value, before[key])


def test_frame_wise_networks_and_flow():
    torch.manual_seed(0)
    frames = tsn(3, backbone="resnet18", size=[32, 32], length=2)
    forward = PASSES.forward
    clip = activation_maximisation(frames, channel=5, iterations=3)
    assert clip.shape == (3, 2, 32, 32)
    assert PASSES.forward - forward == 3
    flow = i3d(3, modality="flow", size=[32, 32], length=8)
    clip = activation_maximisation(flow, "conv3d_2b_1x1", 1, iterations=2)
    assert clip.shape == (2, 8, 32, 32)
    assert clip.abs().max() <= 1
    with pytest.raises(InputError, match="no colours"):
        pictures(flow, clip)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"layer": "con"}, "no such module"),
        ({"channel": 2}, "channels 0 to 1"),
        ({"channel": -1}, "channels 0 to 1"),
        ({"iterations": -1}, "0 or more"),
        ({"layer": "fc"}, "no feature map"),
    ],
)
def test_impossible_wishes_are_refused(model, given, why):
    with pytest.raises(InputError, match=why):
        activation_maximisation(model, **given)
