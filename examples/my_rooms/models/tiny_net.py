"""Tiny net: three convolutions over space and time, an example of a network of one's own.

Copy this file, exchange the network and what `VideoModel` is told of it: how frames become its
input, how clips are laid over a video, and which layers have feature maps. Name the folder under
`rooms:` in the config and the file under `run: models:`. Everything else follows: training,
classification, every attribution method, tables and pages.
"""

from __future__ import annotations

import torch
from torch import nn

from vidsal.models import Preprocessing, VideoModel, finished

# The keys of the last layer, which `new_head: true` leaves out of a checkpoint.
HEAD = ("head.weight", "head.bias")
# How others call our layers: name of the layout -> (regular expression, replacement) pairs.
LAYOUTS = {"old_names": [(r"^features\.", "body."), (r"^fc\.", "head.")]}


class TinyNet(nn.Module):
    """Clips (N,3,T,H,W) -> convolutions -> mean over space and time -> logits (N,K)."""

    def __init__(self, num_classes: int, channels: int) -> None:
        """Take the number of classes and of channels of the first layer."""
        super().__init__()
        self.body = nn.Sequential(
            *_block(3, channels), *_block(channels, 2 * channels), *_block(2 * channels, 64)
        )
        self.head = nn.Linear(64, num_classes)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        return self.head(self.body(clips).mean(dim=(2, 3, 4)))


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv3d(inputs, outputs, 3, stride=(1, 2, 2), padding=1, bias=False)
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU()]


def tiny_net(
    num_classes: int,
    *,
    channels: int = 16,
    size: list[int] = [48, 64],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 8,
    stride: int = 4,
    hop: int | None = None,
    sampling: str = "dense",
    weights: str | None = None,
    new_head: bool = False,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        channels: of the first layer; the second has twice as many.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint file; random weights when not given.
        new_head: leave the last layer of the weights out, to train one of one's own.
    """
    net = TinyNet(num_classes, channels)
    return finished(
        net,
        name="tiny_net",
        preprocess=Preprocessing(
            size=tuple(size), mode=mode, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)
        ),
        cam_layers=("body.8", "body.5", "body.2"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        layouts=LAYOUTS,
        head=HEAD,
    )
