"""A network asked: frames made its input, its answer without a trace left in it."""

from __future__ import annotations

import h5py
import numpy as np
import torch
from torch import Tensor

from vidsal.models import VideoModel
from vidsal.video.frames import read_numbered


def read_clip(model: VideoModel, group: h5py.Group, numbers: np.ndarray) -> Tensor:
    """Return the network's input (3,T,H,W) for frames of the given numbers, int64 (T,)."""
    return model.preprocess(read_numbered(group, numbers))


def ask(model: VideoModel, batch: Tensor) -> Tensor:
    """Return the logits (N,K) of clips (N,C,T,H,W), every module's mode put back afterwards."""
    modes = [(module, module.training) for module in model.net.modules()]
    try:
        model.net.eval()
        with torch.inference_mode():
            return model.net(batch.to(model.device))
    finally:
        for module, mode in modes:
            module.training = mode
