"""SalBCE: the generator of SalGAN trained without a discriminator, also on more than colours.

The layers are those of `salgan`; its authors trained them by binary cross-entropy alone, on stills
and on videos, tried batch normalisation, and gave the network more channels: depth, the place of
each pixel, and optical flow. The place: Liu et al., "An Intriguing Failing of Convolutional Neural
Networks and the CoordConv Solution", NeurIPS 2018 (arXiv 1807.03247).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import cv2
import numpy as np
import torch

from vidsal.errors import InputError
from vidsal.gaze import _salgan
from vidsal.gaze._finish import finished, start_generator
from vidsal.gaze._model import GazeModel
from vidsal.gaze._salgan import BACKBONE_WEIGHTS  # noqa: F401 - names of weights
from vidsal.models import Preprocessing
from vidsal.models._finish import check_choice

WEIGHTS = {
    "salicon": {
        "form": "ask for salgan_salicon.pt as github.com/Linardos/SalEMA says in its README",
        "file": "salgan_salicon.pt",
        "licence": "none stated, trained on SALICON",
    },
}

# Channels of each kind, in the order in which they follow blue, green and red.
CHANNELS = {"depth": 1, "coordinates": 2, "flow": 2}
# Scale of the pyramid, levels, window, iterations, neighbourhood, smoothing, flags (Farneback).
FLOW = (0.5, 3, 15, 3, 5, 1.2, 0)


def sal_bce(
    *,
    batch_norm: bool = False,
    extra: list[str] = [],  # noqa: B006 - only read
    width: float = 1.0,
    size: list[int] = [192, 256],  # noqa: B006 - only read
    batch: int = 8,
    precision: str = "fp32",
    weights: str | None = None,
    backbone_weights: str | None = None,
) -> GazeModel:
    """Build the network.

    Args:
        batch_norm: normalise after every 3x3 convolution.
        extra: channels after the colours, of "depth", "coordinates" (row and column, -1 to 1) and
            "flow" (pixels of the network from the frame before, right and down).
        width: times the published number of channels; below 1 for small networks trained here.
        size: [H, W] of its input and of the map, px; multiples of 16.
        batch: frames that go through it at once.
        precision: "fp32", or "bf16" for its convolutions.
        weights: a checkpoint file; random weights when not given.
        backbone_weights: a checkpoint of SalGAN, SalBCE or VGG-16 to train from, for a network of
            the same layers; kernels of extra channels start as the mean of the colours'.
    """
    for kind in extra:
        check_choice("sal_bce", "extra", kind, CHANNELS)
    colours = _salgan.generator(width, batch_norm=batch_norm)
    start_generator(colours, backbone_weights, weights)
    layers = _widened(colours, sum(CHANNELS[kind] for kind in extra))
    return finished(
        _salgan.Still(layers),
        name="sal_bce",
        inputs=partial(inputs, _salgan.preprocessing(size), tuple(extra)),
        weights=weights,
        batch=batch,
        precision=precision,
        width=width,
    )


def _widened(layers: torch.nn.Sequential, more: int) -> torch.nn.Sequential:
    """Return layers whose first reads so many channels more, with the mean of its kernels."""
    if not more:
        return layers
    old = layers[0]
    new = torch.nn.Conv2d(old.in_channels + more, old.out_channels, 3, padding=1)
    with torch.no_grad():
        mean = old.weight.mean(dim=1, keepdim=True).expand(-1, more, -1, -1)
        new.weight.copy_(torch.cat([old.weight, mean], dim=1))
        new.bias.copy_(old.bias)
    layers[0] = new
    return layers


def inputs(
    preprocess: Preprocessing, extra: tuple[str, ...], frames: np.ndarray, before: np.ndarray | None
) -> torch.Tensor:
    """Return the clip (C,T,h,w) of frames uint8 (T,H,W,3), the extra channels after the colours.

    Raises:
        InputError: depth is asked for, which frames do not hold.
    """
    made = [preprocess(frames)]
    for kind in extra:
        if kind == "depth":
            raise InputError(
                "sal_bce: extra depth: frames hold no depth; give the network clips with a depth "
                "channel yourself (GazeModel.net), or leave depth out"
            )
        made.append(
            _coordinates(len(frames), preprocess.size)
            if kind == "coordinates"
            else _flow(frames, before, preprocess.size)
        )
    return torch.cat(made)


def _coordinates(count: int, size: tuple[int, int]) -> torch.Tensor:
    """Return row and column of every pixel, -1 to 1, float32 (2,T,h,w)."""
    lines = [torch.linspace(-1, 1, side) for side in size]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"))[:, None].expand(-1, count, -1, -1)


def _flow(frames: np.ndarray, before: np.ndarray | None, size: tuple[int, int]) -> torch.Tensor:
    """Return the Farneback flow from the frame before, right and down, float32 (2,T,h,w).

    A first frame has none before it, and no flow.
    """
    shown = frames if before is None else np.concatenate([before[None], frames])
    small = [cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in shown]
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in small]
    made = [cv2.calcOpticalFlowFarneback(one, other, None, *FLOW) for one, other in pairwise(grey)]
    if before is None:
        made.insert(0, np.zeros((*size, 2), np.float32))
    return torch.from_numpy(np.stack(made)).permute(3, 0, 1, 2).contiguous()
