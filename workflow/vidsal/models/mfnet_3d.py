"""MFNet-3D: convolutions in sixteen narrow fibres side by side, mixed by cheap 1x1x1 layers.

Chen et al., "Multi-Fiber Networks for Video Recognition", ECCV 2018 (arXiv 1807.11195), with the
names of cypw/PyTorch-MFNet. Norm and ReLU come before every convolution but the first. The
original takes 16 frames of 224 x 224 px only; here its last mean covers whatever map there is. Its
last feature map, `tail`, has T/2 x H/32 x W/32 cells.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from vidsal.models._finish import finished
from vidsal.models._model import Preprocessing, VideoModel

WEIGHTS = {
    "kinetics400": {
        "form": "open https://github.com/cypw/PyTorch-MFNet and fetch MF-Net (3D), Kinetics, from "
        "the table of trained models",
        "file": "MFNet3D_Kinetics-400_72.8.pth",
        "licence": "MIT (PyTorch-MFNet), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 16,
        "stride": 2,
    },
    "ucf101": {
        "form": "open https://github.com/cypw/PyTorch-MFNet and fetch MF-Net (3D), UCF-101 "
        "(split1), from the table of trained models",
        "file": "MFNet3D_UCF-101_Split-1_96.3.pth",
        "licence": "MIT (PyTorch-MFNet), trained on Kinetics-400 and UCF-101",
        "num_classes": 101,
        "size": [224, 224],
        "mode": "crop",
        "length": 16,
        "stride": 2,
    },
}
HEAD = ("classifier.weight", "classifier.bias")
# The authors subtract the mean and multiply by 0.0167, on values from 0 to 255.
COLOURS = {"mean": (124 / 255, 117 / 255, 104 / 255), "std": (1 / (0.0167 * 255),) * 3}
FIBRES = 16
# Stage -> channels, units, stride of the first unit (T,H,W).
STAGES = {
    "conv2": (96, 3, (2, 1, 1)),
    "conv3": (192, 4, (1, 2, 2)),
    "conv4": (384, 6, (1, 2, 2)),
    "conv5": (768, 3, (1, 2, 2)),
}


class Layer(nn.Module):
    """Norm, ReLU, convolution: (N,C,T,H,W) -> (N,C',T/s,H/s,W/s)."""

    def __init__(
        self,
        given: int,
        made: int,
        window: tuple[int, int, int] = (1, 1, 1),
        stride: tuple[int, int, int] = (1, 1, 1),
        groups: int = 1,
    ) -> None:
        """Take channels, window and stride as (T,H,W), and the number of fibres."""
        super().__init__()
        self.bn = nn.BatchNorm3d(given)
        padding = tuple(side // 2 for side in window)
        self.conv = nn.Conv3d(given, made, window, stride, padding, groups=groups, bias=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T',h',w') of maps (N,C,T,h,w)."""
        return self.conv(functional.relu(self.bn(maps)))


class Unit(nn.Module):
    """A multi-fibre unit: a mixer around the fibres, and a shortcut around all."""

    def __init__(self, given: int, made: int, stride: tuple[int, int, int] | None) -> None:
        """Take channels, and the stride of a stage's first unit, None for the others."""
        super().__init__()
        self.conv_i1 = Layer(given, made // 4)
        self.conv_i2 = Layer(made // 4, given)
        self.conv_m1 = Layer(given, made, (3, 3, 3), stride or (1, 1, 1), FIBRES)
        if stride:
            self.conv_m2 = Layer(made, made)
            self.conv_w1 = Layer(given, made, stride=stride)
        else:
            self.conv_m2 = Layer(made, made, (1, 3, 3), groups=FIBRES)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T',h',w') of maps (N,C,T,h,w)."""
        mixed = maps + self.conv_i2(self.conv_i1(maps))
        around = self.conv_w1(maps) if hasattr(self, "conv_w1") else maps
        return self.conv_m2(self.conv_m1(mixed)) + around


class Mfnet3d(nn.Module):
    """Clips (N,3,T,H,W) -> logits (N,K)."""

    def __init__(self, num_classes: int) -> None:
        """Take the number of classes."""
        super().__init__()
        self.conv1 = nn.Sequential()
        self.conv1.add_module("conv", nn.Conv3d(3, 16, (3, 5, 5), (1, 2, 2), (1, 2, 2), bias=False))
        self.conv1.add_module("bn", nn.BatchNorm3d(16))
        self.conv1.add_module("relu", nn.ReLU())
        self.maxpool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        width = 16
        for name, (made, count, stride) in STAGES.items():
            self.add_module(name, _stage(width, made, count, stride))
            width = made
        self.tail = nn.Sequential()
        self.tail.add_module("bn", nn.BatchNorm3d(width))
        self.tail.add_module("relu", nn.ReLU())
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        maps = self.maxpool(self.conv1(clips))
        for name in STAGES:
            maps = self.get_submodule(name)(maps)
        return self.classifier(self.tail(maps).mean(dim=(2, 3, 4)))


def _stage(given: int, made: int, count: int, stride: tuple[int, int, int]) -> nn.Sequential:
    stage = nn.Sequential()
    for number in range(1, count + 1):
        first = number == 1
        unit = Unit(given if first else made, made, stride if first else None)
        stage.add_module(f"B{number:02d}", unit)
    return stage


def mfnet_3d(
    num_classes: int,
    *,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 16,
    stride: int = 2,
    hop: int | None = None,
    sampling: str = "dense",
    weights: str | None = None,
    new_head: bool = False,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint file, `kinetics400` or `ucf101`; random weights when not given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    net = Mfnet3d(num_classes)
    return finished(
        net,
        name="mfnet_3d",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **COLOURS),
        cam_layers=("tail", "conv5", "conv4", "conv3"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        head=HEAD,
    )
