"""What stands for "nothing to see" in a clip."""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution._blur import blur
from vidsal.errors import InputError
from vidsal.models import VideoModel

KINDS = ("mean", "black", "blurred", "temporal_mean", "frozen_frame")
# Width of the blur as a part of the frame's shorter side: 14 px of 112.
BLUR = 1 / 8


def baseline(model: VideoModel, clip: Tensor, kind: str) -> Tensor:
    """Return the baseline, which broadcasts to the clip, in the clip's type and place.

    Args:
        model: its preprocessing says what black is for the network.
        clip: (C,T,H,W).
        kind: what is left of the clip: "mean", the colour that training data have on average (0 in
            network space), and "black", both (C,1,1,1): nothing; "blurred" (C,T,H,W): its coarse
            colours, each frame blurred by a Gaussian of 1/8 of its shorter side (`_blur.blur`);
            "temporal_mean" (C,1,H,W): its mean over time; "frozen_frame" (C,1,H,W): its middle
            frame, T // 2, all the time. Against the last two only what moves can count.

    Raises:
        InputError: another kind.
    """
    if kind == "mean":
        return torch.zeros_like(clip[:, :1, :1, :1])
    if kind == "black":
        return model.preprocess.black().to(clip)
    if kind == "blurred":
        return blur(clip, BLUR * min(clip.shape[-2:]))
    if kind == "temporal_mean":
        return clip.mean(dim=1, keepdim=True)
    if kind == "frozen_frame":
        middle = clip.shape[1] // 2
        return clip[:, middle : middle + 1]
    raise InputError(
        f"baseline {kind!r} in the options of a method: unknown; take {', '.join(KINDS)}"
    )
