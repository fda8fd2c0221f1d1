"""MC3-18: a residual network of 18 layers, 3D convolutions first and images only after that.

Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018
(arXiv 1711.11248), in torchvision's form. The first group of layers mixes frames, the three
after it look at every frame alone and time is never thinned out: its last feature map has
T x H/16 x W/16 cells.
"""

from __future__ import annotations

from torchvision.models import video

from vidsal.models._finish import finished
from vidsal.models._model import Preprocessing, VideoModel
from vidsal.models.r3d_18 import KINETICS

# torchvision brings frames to 128 x 171 first and cuts 112 x 112 out; "crop" keeps a little more.
WEIGHTS = {
    "kinetics400": {
        "url": "https://download.pytorch.org/models/mc3_18-a90a0ba3.pth",
        "sha256": "a90a0ba3",
        "licence": "BSD-3-Clause (torchvision), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [112, 112],
        "mode": "crop",
        "length": 16,
        "stride": 2,
    },
}


def mc3_18(
    num_classes: int,
    *,
    size: list[int] = [112, 112],  # noqa: B006 - only read
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
        weights: a checkpoint file, or `kinetics400`; random weights when not given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    net = video.mc3_18(weights=None, num_classes=num_classes)
    return finished(
        net,
        name="mc3_18",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **KINETICS),
        cam_layers=("layer4", "layer3", "layer2", "layer1"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
    )
