"""Deconvnet agrees with captum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vidsal.attribution.deconvnet import deconvnet
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def test_reference(case, agrees):
    expected = case.expected["deconvnet"]
    pairs = list(zip(case.clips, case.targets, strict=True))
    agrees(case, [deconvnet(case.model, *pair) for pair in pairs], np.abs(expected).sum(axis=1))
    signed = [deconvnet(case.model, *pair, absolute=False) for pair in pairs]
    agrees(case, signed, expected.sum(axis=1))


def test_a_closed_relu_is_no_obstacle():
    net = nn.Sequential(nn.Conv3d(3, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2)).eval()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1, 1))
        net[0].bias.fill_(-100)
        net[3].weight.copy_(torch.tensor([[1.0, -1, 2, -2], [-1, 1, -1, 1]]))
    preprocess = Preprocessing((2, 2), (0, 0, 0), (1, 1, 1))
    model = VideoModel("closed", net, preprocess, None, (), 1, 1, 1)
    found = deconvnet(model, torch.randn(3, 1, 2, 2), 0)
    torch.testing.assert_close(found, torch.tensor([[[6.0, 0.0], [12.0, 0.0]]]))


def test_a_network_without_relus_is_refused():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 64, 3)).eval()
    model = VideoModel("flat", net, Preprocessing((8, 8), (0,) * 3, (1,) * 3), None, (), 4, 1, 4)
    with pytest.raises(InputError, match="deconvnet cannot explain flat"):
        deconvnet(model, torch.randn(3, 4, 8, 8), 1)
