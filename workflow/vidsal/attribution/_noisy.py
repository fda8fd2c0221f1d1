"""Maps of noisy copies of a clip, by any method."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vidsal.attribution._method import Method, function
from vidsal.attribution._pass import capture
from vidsal.attribution.gradient import gradient
from vidsal.errors import InputError
from vidsal.models import VideoModel


def maps(
    name: str,
    model: VideoModel,
    clip: Tensor,
    target: int,
    base: Callable,
    samples: int,
    noise: float,
    seed: int,
) -> Iterator[Tensor]:
    """Yield the base's map of x + e_k, e_k ~ N(0, sigma^2), sigma = noise (max x - min x).

    The noise belongs to the seed and the number of the copy, not to the device.

    Args:
        name: method whose options are refused when they are impossible.
        model: the network.
        clip: (C,T,H,W).
        target: class to explain.
        base: method that makes the maps.
        samples: noisy copies.
        noise: standard deviation as a part of the clip's range.
        seed: of the noise.
    """
    if samples < 1 or noise < 0:
        raise InputError(
            f"samples {samples}, noise {noise} in the options of {name}: give at least 1 copy "
            "and noise of 0 or more"
        )
    sigma = noise * (clip.max() - clip.min())
    # Drawn on the CPU, so that every device sees the same noise.
    generator = torch.Generator().manual_seed(seed)
    for _ in range(samples):
        drawn = torch.randn(clip.shape, generator=generator, dtype=torch.float32).to(clip)
        yield base(model, clip + sigma * drawn, target)


def by_channel(base: Method) -> Callable:
    """Return the method; for `gradient` ds/dx itself (C,T,H,W), as squares need its channels."""
    method = function(base)
    return _derivative if getattr(method, "func", method) is gradient else method


def over_channels(found: Tensor) -> Tensor:
    """Return the sum over channels of what `by_channel` led to; a map (T',h,w) stays as it is."""
    return found.sum(dim=0) if found.ndim == 4 else found


def _derivative(model: VideoModel, clip: Tensor, target: int) -> Tensor:
    return capture(model, clip, target).gradient
