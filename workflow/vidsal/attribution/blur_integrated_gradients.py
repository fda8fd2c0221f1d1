"""Blur integrated gradients: contributions on the way from a blurred clip to the sharp one.

P(t,y,x) = sum_c sum_k ds/dx((L_k + L_{k+1}) / 2) (L_{k+1} - L_k), L_k the clip blurred in space by
a Gaussian of sigma_k, from the widest to none; sum P = s(x) - s(L_0) up to the error of the
midpoint rule. M = |P| by default. Xu et al., "Attribution in Scale and Space", CVPR 2020 (arXiv
2004.03383): detail comes in from coarse to fine, and no voxel meets colours that no picture has.
Widths fall as sigma_k = sigma_0 (1 - k/n)^2, since a blur changes a picture least where it is wide.
Frames stay apart: what moves is not smeared. Notes `completeness_error` and
`completeness_error_relative` against the most blurred clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._blur import blur
from vidsal.attribution._completeness import change, note_error
from vidsal.errors import InputError
from vidsal.models import VideoModel


def blur_integrated_gradients(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    steps: int = 50,
    sigma: float = 0.25,
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        steps: pieces of the way, each one forward and one backward pass.
        sigma: widest blur, as a part of the frame's shorter side (0.25: 28 px of 112).
        absolute: the size of a contribution, for or against; else signed, for the class positive.
    """
    if steps < 1 or sigma <= 0:
        raise InputError(
            f"steps {steps}, sigma {sigma} in the options of blur_integrated_gradients: give at "
            "least 1 step and a sigma above 0"
        )
    widths = _widths(steps, sigma * min(clip.shape[-2:]))
    middles = ((begin + end) / 2 for begin, end in _pieces(clip, widths))
    total = torch.zeros_like(clip)
    found = _variants.gradients(model, middles, target)
    for (begin, end), gradient in zip(_pieces(clip, widths), found, strict=True):
        total += (end - begin) * gradient
    product = total.sum(dim=0)
    note_error(product, change(model, clip, [blur(clip, widths[0])], target))
    return product.abs() if absolute else product


def _widths(steps: int, widest: float) -> list[float]:
    return [widest * (1 - k / steps) ** 2 for k in range(steps + 1)]


def _pieces(clip: Tensor, widths: list[float]) -> Iterator[tuple[Tensor, Tensor]]:
    # Made twice, for the network and for the sum: a blur costs little, a kept clip memory.
    yield from pairwise(blur(clip, width) for width in widths)
