"""Input x gradient agrees with captum and adds up."""

from __future__ import annotations

import torch
from torch import nn

from vidsal.attribution.input_x_gradient import input_x_gradient
from vidsal.models import Preprocessing, VideoModel


def test_reference(case, agrees):
    expected = case.expected["input_x_grad"].sum(axis=1)
    pairs = list(zip(case.clips, case.targets, strict=True))
    signed = [input_x_gradient(case.model, *pair, absolute=False) for pair in pairs]
    agrees(case, signed, expected)
    agrees(case, [input_x_gradient(case.model, *pair) for pair in pairs], abs(expected))


def test_it_adds_up_to_the_score_without_biases():
    class Homogeneous(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv3d(3, 5, 3, bias=False), nn.Linear(5, 2, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(torch.relu(self.conv(x)).mean(dim=(2, 3, 4)))

    torch.manual_seed(0)
    preprocess = Preprocessing((8, 8), (0, 0, 0), (1, 1, 1))
    model = VideoModel("h", Homogeneous(), preprocess, None, ("conv",), 4, 1, 4)
    clip = torch.randn(3, 4, 8, 8)
    found = input_x_gradient(model, clip, 1, absolute=False).sum()
    torch.testing.assert_close(found, model.net(clip[None])[0, 1].detach())
