"""TSM: a ResNet on every frame that hands a quarter of its channels to the frames beside it.

Lin et al., "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019 (arXiv
1811.08383), in its residual form: before the first convolution of every block, the first eighth of
the channels comes from the next frame and the second from the one before, zeros beyond the ends.
The answers of the frames are averaged. Names are torchvision's; what MMAction2 calls
`backbone/layer4/1/relu` is the output of `layer4.1` here.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import resnet

from vidsal.models._finish import as_frames, check_choice, finished, start_backbone
from vidsal.models._imagenet import RESNETS
from vidsal.models._mmaction2 import IGNORED as MMACTION2
from vidsal.models._mmaction2 import UNITS
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel

WEIGHTS = {
    # 8 frames, 8 apart, as clips are laid here.
    "kinetics400": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/tsm/"
        "tsm_imagenet-pretrained-r50_8xb16-dense-1x1x8-50e_kinetics400-rgb/"
        "tsm_imagenet-pretrained-r50_8xb16-dense-1x1x8-50e_kinetics400-rgb_20220831-f55d3c2b.pth",
        "sha256": "f55d3c2b",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "backbone": "resnet50",
        "size": [224, 224],
        "mode": "crop",
        "length": 8,
        "stride": 8,
    },
    # 16 frames from all over the video.
    "kinetics400_16": {
        "url": "https://download.openmmlab.com/mmaction/v1.0/recognition/tsm/"
        "tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_kinetics400-rgb/"
        "tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_kinetics400-rgb_20220831-042b1748.pth",
        "sha256": "042b1748",
        "licence": "Apache-2.0 (MMAction2), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "backbone": "resnet50",
        "size": [224, 224],
        "mode": "crop",
        "length": 16,
        "sampling": "segments",
    },
    "kinetics400_authors": {
        "url": "https://hanlab18.mit.edu/projects/tsm/models/"
        "TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e100_dense.pth",
        "mirrors": [
            "https://file.lzhu.me/projects/tsm/models/"
            "TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e100_dense.pth"
        ],
        "licence": "MIT (temporal-shift-module), trained on Kinetics-400",
        "num_classes": 400,
        "categories": "kinetics400",
        "backbone": "resnet50",
        "size": [224, 224],
        "mode": "crop",
        "length": 8,
        "stride": 8,
    },
    "epic_verb": {
        "url": "https://data.bris.ac.uk/datasets/2tw6gdvmfj3f12papdy24flvmo/"
        "TSM_arch=resnet50_modality=RGB_segments=8-cfc93918.pth.tar",
        "licence": "Apache-2.0 (epic-kitchens-55-action-models), trained on EPIC-KITCHENS-55",
        "num_classes": 125,
        "head": "verb",
        "backbone": "resnet50",
        "size": [224, 224],
        "mode": "crop",
        "length": 8,
        "sampling": "segments",
    },
    "epic_noun": {
        "url": "https://data.bris.ac.uk/datasets/2tw6gdvmfj3f12papdy24flvmo/"
        "TSM_arch=resnet50_modality=RGB_segments=8-cfc93918.pth.tar",
        "licence": "Apache-2.0 (epic-kitchens-55-action-models), trained on EPIC-KITCHENS-55",
        "num_classes": 352,
        "head": "noun",
        "backbone": "resnet50",
        "size": [224, 224],
        "mode": "crop",
        "length": 8,
        "sampling": "segments",
    },
}
BACKBONE_WEIGHTS = {
    "imagenet": {"resnet18": RESNETS["resnet18"], "resnet50": RESNETS["resnet50"]},
}
LAYOUTS = {
    "mit-han-lab": [(r"^base_model\.", ""), (r"\.conv1\.net\.", ".conv1."), (r"^new_fc\.", "fc.")],
    "epic verb": [(r"^base_model\.", ""), (r"\.conv1\.net\.", ".conv1."), (r"^fc_verb\.", "fc.")],
    "epic noun": [(r"^base_model\.", ""), (r"\.conv1\.net\.", ".conv1."), (r"^fc_noun\.", "fc.")],
    "mmaction2": [
        (r"^backbone\.", ""),
        *UNITS,
        (r"\bconv(\d)\.conv\.(net\.)?", r"conv\1."),
        (r"^cls_head\.fc_cls\.", "fc."),
    ],
}
# Heads of another task in the same checkpoint.
IGNORED = [r"^fc_verb\.", r"^fc_noun\.", *MMACTION2]
HEADS = ("verb", "noun")
BACKBONES = {
    "resnet18": (resnet.BasicBlock, (2, 2, 2, 2)),
    "resnet50": (resnet.Bottleneck, (3, 4, 6, 3)),
}
# One part of this many comes from the next frame, and one from the frame before.
PARTS = 8


class ShiftedConv(nn.Conv2d):
    """A convolution of frames (N*T,C,h,w) after the shift; the network says what T is."""

    frames = 1

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (N*T,C',h',w') of maps (N*T,C,h,w)."""
        return super().forward(shifted(maps, self.frames))


class Tsm(resnet.ResNet):
    """Clips (N,3,T,H,W) -> shifting ResNet on all frames -> average over T -> logits (N,K)."""

    def __init__(self, backbone: str, num_classes: int, dropout: float) -> None:
        """Take a name of BACKBONES, the number of classes, and the dropout before the last layer.

        torchvision draws the weights, so that they are those of its image network.
        """
        block, counts = BACKBONES[backbone]
        super().__init__(block, list(counts), num_classes=num_classes)
        self.dropout = nn.Dropout(dropout)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for unit in stage:
                unit.conv1 = _shifting(unit.conv1)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        count, _, length = clips.shape[:3]
        for module in self.modules():
            if isinstance(module, ShiftedConv):
                module.frames = length
        maps = self.maxpool(self.relu(self.bn1(self.conv1(as_frames(clips)))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        logits = self.fc(self.dropout(maps.mean(dim=(2, 3))))
        return logits.unflatten(0, (count, length)).mean(dim=1)


def shifted(maps: torch.Tensor, frames: int) -> torch.Tensor:
    """Return maps (N*T,C,h,w) with a part of the channels from later and from earlier frames.

    Args:
        maps: feature maps, T running fastest.
        frames: T.
    """
    clips = maps.unflatten(0, (-1, frames))
    part = maps.shape[1] // PARTS
    later = functional.pad(clips[:, 1:, :part], (0, 0, 0, 0, 0, 0, 0, 1))
    earlier = functional.pad(clips[:, :-1, part : 2 * part], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat((later, earlier, clips[:, :, 2 * part :]), dim=2).flatten(0, 1)


def _shifting(plain: nn.Conv2d) -> ShiftedConv:
    """Return a convolution with the same weights that shifts first."""
    shape = (plain.in_channels, plain.out_channels, plain.kernel_size, plain.stride, plain.padding)
    # No memory and no random numbers for weights that are replaced at once.
    made = ShiftedConv(*shape, bias=False, device="meta")
    made.weight = plain.weight
    return made


def tsm(
    num_classes: int,
    *,
    backbone: str = "resnet50",
    dropout: float = 0.5,
    head: str | None = None,
    size: list[int] = [224, 224],  # noqa: B006 - only read
    mode: str = "squash",
    mean: list[float] | None = None,
    std: list[float] | None = None,
    length: int = 8,
    stride: int = 8,
    hop: int | None = None,
    sampling: str = "dense",
    weights: str | None = None,
    backbone_weights: str | None = None,
    new_head: bool = False,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        backbone: "resnet18" or "resnet50".
        dropout: share of the features of a frame that are left out while training.
        head: "verb" or "noun", of `weights` that have both.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        mean: of the colours in 0..1, RGB; ImageNet's when not given.
        std: likewise.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint of the authors, of EPIC-KITCHENS' models, of MMAction2 or of a bare
            torchvision ResNet, or a name: `kinetics400`, `kinetics400_16`, `kinetics400_authors`,
            `epic_verb`, `epic_noun`; random weights when not given.
        backbone_weights: `imagenet`, or a checkpoint file of an image network, for all but the last
            layer, which is trained.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    check_choice("tsm", "backbone", backbone, BACKBONES)
    if head is not None:
        check_choice("tsm", "head", head, HEADS)
    net = Tsm(backbone, num_classes, dropout)
    start_backbone(net, backbone_weights, weights)
    return finished(
        net,
        name="tsm",
        preprocess=Preprocessing(
            size=tuple(size),
            mean=tuple(mean or IMAGENET["mean"]),
            std=tuple(std or IMAGENET["std"]),
            mode=mode,
        ),
        cam_layers=("layer4", "layer3", "layer2", "layer1"),
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        layouts=LAYOUTS,
        ignored=_not_needed(head, new_head),
        frame_wise=True,
    )


def _not_needed(head: str | None, new_head: bool) -> list[str]:
    """Return IGNORED without the head that is wanted, or without both where none is chosen."""
    wanted = {f"^fc_{one}\\." for one in HEADS if head in (None, one) and not new_head}
    return [pattern for pattern in IGNORED if pattern not in wanted]
