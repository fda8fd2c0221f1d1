"""R3D-18 is torchvision's, and sees order."""

from __future__ import annotations

import torch
from torchvision.models import video

from vidsal.models.r3d_18 import r3d_18


def test_it_is_the_network_of_torchvision():
    torch.manual_seed(3)
    ours = r3d_18(4)
    torch.manual_seed(3)
    theirs = video.r3d_18(weights=None, num_classes=4)
    for (key, mine), (other, its) in zip(
        ours.net.state_dict().items(), theirs.state_dict().items(), strict=True
    ):
        assert key == other
        assert torch.equal(mine, its)


def test_normalisation_is_that_of_torchvision_weights():
    preset = video.R3D_18_Weights.KINETICS400_V1.transforms()
    ours = r3d_18(2).preprocess
    assert list(ours.mean) == preset.mean
    assert list(ours.std) == preset.std
