"""How the masks of extremal and spatiotemporal perturbation are found in a few hundred passes.

The published programs descend for 2,000 iterations from a mask of ones, by gradient descent with a
small fixed rate. Here:

- the first passes look at the clip evenly dimmed to several levels. The sum of the derivatives in
  the mask, an integral as that of integrated gradients, ranks the cells, so that nothing has to be
  found by taking it away, and nothing hangs on how ties are sorted;
- two masks begin, one that falls softly with rank, one all or nothing at the area; they share
  batches, and of where they end the lower energy counts. Which of them that is differs from clip
  to clip, more than a longer descent would change;
- Adam's steps (Kingma and Ba, ICLR 2015, arXiv 1412.6980) follow, with a rate that falls to nearly
  nothing like a cosine, so that the mask settles;
- the weight of what keeps masks small grows over the first half: first the network says where, then
  the mask becomes all or nothing;
- several areas share batches and the first passes as well; masks are computed at every second
  pixel or so (see `MaskGenerator`), and nothing is sorted but the largest part picked.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidsal.attribution import _mask_reward
from vidsal.attribution._mask_generator import MaskGenerator
from vidsal.attribution._mask_perturbation import Perturbation
from vidsal.errors import InputError
from vidsal.models import VideoModel

# Padded mask (T,H',W'), area -> what is added to the reward's loss, a number.
Kept = Callable[[Tensor, float], Tensor]
Ask = Callable[[Tensor], tuple[Tensor, Tensor]]

# Levels of dimming at the beginning, at most, and as a part of all passes.
LEVELS, PART_OF_LEVELS = 8, 0.1
# Masks that begin for each area: a soft one and a hard one.
STARTS = 2
# Steps of a parameter: the first, so large that all of them reach TRAVEL within limits, and how
# small they become.
RATES, TRAVEL, LAST = (0.1, 0.3), 20.0, 0.02
# Memory of Adam for the slope and its square, and the smallest divisor as a part of the slope's
# root mean square, below which a slope is rounding.
MEAN, SQUARE, LEAST = 0.9, 0.99, 1e-3
# Weight of what keeps masks small at the beginning, and when it is whole.
FIRST_WEIGHT, GROWN = 0.1, 0.5
# How steeply the first mask falls with rank, and by how much cells differ by chance.
STEEP, JITTER = 10.0, 1e-3


@dataclass(frozen=True)
class Search:
    """What is looked for, as the options of the methods say it."""

    method: str
    areas: Sequence[float]
    variant: str
    perturbation: str
    iterations: int
    cell: int
    sigma: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse what no option may be."""
        where = f"in the options of {self.method}"
        if not self.areas or min(self.areas) <= 0 or max(self.areas) >= 1:
            raise InputError(f"areas {list(self.areas)} {where}: give parts between 0 and 1")
        for name in ("iterations", "cell", "sigma"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} {where}: give 1 or more")


def search(model: VideoModel, clip: Tensor, target: int, task: Search, kept: Kept) -> Tensor:
    """Return one mask per area, (areas,T,H,W) in [0,1].

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        task: the options.
        kept: what is added to the loss of `_mask_reward`, per mask.
    """
    (parameters,) = deque(descent(model, clip, target, task, kept), maxlen=1)
    generator = MaskGenerator(tuple(clip.shape[-2:]), task.cell, task.sigma, clip)
    return generator.crop(generator(parameters))


def descent(
    model: VideoModel, clip: Tensor, target: int, task: Search, kept: Kept
) -> Iterator[Tensor]:
    """Yield the parameters of all masks (areas x STARTS,T,h,w) where they begin and after every
    step, and last those of the best mask of each area (areas,T,h,w).
    """
    per_cell = max(2, math.ceil(task.cell / 2))
    generator = MaskGenerator(tuple(clip.shape[-2:]), task.cell, task.sigma, clip, per_cell)
    levels, count = plan(task.iterations)
    areas = [area for area in task.areas for _ in range(STARTS)]
    seen = Perturbation(clip, task.perturbation)
    with _mask_reward.reward(model, seen, target, task.variant) as ask:
        parameters = _first(ask, generator, clip, task, kept, levels)
        yield parameters
        steps = Adam(parameters, count)
        for number in range(count):
            weight = min(1.0, FIRST_WEIGHT + (1 - FIRST_WEIGHT) * number / count / GROWN)
            slope = slope_of(ask, generator, parameters, areas, kept, weight)
            parameters = steps(parameters, slope)
            yield parameters
        yield _best(ask, generator, parameters, areas, kept)


def plan(iterations: int) -> tuple[int, int]:
    """Return the levels of dimming, and the steps of each mask, of so many passes for an area.

    At the end every mask is looked at once more.
    """
    levels = min(LEVELS, max(1, round(PART_OF_LEVELS * iterations)))
    return levels, max(0, (iterations - levels) // STARTS - 1)


def _best(
    ask: Ask,
    generator: MaskGenerator,
    parameters: Tensor,
    areas: Sequence[float],
    kept: Kept,
) -> Tensor:
    """Return the parameters of the mask of lowest energy of each area."""
    padded = generator(parameters)
    energy, _ = ask(generator.crop(padded))
    small = torch.stack([kept(mask, area) for mask, area in zip(padded, areas, strict=True)])
    chosen = (energy + small).view(-1, STARTS).argmin(dim=1)
    own = parameters.unflatten(0, (-1, STARTS))
    return own[torch.arange(len(own), device=own.device), chosen]


class Adam:
    """Adam on parameters in [0,1], with a falling rate; every mask for itself."""

    def __init__(self, like: Tensor, steps: int) -> None:
        """Begin at rest, with so many steps to go."""
        self._mean, self._square = torch.zeros_like(like), torch.zeros_like(like)
        self._count, self._steps = 0, steps

    def __call__(self, parameters: Tensor, slope: Tensor) -> Tensor:
        """Return the parameters (n,T,h,w) after one step against their slope."""
        rate = _rate(self._count, self._steps)
        self._count += 1
        self._mean.lerp_(slope, 1 - MEAN)
        self._square.lerp_(slope.square(), 1 - SQUARE)
        size = (self._square / (1 - SQUARE**self._count)).sqrt()
        least = LEAST * size.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        # A slope of nothing at all moves nothing.
        move = self._mean / (1 - MEAN**self._count) / (size + least).clamp(min=1e-30)
        return (parameters - rate * move).clamp(0, 1)


def _rate(number: int, steps: int) -> float:
    least, most = RATES
    first = min(most, max(least, TRAVEL / steps))
    return first * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * number / steps)))


def slope_of(
    ask: Ask,
    generator: MaskGenerator,
    parameters: Tensor,
    areas: Sequence[float],
    kept: Kept,
    weight: float,
) -> Tensor:
    """Return the derivative of the loss in the parameters (n,T,h,w)."""
    parameters = parameters.detach().requires_grad_()
    with torch.enable_grad():
        padded = generator(parameters)
        frame = generator.crop(padded)
        _, slope = ask(frame)
        loss = (frame * slope).sum()
        for mask, area in zip(padded, areas, strict=False):
            loss = loss + weight * kept(mask, area)
        return torch.autograd.grad(loss, parameters)[0]


def _first(
    ask: Ask, generator: MaskGenerator, clip: Tensor, task: Search, kept: Kept, levels: int
) -> Tensor:
    """Return the parameters to begin with: high in the part `area` of cells that matter most.

    Of every area a soft and a hard one.
    """
    shape = (1, clip.shape[1], *generator.cells)
    worth = torch.zeros(shape).to(clip)
    for level in range(levels):
        even = torch.full_like(worth, (level + 0.5) / levels)
        worth = worth - slope_of(ask, generator, even, (), kept, 0)
    order = worth.flatten().argsort(descending=True, stable=True)
    places = torch.linspace(0, 1, len(order)).to(clip)
    rank = torch.empty_like(places).scatter_(0, order, places).view(shape)
    steep = STEEP * (torch.tensor(task.areas).to(clip).view(-1, 1, 1, 1) - rank)
    drawn = torch.Generator().manual_seed(task.seed)
    jitter = torch.rand(shape, generator=drawn).to(clip) - 0.5
    soft, hard = torch.sigmoid(steep) + JITTER * jitter, (steep > 0).to(clip)
    return torch.stack([soft, hard], dim=1).flatten(0, 1)
