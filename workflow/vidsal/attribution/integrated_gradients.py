"""Integrated gradients: contributions along the straight way from a baseline to the clip.

P(t,y,x) = sum_c (x - b) sum_k w_k ds/dx(b + a_k (x - b)), with the nodes a_k and weights w_k of a
quadrature on [0,1]; sum P = s(x) - s(b) up to its error. M = |P| by default. Of several baselines P
is the mean (expected gradients: Erion et al., "Improving Performance of Deep Learning Models with
Axiomatic Attribution Priors and Expected Gradients", Nature Machine Intelligence 3, 2021 (arXiv
1906.10670)). Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017 (arXiv
1703.01365). Notes `completeness_error` = sum P - (s(x) - s(b)) in logits,
`completeness_error_relative`, the same over s(x) - s(b), and the `steps` that were taken: where the
error is not small, take more steps, or set `tolerance`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._clips import baselines
from vidsal.attribution._completeness import change, note_error
from vidsal.attribution._notes import note
from vidsal.errors import InputError
from vidsal.models import VideoModel

log = logging.getLogger(__name__)
Rule = tuple[np.ndarray, np.ndarray]


def integrated_gradients(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    steps: int = 50,
    rule: str = "gauss_legendre",
    baseline: str = "black",
    tolerance: float | None = None,
    most_steps: int = 800,
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        steps: nodes of the quadrature, each one forward and one backward pass (per baseline).
        rule: "gauss_legendre", by far the smallest error where the score is smooth; the sums of
            Riemann "left", "right" or "middle" (k, k + 1 or k + 1/2 over `steps`); "trapezoid"; or
            "trapezoid_captum", whose weights add up to 1 - 1 / steps, as captum's do.
        baseline: where the way begins: "black", "mean" (the mean colour, 0 in network space),
            "blurred", "temporal_mean" or "frozen_frame" of the clip itself; or the path of another
            clip, or of a folder of clips: a video, a folder of pictures, or an .npy file with
            frames uint8 (T,H,W,3) or a preprocessed clip (C,T,H,W). Over several clips P is the
            mean.
        tolerance: steps are doubled until |completeness_error_relative| is at most this (0.05: 5 %
            of the change of the score). Without it, never.
        most_steps: not beyond this many nodes, whatever the error.
        absolute: the size of a contribution, for or against; else signed, for the class positive.
    """
    _check(steps, rule, tolerance, most_steps)
    starts = baselines(model, clip, baseline)
    expected = change(model, clip, starts, target)
    way = partial(_contributions, model, clip, starts, target, rule)
    total = way(steps)
    while tolerance is not None and abs(off := _sum(total) - expected) > tolerance * abs(expected):
        finer = _doubled(rule, steps)
        if finer > most_steps:
            log.warning("integrated gradients: off by %.3g logits after %d steps", off, steps)
            break
        total, steps = way(finer, total), finer
    product = total.sum(dim=0)
    note_error(product, expected)
    note("steps", steps)
    return product.abs() if absolute else product


def _gauss_legendre(steps: int) -> Rule:
    places, weights = np.polynomial.legendre.leggauss(steps)
    return (places + 1) / 2, weights / 2


def _riemann(offset: float) -> Callable[[int], Rule]:
    return lambda steps: ((np.arange(steps) + offset) / steps, np.full(steps, 1 / steps))


def _trapezoid(steps: int) -> Rule:
    weights = np.full(steps, 1 / (steps - 1))
    weights[[0, -1]] /= 2
    return np.arange(steps) / (steps - 1), weights


def _trapezoid_captum(steps: int) -> Rule:
    places, weights = _trapezoid(steps)
    return places, weights * (steps - 1) / steps


# steps -> nodes and weights on [0,1], float64 (steps,) each
RULES = {
    "gauss_legendre": _gauss_legendre,
    "left": _riemann(0),
    "right": _riemann(1),
    "middle": _riemann(0.5),
    "trapezoid": _trapezoid,
    "trapezoid_captum": _trapezoid_captum,
}
# Rules whose nodes are all among those of the doubled rule: every second one, from here on.
NESTED = {"left": 0, "right": 1, "trapezoid": 0}


def _doubled(rule: str, steps: int) -> int:
    """Return twice the steps; of a trapezoid rule twice its intervals, so that its nodes stay."""
    return 2 * steps - 1 if rule.startswith("trapezoid") else 2 * steps


def _contributions(
    model: VideoModel,
    clip: Tensor,
    starts: Sequence[Tensor],
    target: int,
    rule: str,
    steps: int,
    coarser: Tensor | None = None,
) -> Tensor:
    """Return (x - b) times the integral, mean over the baselines, (C,T,H,W).

    What a `coarser` rule of half the steps has found already is taken from there where it can be.
    """
    places, weights = RULES[rule](steps)
    if coarser is None or rule not in NESTED:
        return _integral(model, clip, starts, target, places, weights)
    old = slice(NESTED[rule], None, 2)
    new = np.delete(np.arange(steps), old)
    fresh = _integral(model, clip, starts, target, places[new], weights[new])
    # Weights add up to 1, and the old ones keep their proportions.
    return float(weights[old].sum()) * coarser + fresh


def _integral(
    model: VideoModel,
    clip: Tensor,
    starts: Sequence[Tensor],
    target: int,
    places: np.ndarray,
    weights: np.ndarray,
) -> Tensor:
    found = _variants.gradients(model, _way(clip, starts, places), target)
    total = torch.zeros_like(clip)
    for start in starts:
        slope = torch.zeros_like(clip)
        for weight, gradient in zip(weights, islice(found, len(weights)), strict=True):
            slope += float(weight) * gradient
        total += (clip - start) * slope
    return total / len(starts)


def _way(clip: Tensor, starts: Sequence[Tensor], places: np.ndarray) -> Iterator[Tensor]:
    for start in starts:
        for place in places:
            yield start + float(place) * (clip - start)


def _sum(total: Tensor) -> float:
    return total.double().sum().item()


def _check(steps: int, rule: str, tolerance: float | None, most_steps: int) -> None:
    where = "in the options of integrated_gradients"
    if rule not in RULES:
        raise InputError(f"rule {rule!r} {where}: unknown; take {', '.join(RULES)}")
    fewest = 2 if rule.startswith("trapezoid") else 1
    if steps < fewest:
        raise InputError(f"steps {steps} {where}: give {fewest} or more")
    if tolerance is not None and tolerance <= 0:
        raise InputError(f"tolerance {tolerance} {where}: give more than 0, or none")
    if most_steps < steps:
        raise InputError(f"most_steps {most_steps} {where}: give at least steps, {steps}")
