"""What learns in a training, when, how fast: rates, heads, frozen and thawing parts."""

from __future__ import annotations

import math

import torch
from torch import nn

from vidsal import registry
from vidsal._recipe import Recipe
from vidsal.errors import InputError

NEVER = math.inf


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step, counted from 0 over the whole training."""
    total = recipe.epochs * steps_per_epoch
    warm = recipe.warmup * steps_per_epoch
    if step + 1 < warm:
        return recipe.learning_rate * (step + 1) / warm
    if recipe.schedule == "cosine":
        done = (step - warm) / max(1.0, total - warm)
        return recipe.learning_rate * (1 + math.cos(math.pi * max(0.0, done))) / 2
    if recipe.schedule == "step":
        falls = recipe.milestones or [recipe.epochs / 2, recipe.epochs * 3 / 4]
        return recipe.learning_rate * 0.1 ** sum(step >= at * steps_per_epoch for at in falls)
    return recipe.learning_rate


def set_rate(steps: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters, the head's times its factor."""
    for group in steps.param_groups:
        group["rate"], group["lr"] = rate, rate * group["factor"]


def rate_of(steps: torch.optim.Optimizer) -> float:
    """Return the learning rate that was set last, before any factor."""
    return steps.param_groups[0]["rate"]


def optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe over all that ever learns.

    Biases and norms are spared the weight decay; the head learns `head_factor` times as fast.
    """
    groups = _groups(net, recipe)
    if recipe.optimizer == "sgd":
        nesterov = recipe.nesterov and recipe.momentum > 0
        options = {"momentum": recipe.momentum, "nesterov": nesterov}
        kind = torch.optim.SGD
    else:
        kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
        options = {"betas": (recipe.momentum, 0.999)}
    # Fused: one kernel over all parameters, on a CPU several times faster than the plain loop.
    return kind(groups, lr=recipe.learning_rate, fused=True, **options)


def _groups(net: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    head = recipe.head or [last_layer(net)]
    _check_paths(net, "head", head)
    made: dict[tuple[float, ...], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        factor = recipe.head_factor if any(_within(name, path) for path in head) else 1.0
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        # What thaws later must be apart: the fused kernels want equally old moments in a group.
        first = first_epoch(name, recipe)
        if parameter.requires_grad and first < NEVER:
            made.setdefault((factor, decay, first), []).append(parameter)
    return [
        {"params": own, "weight_decay": decay, "factor": factor, "rate": recipe.learning_rate}
        for (factor, decay, _), own in made.items()
    ]


def last_layer(net: nn.Module) -> str:
    """Return the path of the last module that holds weights of its own: the head of most nets."""
    return [path for path, one in net.named_modules() if [*one.parameters(recurse=False)]][-1]


def first_epoch(path: str, recipe: Recipe) -> float:
    """Return how many epochs are done before a module or parameter begins to learn."""
    rules = [rule for rule in recipe.thaw or {} if _within(path, rule)]
    if not rules:
        return 0
    epoch = recipe.thaw[max(rules, key=len)]
    return NEVER if epoch is None else epoch


def check(net: nn.Module, recipe: Recipe) -> None:
    """Refuse a thawing schedule that names what is not there, or leaves nothing to learn.

    Raises:
        InputError: so it is.
    """
    rules = recipe.thaw or {}
    _check_paths(net, "thaw", rules)
    wrong = [f"{path}: {epoch!r}" for path, epoch in rules.items() if not _is_epoch(epoch)]
    if wrong:
        raise InputError(
            f"train: thaw: {', '.join(wrong)}: neither a number of epochs nor null (never); "
            "correct this"
        )
    learners = [name for name, one in net.named_parameters() if one.requires_grad]
    if all(first_epoch(name, recipe) > 0 for name in learners):
        raise InputError("train: thaw leaves nothing to learn in the first epoch; freeze less")


def set_learning(net: nn.Module, learners: dict[str, nn.Parameter], recipe: Recipe, e: int) -> None:
    """Freeze and thaw as the recipe wants it after `e` epochs, and set the modules' modes for it.

    What is frozen keeps the statistics of its norms and drops nothing out.
    """
    for name, parameter in learners.items():
        parameter.requires_grad_(first_epoch(name, recipe) <= e)
    net.train()
    for path, module in net.named_modules():
        # cuDNN has no backward pass of recurrent layers in evaluation mode.
        if first_epoch(path, recipe) > e and not isinstance(module, nn.RNNBase):
            module.training = False


def _is_epoch(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _within(path: str, rule: str) -> bool:
    return path == rule or path.startswith(f"{rule}.")


def _check_paths(net: nn.Module, option: str, paths: list[str] | dict) -> None:
    known = {path for path, _ in net.named_modules() if path}
    known |= {path for path, _ in net.named_parameters()}
    for path in paths:
        if path not in known:
            near = registry.nearest(path, known)
            raise InputError(f"train: {option}: {path!r} is no part of the network{near}")
