"""SlowOnly: the slow pathway of SlowFast, a ResNet-50 that looks at time in its last two stages.

Feichtenhofer et al., "SlowFast Networks for Video Recognition", ICCV 2019 (arXiv 1812.03982), in
the form and with the names of MMAction2 (`slowonly_r50`). Few frames, far apart, and none is ever
merged: its last feature map has T x H/32 x W/32 cells.

No outputs of the original were at hand. Shapes and parameters are those of its checkpoints, and
with inflated weights it gives what the image network gives, on still and on moving clips.
"""

from __future__ import annotations

from vidsal.models import _checkpoint
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel
from vidsal.models._resnet_3d import Recogniser, Unit, resnet50_stages

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/slowonly/"
        "slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb/"
        "slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb_20220901-2132fc87.pth",
        "sha256": "2132fc87",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 8,
        "stride": 8,
    },
}
LAYOUTS = {"mmaction2": [(r"^backbone\.", ""), (r"^cls_head\.fc_cls\.", "fc.")]}
IGNORED = [r"^data_preprocessor\."]
HEAD = ("fc.weight", "fc.bias")
INFLATED = ((0,) * 3, (0,) * 4, (1,) * 6, (1,) * 3)


def slow_only(
    num_classes: int,
    *,
    dropout: float = 0.5,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 8,
    stride: int = 8,
    hop: int | None = None,
    weights: str | None = None,
    new_head: bool = False,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        dropout: share of the features that are left out while training.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        weights: a checkpoint file, or `kinetics400`; random weights when not given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    stem, stages = Unit(3, 64, (1, 7, 7), (1, 2, 2)), resnet50_stages(INFLATED)
    net = Recogniser(stem, stages, 2048, num_classes, dropout=dropout)
    categories = None
    if weights:
        loaded = _checkpoint.load(
            net, weights, layouts=LAYOUTS, ignored=IGNORED, head=HEAD, new_head=new_head
        )
        categories = loaded.categories
    return VideoModel(
        name="slow_only",
        net=net,
        preprocess=Preprocessing(size=tuple(size), mode=mode, **IMAGENET),
        categories=categories,
        cam_layers=("layer4", "layer3", "layer2", "layer1"),
        length=length,
        stride=stride,
        hop=length * stride if hop is None else hop,
    )
