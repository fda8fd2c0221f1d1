"""What keeps masks to their area, and spatiotemporal masks in one piece."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from vidsal.errors import InputError

CORES = ("ellipsoid", "cylinder")


def area_loss(mask: Tensor, area: float) -> Tensor:
    """Return the mean of (m - 1)^2 over the largest part `area`, and of m^2 over the others.

    The same as the mean square of the sorted mask against as many zeros and ones as the area asks
    for, without sorting.

    Args:
        mask: (...,n), each row for itself.
        area: in (0,1).
    """
    size = mask.shape[-1]
    count = size - int(size * (1 - area))
    largest = mask.topk(count, dim=-1, sorted=False).values
    return (mask.square().sum(dim=-1) - 2 * largest.sum(dim=-1) + count) / size


def core_kernel(shape: str, frames: int, size: int) -> Tensor:
    """Return the ones and zeros (frames, size, size) of the core, over a cube of [-1,1] per axis.

    "ellipsoid": t^2 + y^2 + x^2 <= 1; "cylinder": y^2 + x^2 <= 1 in every frame. Of one or two
    frames all are ends, where an ellipsoid has nothing: it is a cylinder then. `size` is 3 or more.

    Raises:
        InputError: another shape.
    """
    if shape not in CORES:
        raise InputError(
            f"core {shape!r} in the options of spatiotemporal_perturbation: unknown; "
            f"take {' or '.join(CORES)}"
        )
    time, place = (torch.linspace(-1, 1, count).square() for count in (frames, size))
    distance = place[:, None] + place + (shape == "ellipsoid" and frames > 2) * time[:, None, None]
    return (distance <= 1).float()


def core_count(volume: int, area: float, kernel: tuple[int, int, int]) -> int:
    """Return how many ellipsoids (T,H,W) in a box of the kernel's size the area would fill."""
    one = max(1, int(0.5236 * math.prod(kernel)))  # pi / 6
    return math.ceil(area * volume / one)


def core_loss(mask: Tensor, area: float, kernel: Tensor) -> Tensor:
    """Return how far a mask is from cores that are full or empty: one number.

    The mean of the mask over the kernel's ones is taken frame by frame and at every kernel's width;
    the largest of these means should be 1 (as many as `core_count` says), all others 0, each group
    with the mean of its squares.

    Args:
        mask: (T,H',W').
        area: in (0,1).
        kernel: (frames, size, size), no larger than the mask.
    """
    stride = (1, *kernel.shape[1:])
    means = functional.conv3d(mask[None, None], kernel[None, None], stride=stride).flatten()
    means = means / kernel.sum()
    wanted = core_count(mask.numel(), area, tuple(kernel.shape))
    ordered = means.sort(descending=True).values
    full, empty = ordered[:wanted], ordered[wanted:]
    # All cores may be wanted, when the area is large.
    return (full - 1).square().mean() + empty.square().sum() / max(1, len(empty))
