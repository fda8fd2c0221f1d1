"""What stands for "nothing to see" in a clip."""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.errors import InputError
from vidsal.models import VideoModel

KINDS = ("mean", "black")


def baseline(model: VideoModel, clip: Tensor, kind: str) -> Tensor:
    """Return the baseline (C,1,1,1) in the clip's type and place.

    Args:
        model: its preprocessing says what black is for the network.
        clip: (C,T,H,W).
        kind: "mean", the colour that training data have on average (0 in network space), or
            "black".

    Raises:
        InputError: another kind.
    """
    if kind == "mean":
        return torch.zeros_like(clip[:, :1, :1, :1])
    if kind == "black":
        return model.preprocess.black().to(clip)
    raise InputError(
        f"baseline {kind!r} in the options of a method: unknown; take {' or '.join(KINDS)}"
    )
