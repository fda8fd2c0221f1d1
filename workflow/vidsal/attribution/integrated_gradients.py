"""Integrated gradients: contributions along the straight way from a baseline to the clip.

P(t,y,x) = sum_c (x - b) sum_k w_k ds/dx(b + a_k (x - b)), with Gauss-Legendre nodes a_k and weights
w_k on [0,1]; sum P = s(x) - s(b) up to the error of the quadrature. M = |P| by default.
Sundararajan et al., ICML 2017 (arXiv 1703.01365). Notes `completeness_error` =
sum P - (s(x) - s(b)) in logits and `completeness_error_relative`, the same over s(x) - s(b): where
it is not small, take more steps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.attribution._notes import note
from vidsal.errors import InputError
from vidsal.models import VideoModel


def integrated_gradients(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    steps: int = 50,
    baseline: str = "black",
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        steps: nodes of the quadrature, each one forward and one backward pass.
        baseline: where the way begins, "black" or "mean" (the mean colour, 0 in network space).
        absolute: the size of a contribution, for or against; else signed, for the class positive.
    """
    if steps < 1:
        raise InputError(f"steps {steps} in the options of integrated_gradients: give 1 or more")
    start = make_baseline(model, clip, baseline).expand_as(clip)
    places, weights = nodes(steps)
    total = torch.zeros_like(clip)
    found = _variants.gradients(model, _way(start, clip, places), target)
    for weight, gradient in zip(weights, found, strict=True):
        total += float(weight) * gradient
    product = ((clip - start) * total).sum(dim=0)
    _note_completeness(model, clip, start, target, product)
    return product.abs() if absolute else product


def nodes(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the Gauss-Legendre nodes and weights on [0,1], float64 (steps,) each."""
    places, weights = np.polynomial.legendre.leggauss(steps)
    return (places + 1) / 2, weights / 2


def _way(start: Tensor, clip: Tensor, places: np.ndarray) -> Iterator[Tensor]:
    for place in places:
        yield start + float(place) * (clip - start)


def _note_completeness(
    model: VideoModel, clip: Tensor, start: Tensor, target: int, product: Tensor
) -> None:
    at_clip, at_start = _variants.scores(model, [clip, start], target).tolist()
    error = product.double().sum().item() - (at_clip - at_start)
    note("completeness_error", error)
    if at_clip != at_start:
        note("completeness_error_relative", error / (at_clip - at_start))
