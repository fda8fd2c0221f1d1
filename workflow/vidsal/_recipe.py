"""The settings of a training, and what they mean for clips, rates and steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import nn

from vidsal.errors import InputError

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("cosine", "step", "constant")


@dataclass(frozen=True)
class Recipe:
    """The settings of `train`, checked."""

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    momentum: float
    warmup: float
    schedule: str
    clip_norm: float | None
    label_smoothing: float
    flip: bool
    crop: float
    jitter: float
    patience: int | None
    seed: int

    def __post_init__(self) -> None:
        """Refuse values that no training can use, all at once."""
        problems = [
            f"{one.name} {value!r} is text, not a number (YAML reads 3e-4 as text; write 0.0003)"
            for one in fields(self)
            if isinstance(value := getattr(self, one.name), str) and "str" not in one.type
        ]
        if not problems:
            problems = self._out_of_range()
        if problems:
            raise InputError(f"train in the config: {'; '.join(problems)}; correct these")

    def _out_of_range(self) -> list[str]:
        problems = []
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                problems.append(f"{name} {getattr(self, name)!r} is none of {', '.join(known)}")
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("warmup", 0)):
            if getattr(self, name) < low:
                problems.append(f"{name} {getattr(self, name)} is below {low}")
        for name in ("crop", "jitter", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                problems.append(f"{name} {getattr(self, name)} is not in [0, 1)")
        for name in ("learning_rate", "clip_norm", "patience"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                problems.append(f"{name} {getattr(self, name)} is not above 0")
        return problems


def augment(frames: np.ndarray, rng: np.random.Generator, recipe: Recipe) -> np.ndarray:
    """Return a cut, mirrored, brightened version of a clip, the same for all its frames.

    Args:
        frames: uint8 (T,H,W,3).
        rng: keyed by seed, epoch and sample.
        recipe: which changes, and how far they go.

    Returns:
        uint8 (T,h,w,3), h and w smaller by up to `crop`.
    """
    height, width = frames.shape[1:3]
    # Drawn in any case, so that switching one change off leaves the others as they are.
    sides, places = rng.random(2), rng.random(2)
    levels, mirror = rng.uniform(-1, 1, 2), rng.random()
    rows, columns = np.maximum(1, np.rint((height, width) * (1 - recipe.crop * sides))).astype(int)
    top, left = np.rint(places * (height - rows, width - columns)).astype(int)
    frames = frames[:, top : top + rows, left : left + columns]
    if recipe.flip and mirror < 0.5:
        frames = frames[:, :, ::-1]
    if recipe.jitter:
        contrast, brightness = 1 + recipe.jitter * levels
        # One table of 256 values is the whole change, whatever the size of the clip.
        table = (np.arange(256) - 127.5) * contrast + 127.5 * brightness
        frames = table.round().clip(0, 255).astype(np.uint8)[frames]
    return frames


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step, counted from 0 over the whole training."""
    total = recipe.epochs * steps_per_epoch
    warm = recipe.warmup * steps_per_epoch
    if step + 1 < warm:
        return recipe.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1.0, total - warm)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (1 + math.cos(math.pi * max(0.0, done))) / 2
    if recipe.schedule == "step":
        return recipe.learning_rate * 0.1 ** ((step >= total / 2) + (step >= total * 3 / 4))
    return recipe.learning_rate


def optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe; biases and norms are spared the weight decay."""
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # Fused: one kernel over all parameters, on a CPU several times faster than the plain loop.
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            groups,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=nesterov,
            fused=True,
        )
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    betas = (recipe.momentum, 0.999)
    return kind(groups, lr=recipe.learning_rate, betas=betas, fused=True)
