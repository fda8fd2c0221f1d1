"""SmoothGrad: the mean map of another method over noisy copies of the clip.

M = 1/n sum_k R(x + e_k), e_k ~ N(0, sigma^2), sigma = noise (max x - min x), R any method of this
room. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017 (arXiv 1706.03825). The
noise belongs to the seed and the number of the copy, not to the device; with one copy and no noise
M = R(x).
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution import _noisy
from vidsal.attribution._method import Method, function
from vidsal.models import VideoModel


def smooth_grad(
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
        base: method whose maps are averaged.
        samples: noisy copies, each at the cost of the base method.
        noise: standard deviation as a part of the clip's range.
        seed: of the noise.
    """
    method, total = function(base), None
    for found in _noisy.maps("smooth_grad", model, clip, target, method, samples, noise, seed):
        total = found if total is None else total + found
    return total / samples
