"""TSN: an image network of torchvision on every frame, its answers averaged over the clip.

Wang et al., "Temporal Segment Networks: Towards Good Practices for Deep Action Recognition", ECCV
2016 (arXiv 1608.00859), with the average as the consensus. It knows nothing of order or motion,
which makes it the floor for every video network, and it runs image classifiers on video: with
`average: probabilities` the result is log(1/T sum_t softmax(z_t)), whose softmax is the mean of the
frames' probabilities.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import torch
from torch import nn
from torchvision import models

from vidsal.errors import InputError
from vidsal.models._finish import as_frames, check_choice, finished, start_backbone
from vidsal.models._imagenet import RESNETS
from vidsal.models._mmaction2 import IGNORED, UNITS
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel

WEIGHTS = {
    "kinetics400": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/tsn/"
        "tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb/"
        "tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb_20220906-2692d16c.pth",
        "sha256": "2692d16c",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "backbone": "resnet50",
        "mode": "crop",
        "length": 8,
        "sampling": "segments",
    },
    "imagenet_resnet18": {
        "url": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "sha256": "f37072fd",
        "licence": "BSD-3-Clause (torchvision), trained on ImageNet-1K",
        "num_classes": 1000,
        "categories": "imagenet",
        "backbone": "resnet18",
    },
    "imagenet_resnet50": {
        "url": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "sha256": "0676ba61",
        "licence": "BSD-3-Clause (torchvision), trained on ImageNet-1K",
        "num_classes": 1000,
        "categories": "imagenet",
        "backbone": "resnet50",
    },
    "imagenet_squeezenet1_0": {
        "url": "https://download.pytorch.org/models/squeezenet1_0-b66bff10.pth",
        "sha256": "b66bff10",
        "licence": "BSD-3-Clause (torchvision), trained on ImageNet-1K",
        "num_classes": 1000,
        "categories": "imagenet",
        "backbone": "squeezenet1_0",
    },
}
BACKBONE_WEIGHTS = {"imagenet": RESNETS}
LAYOUTS = {
    "image network": [(r"^", "backbone.")],
    "mmaction2": [
        *UNITS,
        (r"\bconv(\d)\.conv\.", r"conv\1."),
        (r"^cls_head\.fc_cls\.", "backbone.fc."),
    ],
}
# Of ResNets, and so of the default; `_head` finds that of the others.
HEAD = ("backbone.fc.weight", "backbone.fc.bias")
AVERAGES = ("logits", "probabilities")
# Where torchvision's image networks have their last feature map, (N,C,h,w); Swin's `features`
# hold (N,h,w,C) and `permute` turns them, so it comes first.
CAM_LAYERS = ("layer4", "permute", "features", "trunk_output", "conv5", "layers")
# They return tuples in training mode.
UNFIT = {"googlenet", "inception_v3"}


class FrameAverage(nn.Module):
    """Frames (N,3,T,H,W) -> image network per frame -> average over T -> logits (N,K)."""

    def __init__(self, backbone: nn.Module, average: str) -> None:
        """Take an image network (n,3,H,W) -> (n,K) and what to average."""
        super().__init__()
        self.backbone = backbone
        self.average = average

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        logits = self.frame_features(as_frames(clips))
        return self.from_frame_features(logits.unflatten(0, (len(clips), -1)))

    def frame_features(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the logits (n,K) of frames (n,3,H,W)."""
        return self.backbone(frames)

    def from_frame_features(self, logits: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of the logits (N,T,K) of the frames of clips."""
        if self.average == "logits":
            return logits.mean(dim=1)
        return logits.log_softmax(dim=-1).logsumexp(dim=1) - math.log(logits.shape[1])


def tsn(
    num_classes: int,
    *,
    backbone: str = "resnet18",
    average: str = "logits",
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    channels: str = "rgb",
    scale: float = 1 / 255,
    mean: list[float] | None = None,
    std: list[float] | None = None,
    resize: str = "bilinear",
    length: int = 8,
    stride: int = 4,
    hop: int | None = None,
    sampling: str = "dense",
    weights: str | None = None,
    backbone_weights: str | None = None,
    new_head: bool = False,
    categories: str | None = None,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        backbone: an image network of torchvision by its name, such as "squeezenet1_0".
        average: "logits" or "probabilities" of the frames.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        channels: order of the colours, "rgb" or "bgr" (Caffe).
        scale: factor on the 0..255 values, 1 for Caffe's networks.
        mean: per channel after scaling, in the order of `channels`; ImageNet's when not given.
        std: likewise.
        resize: "bilinear" with antialiasing, or "area" (OpenCV's, which Caffe users often take).
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint of this model, of the bare image network or of MMAction2's TSN on
            ResNets, or `kinetics400`, `imagenet_resnet18`, `imagenet_resnet50`,
            `imagenet_squeezenet1_0`; random weights when not given.
        backbone_weights: `imagenet` (for ResNets), or a checkpoint file of the image network, for
            all but its last layer, which is trained.
        new_head: take all of `weights` but the last layer, to train one for other classes.
        categories: a JSON file of class names: a list, or ImageNet's {"0": ["n01440764", "tench"]}.
    """
    _check(backbone)
    check_choice("tsn", "average", average, AVERAGES)
    net = FrameAverage(models.get_model(backbone, weights=None, num_classes=num_classes), average)
    head = _head(net, num_classes)
    own = tuple(key.removeprefix("backbone.") for key in head)
    start_backbone(net.backbone, backbone_weights, weights, head=own)
    made = finished(
        net,
        name="tsn",
        preprocess=Preprocessing(
            size=tuple(size),
            mean=tuple(mean or IMAGENET["mean"]),
            std=tuple(std or IMAGENET["std"]),
            mode=mode,
            channels=channels,
            scale=scale,
            resize=resize,
        ),
        cam_layers=tuple(f"backbone.{n}" for n in CAM_LAYERS if hasattr(net.backbone, n))[:1],
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        layouts=LAYOUTS,
        ignored=IGNORED,
        head=head,
        frame_wise=True,
    )
    if not categories:
        return made
    return dataclasses.replace(made, categories=read_categories(categories, num_classes))


def read_categories(path: str, num_classes: int) -> list[str]:
    """Return the class names of a JSON file: a list, or a dict of numbers to (code, name).

    Raises:
        InputError: the file is missing, is no such JSON, or names another number of classes.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            found = [found[str(number)] for number in range(len(found))]
        names = [entry if isinstance(entry, str) else entry[-1] for entry in found]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"categories {path}: not readable as class names ({error!r}); give a JSON list of names"
        ) from error
    if len(names) != num_classes:
        raise InputError(
            f"categories {path}: names {len(names)} classes, the model has {num_classes}; "
            "give both the same number"
        )
    return names


def _check(backbone: str) -> None:
    known = set(models.list_models(module=models)) - UNFIT
    if backbone not in known:
        raise InputError(
            f"tsn: backbone {backbone!r} is no image network of torchvision that returns plain "
            f"logits; take one of {', '.join(sorted(known))}"
        )


def _head(net: FrameAverage, num_classes: int) -> tuple[str, ...]:
    """Return the keys of the last layer that gives one number for each class."""
    ending = [
        name
        for name, module in net.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and len(module.weight) == num_classes
    ]
    return tuple(f"{ending[-1]}.{kind}" for kind in ("weight", "bias"))
