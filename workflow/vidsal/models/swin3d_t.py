"""Swin3D-T: a video transformer whose tokens attend within windows that shift from layer to layer.

Liu et al., "Video Swin Transformer", CVPR 2022 (arXiv 2106.13230), the tiny one, in torchvision's
form. Any size and length works: what does not fill a patch of 2 x 4 x 4 or a window is padded. Its
tokens are laid out as maps after the last norm (`fold4`, T/2 x H/32 x W/32 cells) and after the
third stage (`fold3`, T/2 x H/16 x W/16).
"""

from __future__ import annotations

import torch
from torchvision.models import video

from vidsal.models._finish import finished
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel
from vidsal.models._tokens import Fold, unfold

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.pytorch.org/models/swin3d_t-7615ae03.pth",
        "sha256": "7615ae03",
        "licence": "Apache-2.0 (Video-Swin-Transformer), ported by torchvision (BSD-3-Clause)",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 32,
        "stride": 2,
    },
}
HEAD = ("head.weight", "head.bias")
# In torchvision's `features` stages and mergings of patches take turns; this is the third stage.
THIRD = 4


class Swin3d(video.SwinTransformer3d):
    """torchvision's Video Swin, tiny, with maps to look at: clips (N,3,T,H,W) -> logits (N,K)."""

    def __init__(self, num_classes: int) -> None:
        """Take the number of classes."""
        super().__init__(
            patch_size=[2, 4, 4],
            embed_dim=96,
            depths=[2, 2, 6, 2],
            num_heads=[3, 6, 12, 24],
            window_size=[8, 7, 7],
            stochastic_depth_prob=0.1,
            num_classes=num_classes,
        )
        self.fold3, self.fold4 = Fold(), Fold()

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        tokens = self.pos_drop(self.patch_embed(clips))
        for number, part in enumerate(self.features):
            tokens = part(tokens)
            if number == THIRD:
                tokens = unfold(self.fold3(tokens, tokens.shape[1:4]))
        maps = self.fold4(self.norm(tokens), tokens.shape[1:4])
        return self.head(self.avgpool(maps).flatten(1))


def swin3d_t(
    num_classes: int,
    *,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 32,
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
        weights: a checkpoint file, or `kinetics400`; random weights when not given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    net = Swin3d(num_classes)
    return finished(
        net,
        name="swin3d_t",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **IMAGENET),
        cam_layers=("fold4", "fold3"),
        tokens=(2, 4, 4),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        head=HEAD,
    )
