"""I3D ResNet-50: every other block of an image network sees three frames instead of one.

Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset", CVPR
2017 (arXiv 1705.07750), on the ResNet-50 of Wang et al., "Non-local Neural Networks", CVPR 2018
(arXiv 1711.07971), in the form and with the names of MMAction2 (`i3d_r50`). Its last feature map
has T/8 x H/32 x W/32 cells.

No outputs of the original were at hand. Shapes and parameters are those of its checkpoints, and
with inflated weights it gives what the image network gives, on still and on moving clips.
"""

from __future__ import annotations

from vidsal.models._finish import finished, start_backbone
from vidsal.models._imagenet import RESNETS
from vidsal.models._mmaction2 import IGNORED, LAYOUTS
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel
from vidsal.models._resnet_3d import IMAGE_LAYOUTS, Recogniser, Unit, resnet50_stages

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/i3d/"
        "i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb/"
        "i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb_20220812-e213c223.pth",
        "sha256": "e213c223",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 32,
        "stride": 2,
    },
}
BACKBONE_WEIGHTS = {"imagenet": {"resnet50": RESNETS["resnet50"]}}
INFLATED = ((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0))


def i3d_resnet50(
    num_classes: int,
    *,
    dropout: float = 0.5,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 32,
    stride: int = 2,
    hop: int | None = None,
    sampling: str = "dense",
    weights: str | None = None,
    backbone_weights: str | None = None,
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
        weights: a checkpoint file, or `kinetics400`; random weights when not given.
        backbone_weights: `imagenet`, or a checkpoint file of torchvision's ResNet-50, spread over
            time, for all but the last layer, which is trained.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    stem, stages = Unit(3, 64, (5, 7, 7), (2, 2, 2)), resnet50_stages(INFLATED)
    net = Recogniser(stem, stages, 2048, num_classes, dropout=dropout, pool_stride=2, halved=True)
    start_backbone(net, backbone_weights, weights, layouts=IMAGE_LAYOUTS)
    return finished(
        net,
        name="i3d_resnet50",
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
