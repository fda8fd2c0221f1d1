"""I3D: Inception-V1 with every filter inflated over time, on pictures or on optical flow.

Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", CVPR
2017 (arXiv 1705.07750). Names are those of the port hassony2/kinetics_i3d_pytorch. Convolutions and
pools pad as TensorFlow's SAME does, which depends on the size of the map, so that any size and
length works. Colours go from -1 to 1, which the published weights were trained with. Its last
feature map has T/8 x H/32 x W/32 cells.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from vidsal.models._finish import check_choice, finished
from vidsal.models._flow import FlowPreprocessing
from vidsal.models._model import Preprocessing, VideoModel
from vidsal.models._pool import MeanWithin

WEIGHTS = {
    "kinetics400": {
        "url": "https://github.com/hassony2/kinetics_i3d_pytorch/raw/master/model/model_rgb.pth",
        "licence": "Apache-2.0 (kinetics-i3d, DeepMind), ported by hassony2 (MIT)",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 64,
        "stride": 1,
    },
    "kinetics400_flow": {
        "url": "https://github.com/hassony2/kinetics_i3d_pytorch/raw/master/model/model_flow.pth",
        "licence": "Apache-2.0 (kinetics-i3d, DeepMind), ported by hassony2 (MIT)",
        "num_classes": 400,
        "categories": "kinetics400",
        "modality": "flow",
        "size": [224, 224],
        "mode": "crop",
        "length": 64,
        "stride": 1,
    },
}
HEAD = ("conv3d_0c_1x1.conv3d.weight", "conv3d_0c_1x1.conv3d.bias")
MODALITIES = {"rgb": 3, "flow": 2}
# Block -> channels of its four branches; the second and third narrow down before they look around.
BLOCKS = {
    "mixed_3b": (64, (96, 128), (16, 32), 32),
    "mixed_3c": (128, (128, 192), (32, 96), 64),
    "mixed_4b": (192, (96, 208), (16, 48), 64),
    "mixed_4c": (160, (112, 224), (24, 64), 64),
    "mixed_4d": (128, (128, 256), (24, 64), 64),
    "mixed_4e": (112, (144, 288), (32, 64), 64),
    "mixed_4f": (256, (160, 320), (32, 128), 128),
    "mixed_5b": (256, (160, 320), (32, 128), 128),
    "mixed_5c": (384, (192, 384), (48, 128), 128),
}
# Before these blocks the map is thinned out: (window, stride), each (T,H,W).
POOLS = {
    "mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "mixed_5b": ((2, 2, 2), (2, 2, 2)),
}


class Unit(nn.Module):
    """Convolution padded as SAME, norm, ReLU: (N,C,T,H,W) -> (N,C',T/s,H/s,W/s)."""

    def __init__(self, given: int, made: int, window: int, stride: int, epsilon: float) -> None:
        """Take channels, the side and stride of the cubic filter, and the norm's epsilon."""
        super().__init__()
        self.conv3d = nn.Conv3d(given, made, window, stride, bias=False)
        self.batch3d = nn.BatchNorm3d(made, eps=epsilon)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T',h',w') of maps (N,C,T,h,w)."""
        padded = same(maps, self.conv3d.kernel_size, self.conv3d.stride)
        return functional.relu(self.batch3d(self.conv3d(padded)))


class Pool(nn.Module):
    """Maximum over windows padded as SAME; maps come out of ReLUs, so that 0 is no rival."""

    def __init__(self, window: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        """Take window and stride as (T,H,W)."""
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C,T',h',w') of maps (N,C,T,h,w)."""
        return functional.max_pool3d(same(maps, self.window, self.stride), self.window, self.stride)


class Mixed(nn.Module):
    """Four branches side by side: 1x1x1, two that look around, and a maximum."""

    def __init__(self, given: int, channels: tuple, epsilon: float) -> None:
        """Take the channels given and those of the branches, as in BLOCKS."""
        super().__init__()
        first, second, third, fourth = channels
        self.branch_0 = Unit(given, first, 1, 1, epsilon)
        for name, (narrow, wide) in (("branch_1", second), ("branch_2", third)):
            units = (Unit(given, narrow, 1, 1, epsilon), Unit(narrow, wide, 3, 1, epsilon))
            setattr(self, name, nn.Sequential(*units))
        self.branch_3 = nn.Sequential(
            Pool((3, 3, 3), (1, 1, 1)), Unit(given, fourth, 1, 1, epsilon)
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N,C',T,h,w) of maps (N,C,T,h,w)."""
        branches = (self.branch_0, self.branch_1, self.branch_2, self.branch_3)
        return torch.cat([branch(maps) for branch in branches], dim=1)


class I3d(nn.Module):
    """Clips (N,3,T,H,W), or flow (N,2,T,H,W) -> logits (N,K)."""

    def __init__(self, num_classes: int, channels: int, epsilon: float) -> None:
        """Take the number of classes, of input channels, and the epsilon of all norms."""
        super().__init__()
        self.conv3d_1a_7x7 = Unit(channels, 64, 7, 2, epsilon)
        self.maxPool3d_2a_3x3 = Pool((1, 3, 3), (1, 2, 2))
        self.conv3d_2b_1x1 = Unit(64, 64, 1, 1, epsilon)
        self.conv3d_2c_3x3 = Unit(64, 192, 3, 1, epsilon)
        width = 192
        for name, widths in BLOCKS.items():
            if name in POOLS:
                self.add_module(f"pool_{name}", Pool(*POOLS[name]))
            self.add_module(name, Mixed(width, widths, epsilon))
            width = widths[0] + widths[1][1] + widths[2][1] + widths[3]
        self.avg_pool = MeanWithin((2, 7, 7))
        # Named like a unit of its own, as the published checkpoints do.
        self.conv3d_0c_1x1 = nn.Sequential()
        self.conv3d_0c_1x1.add_module("conv3d", nn.Conv3d(width, num_classes, 1))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,C,T,H,W)."""
        for module in self.children():
            clips = module(clips)
        return clips.mean(dim=(2, 3, 4))


def same(
    maps: torch.Tensor, window: tuple[int, int, int], stride: tuple[int, int, int]
) -> torch.Tensor:
    """Return maps (N,C,T,h,w) padded with zeros so that a window gives ceil(size / stride) cells.

    What cannot be halved goes to the end, as TensorFlow's SAME has it.
    """
    edges: list[int] = []
    for size, wide, step in zip(maps.shape[2:], window, stride, strict=True):
        missing = max((-(-size // step) - 1) * step + wide - size, 0)
        edges = [missing // 2, missing - missing // 2, *edges]
    return functional.pad(maps, edges) if any(edges) else maps


def i3d(
    num_classes: int,
    *,
    modality: str = "rgb",
    epsilon: float = 1e-3,
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
        modality: "rgb", or "flow" (Farneback's, computed from the frames of a clip).
        epsilon: of all norms; 1e-3 as the weights were trained, 1e-5 as older ports have it.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint file, `kinetics400` or `kinetics400_flow`; random weights when not
            given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    check_choice("i3d", "modality", modality, MODALITIES)
    net = I3d(num_classes, MODALITIES[modality], epsilon)
    return finished(
        net,
        name="i3d",
        preprocess=_preprocessing(modality, tuple(size), mode),
        cam_layers=("mixed_5c", "mixed_4f", "mixed_3c"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        head=HEAD,
    )


def _preprocessing(modality: str, size: tuple[int, ...], mode: str) -> Preprocessing:
    if modality == "flow":
        return FlowPreprocessing(size=size, mean=(0, 0, 0), std=(1, 1, 1), mode=mode)
    return Preprocessing(size=size, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), mode=mode)
