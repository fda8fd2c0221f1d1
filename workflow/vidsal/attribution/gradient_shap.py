"""Gradient SHAP: contributions at random points between baselines and noisy copies of the clip.

P(t,y,x) = sum_c 1/n sum_k (x + e_k - b_k) ds/dx(b_k + a_k (x + e_k - b_k)), with e_k ~ N(0,
sigma^2), sigma = noise (max x - min x), b_k a random one of the baselines and a_k random in the
k-th of n equal parts of [0,1], so that points are spread evenly over the way. sum P comes to the
mean of s(x + e) - s(b) as n grows. M = |P| by default. Lundberg and Lee, "A Unified Approach to
Interpreting Model Predictions", NeurIPS 2017 (arXiv 1705.07874); without noise expected gradients
(Erion et al., "Improving Performance of Deep Learning Models with Axiomatic Attribution Priors and
Expected Gradients", Nature Machine Intelligence 3, 2021 (arXiv 1906.10670)). Notes
`completeness_error` = sum P - (s(x) - mean s(b)) in logits and `completeness_error_relative`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._clips import baselines
from vidsal.attribution._completeness import change, note_error
from vidsal.errors import InputError
from vidsal.models import VideoModel


def gradient_shap(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    samples: int = 50,
    baseline: str = "black",
    noise: float = 0.05,
    seed: int = 0,
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        samples: random points, each one forward and one backward pass.
        baseline: "black", "mean" (the mean colour, 0 in network space), "blurred", "temporal_mean"
            or "frozen_frame" of the clip itself; or the path of another clip, or of a folder of
            clips to draw from: videos, folders of pictures, or .npy files with frames uint8
            (T,H,W,3) or a preprocessed clip (C,T,H,W).
        noise: standard deviation of the noise as a part of the clip's range.
        seed: of the random numbers.
        absolute: the size of a contribution, for or against; else signed, for the class positive.
    """
    if samples < 1 or noise < 0:
        raise InputError(
            f"samples {samples}, noise {noise} in the options of gradient_shap: give at least 1 "
            "point and noise of 0 or more"
        )
    starts = baselines(model, clip, baseline)
    ways: deque[Tensor] = deque()
    points = _points(clip, starts, samples, noise, seed, ways)
    total = torch.zeros_like(clip)
    for gradient in _variants.gradients(model, points, target):
        total += ways.popleft() * gradient
    product = total.sum(dim=0) / samples
    note_error(product, change(model, clip, starts, target))
    return product.abs() if absolute else product


def _points(
    clip: Tensor,
    starts: Sequence[Tensor],
    samples: int,
    noise: float,
    seed: int,
    ways: deque[Tensor],
) -> Iterator[Tensor]:
    """Yield the points; leave the way x + e - b of each in `ways`, where a batch of them waits."""
    # Drawn on the CPU, so that every device sees the same points.
    generator = torch.Generator().manual_seed(seed)
    sigma = noise * (clip.max() - clip.min())
    for number in range(samples):
        start = starts[int(torch.randint(len(starts), (), generator=generator))]
        place = (number + float(torch.rand((), generator=generator))) / samples
        drawn = torch.randn(clip.shape, generator=generator, dtype=torch.float32).to(clip)
        ways.append(clip + sigma * drawn - start)
        yield start + place * ways[-1]
