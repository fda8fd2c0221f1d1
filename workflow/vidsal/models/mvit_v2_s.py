"""MViTv2-S: a video transformer whose attention pools its tokens, from many small to few large.

Li et al., "MViTv2: Improved Multiscale Vision Transformers for Classification and Detection",
CVPR 2022 (arXiv 2112.01526), in torchvision's form. What it knows of places are tables of relative
distances, made for 16 frames of 224 x 224 px; at other sizes they are stretched, as its authors do,
so that any size and length works, though trained weights are best at their own.

A class token gathers what the others hold, so the feature maps are the tokens that the last layer
of a stage hands to the class token's next look: `fold4` (T/2 x H/32 x W/32 cells) before the last
layer, `fold3` (T/2 x H/16 x W/16) before the last stage.
"""

from __future__ import annotations

import torch
from torchvision.models import video
from torchvision.models.video.mvit import MSBlockConfig

from vidsal.models._finish import finished
from vidsal.models._model import Preprocessing, VideoModel
from vidsal.models._tokens import Fold, unfold

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.pytorch.org/models/mvit_v2_s-ae3be167.pth",
        "sha256": "ae3be167",
        "licence": "Apache-2.0 (SlowFast), ported by torchvision (BSD-3-Clause)",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 16,
        "stride": 4,
    },
}
HEAD = ("head.1.weight", "head.1.bias")
GREY = {"mean": (0.45, 0.45, 0.45), "std": (0.225, 0.225, 0.225)}
# Per stage: channels, heads, layers, stride of the keys and values over H and W.
STAGES = ((96, 1, 1, 8), (192, 2, 2, 4), (384, 4, 11, 2), (768, 8, 2, 1))
# What no answer depends on: the class token of the last layer looks without distances or pooling,
# and what every key has in common leaves the softmax as it is.
LAST = ("rel_pos_h", "rel_pos_w", "rel_pos_t", "pool_q.pool.weight")
SHARED = "pool_k.norm_act.0.bias"


class Mvit(video.MViT):
    """torchvision's MViTv2-S for clips (N,3,T,H,W) of any size, with maps to look at."""

    def __init__(self, num_classes: int) -> None:
        """Take the number of classes."""
        super().__init__(
            spatial_size=(224, 224),
            temporal_size=16,
            block_setting=_layers(),
            residual_pool=True,
            residual_with_cls_embed=False,
            rel_pos_embed=True,
            proj_after_attn=True,
            stochastic_depth_prob=0.2,
            num_classes=num_classes,
        )
        self.fold3, self.fold4 = Fold(), Fold()
        _freeze_idle(self)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        patches = self.conv_proj(clips)
        shape = tuple(patches.shape[2:])
        tokens = self.pos_encoding(patches.flatten(2).transpose(1, 2))
        last = len(self.blocks) - 1
        folds = {last - 1: self.fold3, last: self.fold4}
        for number, block in enumerate(self.blocks):
            if number in folds:
                tokens = _through(folds[number], tokens, shape)
            tokens, shape = block(tokens, shape)
        return self.head(self.norm(tokens)[:, 0])


def _through(fold: Fold, tokens: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Return the tokens (N,1+L,C) unchanged, led through maps on their way; the first is no place.

    The maps must be on the path of the gradient, not beside it.
    """
    maps = fold(tokens[:, 1:], shape)
    return torch.cat([tokens[:, :1], unfold(maps).flatten(1, 3)], dim=1)


def _layers() -> list[MSBlockConfig]:
    """Return the settings of the sixteen layers: a stage's first one widens, and thins H and W."""
    made, width = [], STAGES[0][0]
    for stage, (channels, heads, count, reach) in enumerate(STAGES):
        for number in range(count):
            thin = 2 if stage and not number else 1
            made.append(_layer(heads, width, channels, thin, reach))
            width = channels
    return made


def _layer(heads: int, given: int, made: int, thin: int, keys: int) -> MSBlockConfig:
    return MSBlockConfig(
        num_heads=heads,
        input_channels=given,
        output_channels=made,
        kernel_q=[3, 3, 3],
        kernel_kv=[3, 3, 3],
        stride_q=[1, thin, thin],
        stride_kv=[1, keys, keys],
    )


def _freeze_idle(net: video.MViT) -> None:
    last = net.blocks[-1].attn
    for name in LAST:
        last.get_parameter(name).requires_grad_(False)
    for block in net.blocks:
        block.attn.get_parameter(SHARED).requires_grad_(False)


def mvit_v2_s(
    num_classes: int,
    *,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 16,
    stride: int = 4,
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
    net = Mvit(num_classes)
    return finished(
        net,
        name="mvit_v2_s",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **GREY),
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
