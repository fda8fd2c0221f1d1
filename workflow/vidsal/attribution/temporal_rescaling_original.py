"""Temporal rescaling, the published script: whatever frame is meant, frame 1 is masked.

The script for KTH videos masks cell i of frame 1 where cell i of frame t is meant, so that F is the
same for all frames: M[t,i] = D_t F_{1,i} above the 0.55 quantile of D_t, 0.1 D_t elsewhere, with
the red value of the first frame's top left pixel as the mask. Kept for comparison with results of
that script; `temporal_rescaling` masks the frame that is meant.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution import _rescaling
from vidsal.errors import InputError
from vidsal.models import VideoModel

QUANTILE, UNSELECTED, MASKED = 0.55, 0.1, 1


def temporal_rescaling_original(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    cells: list[int] = [12, 12],  # noqa: B006
) -> Tensor:
    """Return the heatmap (T,*cells) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        cells: [rows, columns] of the grid.
    """
    if clip.shape[1] <= MASKED:
        raise InputError(
            "temporal_rescaling_original: it masks the second frame, and the clip has one; "
            "take temporal_rescaling"
        )
    cover = clip[:1, :1, :1, :1]
    asked = {"cover": cover, "base": "gradient", "absolute": True}
    delta = _rescaling.of_frames(model, clip, target, **asked)
    masks = [_rescaling.Mask(MASKED, *box) for box in _rescaling.grid(clip.shape, cells)]
    found = _rescaling.changes(model, clip, target, masks, **asked)
    above = delta > torch.quantile(delta, QUANTILE)
    importance = torch.where(above[:, None], found[None], torch.full_like(found, UNSELECTED))
    return (_rescaling.contribution(delta)[:, None] * importance).view(-1, *cells)
