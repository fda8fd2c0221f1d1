"""R(2+1)D-34: ResNet-34 with every convolution split into one over space and one over time.

Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018
(arXiv 1711.11248), in the form and with the names of MMAction2 (`r2plus1d_r34`), which pools after
its stem, splits the shortcuts too, and gives norms an epsilon of 1e-3 but for those inside the
pairs. Its last feature map has T/8 x H/32 x W/32 cells.

No outputs of the original were at hand. Shapes and parameters are those of its checkpoints, and its
blocks give what torchvision's R(2+1)D blocks of the same weights give.
"""

from __future__ import annotations

from vidsal.models._finish import finished
from vidsal.models._mmaction2 import IGNORED, LAYOUTS
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel
from vidsal.models._resnet_3d import Recogniser, Unit, resnet34_stages

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/r2plus1d/"
        "r2plus1d_r34_8xb8-32x2x1-180e_kinetics400-rgb/"
        "r2plus1d_r34_8xb8-32x2x1-180e_kinetics400-rgb_20220812-4270588c.pth",
        "sha256": "4270588c",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 32,
        "stride": 2,
    },
    "kinetics400_8": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/r2plus1d/"
        "r2plus1d_r34_8xb8-8x8x1-180e_kinetics400-rgb/"
        "r2plus1d_r34_8xb8-8x8x1-180e_kinetics400-rgb_20220812-47cfe041.pth",
        "sha256": "47cfe041",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 8,
        "stride": 8,
    },
}
EPSILON = 1e-3


def r2plus1d_34(
    num_classes: int,
    *,
    dropout: float = 0.5,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 8,
    stride: int = 8,
    hop: int | None = None,
    sampling: str = "dense",
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
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint file, `kinetics400` or `kinetics400_8`; random weights when not given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    stem = Unit(3, 64, (3, 7, 7), (1, 2, 2), epsilon=EPSILON, factored=True)
    net = Recogniser(stem, resnet34_stages(EPSILON), 512, num_classes, dropout=dropout)
    return finished(
        net,
        name="r2plus1d_34",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **IMAGENET),
        cam_layers=("layer4", "layer3", "layer2", "layer1"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        layouts=LAYOUTS,
        ignored=IGNORED,
    )
