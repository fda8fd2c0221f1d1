"""S3D: Inception over video, its convolutions split into one over space and one over time.

Xie et al., "Rethinking Spatiotemporal Feature Learning: Speed-Accuracy Trade-offs in Video
Classification", ECCV 2018 (arXiv 1712.04851), in torchvision's form. Its last feature map has
T/8 x H/32 x W/32 cells.

torchvision needs 14 frames of 224 x 224 px at least; here windows shrink to the maps of smaller
clips, with equal results wherever torchvision has any. Norms follow the statistics of their
batches by a tenth per step instead of a thousandth, which a training of few steps would never see.
"""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models import video

from vidsal.models._finish import finished
from vidsal.models._model import Preprocessing, VideoModel
from vidsal.models._pool import MaxWithin, MeanWithin
from vidsal.models.r3d_18 import KINETICS

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.pytorch.org/models/s3d-d76dad2f.pth",
        "sha256": "d76dad2f",
        "licence": "BSD-3-Clause (torchvision), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "size": [224, 224],
        "mode": "crop",
        "length": 128,
        "stride": 2,
    },
}
HEAD = ("classifier.1.weight", "classifier.1.bias")
# The pool in torchvision's `features` whose window is cut off at the edges; the others are padded.
UNPADDED = 13


class S3d(video.S3D):
    """torchvision's S3D for clips (N,3,T,H,W) of any size."""

    def __init__(self, num_classes: int) -> None:
        """Take the number of classes."""
        super().__init__(num_classes, norm_layer=partial(nn.BatchNorm3d, eps=1e-3))
        pool = self.features[UNPADDED]
        self.features[UNPADDED] = MaxWithin(pool.kernel_size, pool.stride)
        self.avgpool = MeanWithin(self.avgpool.kernel_size)


def s3d(
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
    net = S3d(num_classes)
    return finished(
        net,
        name="s3d",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **KINETICS),
        cam_layers=("features.15", "features.12", "features.6"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        head=HEAD,
    )
