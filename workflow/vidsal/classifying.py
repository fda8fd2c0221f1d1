"""What a network says about a video: clips laid over it, their logits averaged."""

from __future__ import annotations

import h5py
import numpy as np
import torch
from torch import Tensor

from vidsal.models import VideoModel
from vidsal.video import clips, frames


def classify(model: VideoModel, group: h5py.Group, batch_size: int = 8) -> dict[str, object]:
    """Classify one video by the mean logits of its clips.

    The network is asked in evaluation mode and left in the mode it was in.

    Args:
        model: the network and its clip layout.
        group: the video's group of the frames file.
        batch_size: clips that go through the network at once; changes nothing but rounding.

    Returns:
        `logits` float32 (n,K) of the n clips, `video_logits` float32 (K,) their mean, `predicted`
        the number of the largest, `probability` its softmax.
    """
    layout = clips.layout(len(group["time"]), model.length, model.stride, model.hop)
    found = []
    for first in range(0, len(layout), batch_size):
        numbers = layout[first : first + batch_size]
        batch = torch.stack([read_clip(model, group, one) for one in numbers])
        found.append(ask(model, batch.to(model.device)).cpu().numpy())
    logits = np.concatenate(found)
    mean = logits.astype(np.float64).mean(axis=0)
    raised = np.exp(mean - mean.max())
    best = int(mean.argmax())
    return {
        "logits": logits,
        "video_logits": mean.astype(np.float32),
        "predicted": best,
        "probability": float(raised[best] / raised.sum()),
    }


def read_clip(model: VideoModel, group: h5py.Group, numbers: np.ndarray) -> Tensor:
    """Return the network's input (3,T,H,W) for frames of the given numbers, int64 (T,)."""
    return model.preprocess(read_numbered(group, numbers))


def read_numbered(group: h5py.Group, numbers: np.ndarray) -> np.ndarray:
    """Return frames of ascending numbers (T,) of a group, uint8 (T,H,W,3).

    Read in one piece: picking frames inside HDF5 is a hundred times slower.
    """
    first = int(numbers[0])
    return frames.read_frames(group, first, int(numbers[-1]) + 1)[numbers - first]


def ask(model: VideoModel, batch: Tensor) -> Tensor:
    """Return the logits (N,K) of clips (N,C,T,H,W), every module's mode put back afterwards."""
    modes = [(module, module.training) for module in model.net.modules()]
    try:
        model.net.eval()
        with torch.inference_mode():
            return model.net(batch)
    finally:
        for module, mode in modes:
            module.training = mode
