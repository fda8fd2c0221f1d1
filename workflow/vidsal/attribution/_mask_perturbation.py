"""What a mask does to a clip: fade it to the mean colour, or blur it, where the mask is low."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidsal.errors import InputError

KINDS = ("fade", "blur")
LEVELS, BLUR, REACH = 8, 20.0, 4


class Perturbation:
    """A clip and its worn copies: mask 1 leaves a pixel as it is, mask 0 takes what it shows.

    "fade": x m, towards 0, the mean colour. "blur": a pyramid of LEVELS copies of the clip, each
    frame blurred by a Gaussian of (1 - l / 7) `sigma` px cut off at four of these, with nothing
    beyond the border; the mask m takes level 7 m, linear in between.
    """

    def __init__(self, clip: Tensor, kind: str, sigma: float = BLUR) -> None:
        """Prepare the copies of a clip (C,T,H,W).

        Raises:
            InputError: another kind.
        """
        if kind not in KINDS:
            raise InputError(
                f"perturbation {kind!r} in the options of a method: unknown; "
                f"take {' or '.join(KINDS)}"
            )
        self.clip = clip
        self.levels = pyramid(clip, sigma) if kind == "blur" else None

    def __call__(self, masks: Tensor) -> Tensor:
        """Return the clip behind masks (n,T,H,W), as (n,C,T,H,W)."""
        masks = masks[:, None]
        if self.levels is None:
            return self.clip * masks
        places = masks * (len(self.levels) - 1)
        below = places.detach().floor().clamp(0, len(self.levels) - 2).long()
        shape = below.shape[:1] + self.clip.shape
        low, high = (self.levels.gather(0, level.expand(shape)) for level in (below, below + 1))
        return low + (places - below) * (high - low)


def pyramid(clip: Tensor, sigma: float = BLUR) -> Tensor:
    """Return a clip (C,T,H,W) blurred from most to not at all, (LEVELS,C,T,H,W)."""
    shares = [1 - level / (LEVELS - 1) for level in range(LEVELS)]
    return torch.stack([_blurred(clip, share * sigma) for share in shares])


def _blurred(clip: Tensor, sigma: float) -> Tensor:
    if sigma == 0:
        return clip
    rows, columns = (_matrix(size, sigma, clip) for size in clip.shape[-2:])
    return rows @ clip @ columns.T


def _matrix(size: int, sigma: float, like: Tensor) -> Tensor:
    """Return what each place (rows) takes of each other; a kernel has sum 1 before the cut."""
    reach = math.ceil(REACH * sigma)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    away = torch.arange(size)[:, None] - torch.arange(size)
    inside = away.abs() <= reach
    values = (kernel / kernel.sum())[away.clamp(-reach, reach) + reach]
    return torch.where(inside, values, 0).to(like)
