"""VarGrad: how much the map of another method varies over noisy copies of the clip.

M = 1/n sum_k (R(x + e_k) - mean_j R(x + e_j))^2, e_k ~ N(0, sigma^2), sigma = noise (max x - min
x), R any method of this room; for `gradient` the variance of every channel's ds/dx, summed over
channels at the end. Adebayo et al., "Local Explanation Methods for Deep Neural Networks Lack
Sensitivity to Parameter Values", 2018 (arXiv 1810.03307). It has nothing to say about a linear
network, whose gradient is the same everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution import _noisy
from vidsal.attribution._method import Method
from vidsal.errors import InputError
from vidsal.models import VideoModel


def var_grad(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    base: Method = "gradient",
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
) -> Tensor:
    """Return the heatmap of a clip (C,T,H,W), in the shape that the base method gives.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        base: method whose maps vary.
        samples: noisy copies, 2 or more, each at the cost of the base method.
        noise: standard deviation as a part of the clip's range.
        seed: of the noise.
    """
    if samples < 2:
        raise InputError(f"samples {samples} in the options of var_grad: give 2 copies or more")
    method = _noisy.by_channel(base)
    found = _noisy.maps("var_grad", model, clip, target, method, samples, noise, seed)
    # Welford's running sums: a mean of squares less the square of a mean would cancel to nothing.
    mean = next(found)
    spread = torch.zeros_like(mean)
    for number, one in enumerate(found, 2):
        apart = one - mean
        mean = mean + apart / number
        spread += apart * (one - mean)
    return _noisy.over_channels(spread / samples)
