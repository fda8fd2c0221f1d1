"""What all model files do alike: options checked, weights put in, clips laid."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch

from vidsal.errors import InputError
from vidsal.models import _checkpoint
from vidsal.models._checkpoint import FC
from vidsal.models._model import Preprocessing, VideoModel


def finished(
    net: torch.nn.Module,
    *,
    name: str,
    preprocess: Preprocessing,
    cam_layers: tuple[str, ...],
    length: int,
    stride: int,
    hop: int | None,
    sampling: str = "dense",
    weights: str | None = None,
    new_head: bool = False,
    layouts: _checkpoint.Layouts | None = None,
    ignored: Sequence[str] = (),
    head: Sequence[str] = FC,
    frame_wise: bool = False,
    tokens: tuple[int, int, int] | None = None,
) -> VideoModel:
    """Return a network as a VideoModel, filled with the weights that the options name.

    Args:
        net: the network; its weights are changed in place.
        name: of its file.
        preprocess: makes a clip of frames.
        cam_layers: module paths that have feature maps, Grad-CAM's default first.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips; length * stride when not given.
        sampling: "dense" or "segments".
        weights: a checkpoint file, if any.
        new_head: take all of it but the last layer.
        layouts: how checkpoints name the network's tensors; see `_checkpoint`.
        ignored: regular expressions of keys of a checkpoint that are known and not needed.
        head: the network's own keys of its last layer.
        frame_wise: the CAM layers see frames as a batch.
        tokens: (T,H,W) of the patch behind a token.

    Raises:
        InputError: clips that cannot be laid, or weights that do not fit.
    """
    categories = None
    if weights:
        loaded = _checkpoint.load(
            net, weights, layouts=layouts, ignored=ignored, head=head, new_head=new_head
        )
        categories = loaded.categories
    return VideoModel(
        name=name,
        net=net,
        preprocess=preprocess,
        categories=categories,
        cam_layers=cam_layers,
        length=length,
        stride=stride,
        hop=length * stride if hop is None else hop,
        frame_wise=frame_wise,
        tokens=tokens,
        sampling=sampling,
    )


def start_backbone(
    backbone: torch.nn.Module,
    file: str | None,
    weights: str | None,
    *,
    layouts: _checkpoint.Layouts | None = None,
    head: Sequence[str] = FC,
) -> None:
    """Fill the part of a network that looks at pictures from an image network, but for its head.

    Kernels over space become kernels over space and time that give the same on still clips:
    repeated over time and divided by its length (Carreira and Zisserman, CVPR 2017, section 2.4).

    Args:
        backbone: the part, or the whole of a network that is one; changed in place.
        file: the checkpoint of an image network; nothing happens when not given.
        weights: what the option `weights` names, which would hold the backbone already.
        layouts: how the image network names the tensors.
        head: the backbone's own keys of its last layer, which stays random.

    Raises:
        InputError: both files are given, or this one does not fit.
    """
    if file and weights:
        raise InputError(
            f"backbone_weights {file}: weights {weights} are given too, and hold a backbone "
            "already; leave one of the two out"
        )
    if file:
        _checkpoint.load(backbone, file, layouts=layouts, head=head, new_head=True, inflate=True)


def check_choice(model: str, option: str, value: object, known: Collection[str]) -> None:
    """Refuse an option of a model that is none of what is known.

    Raises:
        InputError: it is not.
    """
    if value not in known:
        raise InputError(
            f"{model}: {option} {value!r} is unknown; take {' or '.join(map(str, known))}"
        )


def as_frames(clips: torch.Tensor) -> torch.Tensor:
    """Return clips (N,C,T,H,W) as a batch of frames (N*T,C,H,W), T running fastest."""
    # Time beside the batch first: a plain view would mix channels with frames.
    return clips.transpose(1, 2).flatten(0, 1)
