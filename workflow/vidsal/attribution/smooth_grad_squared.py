"""SmoothGrad squared: the mean squared map of another method over noisy copies of the clip.

M = 1/n sum_k R(x + e_k)^2, e_k ~ N(0, sigma^2), sigma = noise (max x - min x), R any method of this
room; for `gradient` the square of every channel's ds/dx, summed over channels at the end. Hooker et
al., "A Benchmark for Interpretability Methods in Deep Neural Networks", NeurIPS 2019 (arXiv
1806.10758), who found it far more faithful than the plain mean.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution import _noisy
from vidsal.attribution._method import Method
from vidsal.models import VideoModel


def smooth_grad_squared(
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
        base: method whose maps are squared and averaged.
        samples: noisy copies, each at the cost of the base method.
        noise: standard deviation as a part of the clip's range.
        seed: of the noise.
    """
    method, total = _noisy.by_channel(base), None
    for found in _noisy.maps(
        "smooth_grad_squared", model, clip, target, method, samples, noise, seed
    ):
        total = found**2 if total is None else total + found**2
    return _noisy.over_channels(total / samples)
