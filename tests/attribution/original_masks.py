"""Extremal and spatiotemporal perturbation as first published: a long descent, from the formulas.

Gradient descent (lr .05, momentum .9, dampening .9) from a mask of ones, clamped to [0,1], on

E = R w_r + A w_a + C w_c;  R = -log p (preserve), -log (1 - p) (delete) or both (dual), A the
mean square of the sorted padded mask against zeros and ones, C the core loss.

Per frame (`2d`) and per volume (`3d`): w_r = 100, w_a = 300. `step`: w_r = 1, w_a = 300 * 1.0008668
to the power of the iteration, w_c = 0 in the first 100 iterations, then 300.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vidsal.attribution import _mask_losses
from vidsal.attribution._mask_generator import MaskGenerator
from vidsal.attribution._mask_perturbation import Perturbation

RATE, MOMENTUM, ITERATIONS = 0.05, 0.9, 2000
CORE = ("ellipsoid", 7, 11)


@dataclass(frozen=True)
class Energy:
    """The function that a mask minimises, and its parts.

    Attributes:
        net: (N,C,T,H,W) -> logits (N,K).
        clip: (C,T,H,W).
        target: class.
        area: in (0,1), of the padded mask.
        method: 2d, 3d or step.
        variant: preserve, delete or dual.
        perturbation: fade or blur.
        cell: px from parameter to parameter.
        sigma: px.
    """

    net: Callable[[Tensor], Tensor]
    clip: Tensor
    target: int
    area: float
    method: str = "3d"
    variant: str = "preserve"
    perturbation: str = "fade"
    cell: int = 7
    sigma: int = 11

    @cached_property
    def masks(self) -> MaskGenerator:
        """What makes masks of parameters."""
        return MaskGenerator(tuple(self.clip.shape[-2:]), self.cell, self.sigma, self.clip)

    @cached_property
    def seen(self) -> Perturbation:
        """What masks do to the clip."""
        return Perturbation(self.clip, self.perturbation)

    def parts(self, padded: Tensor, frame: Tensor, iteration: int) -> tuple[Tensor, Tensor]:
        """Return R w_r and A w_a + C w_c of a padded mask (T,H',W') and its part in the frame."""
        reward = 0
        if self.variant != "delete":
            reward = reward - self._log_p(self.seen(frame[None]))[self.target]
        if self.variant != "preserve":
            log_p = self._log_p(self.seen(1 - frame[None]))
            others = torch.arange(len(log_p)) != self.target
            reward = reward - log_p[others].logsumexp(0)
        return reward * (1 if self.method == "step" else 100), self._kept(padded, iteration)

    def _log_p(self, clips: Tensor) -> Tensor:
        return self.net(clips)[0].log_softmax(0)

    def _kept(self, padded: Tensor, iteration: int) -> Tensor:
        if self.method == "2d":
            return 300 * self._area(padded.flatten(1)).mean()
        if self.method == "3d":
            return 300 * self._area(padded.flatten())
        total = 300 * 1.0008668**iteration * self._area(padded.flatten())
        if iteration < 100:
            return total
        kernel = _mask_losses.core_kernel(*CORE).to(padded)
        return total + 300 * _mask_losses.core_loss(padded, self.area, kernel)

    def _area(self, rows: Tensor) -> Tensor:
        size = rows.shape[-1]
        wanted = (torch.arange(size) >= int(size * (1 - self.area))).to(rows)
        return (rows.sort(dim=-1).values - wanted).square().mean(dim=-1)


def original(
    energy: Energy,
    iterations: int = ITERATIONS,
    start: Tensor | None = None,
    kept: Iterable[int] = (),
) -> tuple[Tensor, Tensor, dict[int, Tensor]]:
    """Return the parameters after the last step, the history (2, iterations), and masks.

    Args:
        energy: what to minimise.
        iterations: steps.
        start: parameters (T,h,w); ones when not given.
        kept: iterations (from 1) whose masks (T,H,W), as they were before their step, are returned.
    """
    masks, history, seen = energy.masks, [], {}
    shape = (energy.clip.shape[1], *masks.cells)
    parameters = torch.ones(shape).to(energy.clip) if start is None else start.clone()
    parameters.requires_grad_()
    steps = torch.optim.SGD([parameters], RATE, MOMENTUM, dampening=MOMENTUM)
    for iteration in range(iterations):
        padded = masks(parameters)
        parts = energy.parts(padded, masks.crop(padded), iteration)
        steps.zero_grad()
        sum(parts).backward()
        steps.step()
        with torch.no_grad():
            parameters.clamp_(0, 1)
        history.append(torch.stack(parts).detach())
        if iteration + 1 in kept:
            seen[iteration + 1] = masks.crop(padded).detach()
    return parameters.detach(), torch.stack(history, dim=1), seen
