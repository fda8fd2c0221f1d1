"""Residual networks over space and time, with the names and the details of MMAction2's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from vidsal.models._pool import MaxWithin

Sides = tuple[int, int, int]
# Channels of the four stages, before a bottleneck widens them.
WIDTHS = (64, 128, 256, 512)
BLOCKS = (3, 4, 6, 3)
WIDENED = 4
# torchvision's names of an image network's tensors.
IMAGE_LAYOUTS = {
    "image network": [
        (r"\bconv(\d)\.weight", r"conv\1.conv.weight"),
        (r"\bbn(\d)\.", r"conv\1.bn."),
        (r"\.downsample\.0\.", ".downsample.conv."),
        (r"\.downsample\.1\.", ".downsample.bn."),
    ]
}


class Factored(nn.Module):
    """A convolution as one over space, norm, ReLU, and one over time: (2+1)D.

    Tran et al., CVPR 2018 (arXiv 1711.11248), section 3.5: as many channels in between as give the
    number of weights of the 3D convolution. MMAction2 counts three frames even where the window
    has one, and its norm in between keeps PyTorch's epsilon.
    """

    def __init__(self, given: int, made: int, window: Sides, stride: Sides) -> None:
        """Take channels, and window and stride as (T,H,W)."""
        super().__init__()
        area = window[1] * window[2]
        between = 3 * given * made * area // (given * area + 3 * made)
        frames, rows, columns = window
        self.conv_s = _conv(given, between, (1, rows, columns), (1, *stride[1:]))
        self.bn_s = nn.BatchNorm3d(between)
        self.conv_t = _conv(between, made, (frames, 1, 1), (stride[0], 1, 1))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T',h',w') of maps (N,C,T,h,w)."""
        return self.conv_t(functional.relu(self.bn_s(self.conv_s(maps))))


class Unit(nn.Module):
    """Convolution and norm: (N,C,T,H,W) -> (N,C',T/s,H/s,W/s)."""

    def __init__(
        self,
        given: int,
        made: int,
        window: Sides = (1, 1, 1),
        stride: Sides = (1, 1, 1),
        *,
        epsilon: float = 1e-5,
        factored: bool = False,
    ) -> None:
        """Take channels, window and stride as (T,H,W), the norm's epsilon, and whether (2+1)D."""
        super().__init__()
        self.conv = (Factored if factored else _conv)(given, made, window, stride)
        self.bn = nn.BatchNorm3d(made, eps=epsilon)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T',h',w') of maps (N,C,T,h,w)."""
        return self.bn(self.conv(maps))


class Block(nn.Module):
    """Units `conv1`, `conv2`, ... with ReLUs between them, and a shortcut around all."""

    def __init__(self, units: Sequence[Unit], downsample: Unit | None) -> None:
        """Take the units, and the shortcut's where the map changes its shape."""
        super().__init__()
        self.count = len(units)
        for number, unit in enumerate(units, 1):
            self.add_module(f"conv{number}", unit)
        self.downsample = downsample

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T',h',w') of maps (N,C,T,h,w)."""
        around = maps if self.downsample is None else self.downsample(maps)
        maps = self.conv1(maps)
        for number in range(2, self.count + 1):
            maps = self.get_submodule(f"conv{number}")(functional.relu(maps))
        return functional.relu(maps + around)


class Recogniser(nn.Module):
    """Clips (N,3,T,H,W) -> stem, four stages, mean over the map -> logits (N,K)."""

    def __init__(
        self,
        stem: Unit,
        stages: Sequence[nn.Sequential],
        width: int,
        num_classes: int,
        *,
        dropout: float,
        pool_stride: int = 1,
        halved: bool = False,
    ) -> None:
        """Take the parts.

        Args:
            stem: the first unit.
            stages: the four stages.
            width: channels of the last.
            num_classes: number of classes.
            dropout: share of the mean that is left out while training.
            pool_stride: stride over time of the pool after the stem.
            halved: whether pairs of frames become one after the first stage.
        """
        super().__init__()
        self.conv1 = stem
        self.maxpool = nn.MaxPool3d((1, 3, 3), (pool_stride, 2, 2), (0, 1, 1))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.pool2 = MaxWithin((2, 1, 1), (2, 1, 1)) if halved else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        maps = self.maxpool(functional.relu(self.conv1(clips)))
        maps = self.pool2(self.layer1(maps))
        maps = self.layer4(self.layer3(self.layer2(maps)))
        return self.fc(self.dropout(maps.mean(dim=(2, 3, 4))))


def resnet50_stages(inflated: Sequence[Sequence[int]]) -> list[nn.Sequential]:
    """Return the stages of ResNet-50 over video.

    Args:
        inflated: for every block of every stage, 1 where its first convolution sees three frames.
    """
    stages, given = [], WIDTHS[0]
    for number, (width, flags) in enumerate(zip(WIDTHS, inflated, strict=True)):
        side = 2 if number else 1
        blocks = [_bottleneck(given, width, side, flags[0], first=True)]
        blocks += [_bottleneck(width * WIDENED, width, 1, flag, first=False) for flag in flags[1:]]
        stages.append(nn.Sequential(*blocks))
        given = width * WIDENED
    return stages


def resnet34_stages(epsilon: float) -> list[nn.Sequential]:
    """Return the stages of ResNet-34 in (2+1)D, with the epsilon of the norms after each pair."""
    stages, given = [], WIDTHS[0]
    for width, count in zip(WIDTHS, BLOCKS, strict=True):
        blocks = [_basic(given, width, epsilon)]
        blocks += [_basic(width, width, epsilon) for _ in range(count - 1)]
        stages.append(nn.Sequential(*blocks))
        given = width
    return stages


def _bottleneck(given: int, width: int, side: int, inflated: int, *, first: bool) -> Block:
    """Return three units; the one over space has the stride, as in torchvision's ResNet."""
    made, stride = width * WIDENED, (1, side, side)
    units = (
        Unit(given, width, (3 if inflated else 1, 1, 1)),
        Unit(width, width, (1, 3, 3), stride),
        Unit(width, made),
    )
    return Block(units, Unit(given, made, stride=stride) if first else None)


def _basic(given: int, made: int, epsilon: float) -> Block:
    """Return two units; where the channels double, all sides of the map are halved."""
    stride = (1, 1, 1) if given == made else (2, 2, 2)
    details = {"epsilon": epsilon, "factored": True}
    units = (
        Unit(given, made, (3, 3, 3), stride, **details),
        Unit(made, made, (3, 3, 3), **details),
    )
    around = None if given == made else Unit(given, made, (1, 1, 1), stride, **details)
    return Block(units, around)


def _conv(given: int, made: int, window: Sides, stride: Sides) -> nn.Conv3d:
    padding = tuple(side // 2 for side in window)
    return nn.Conv3d(given, made, window, stride, padding, bias=False)
