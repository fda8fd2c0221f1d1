"""The loss of a training, summed over clips, and the weights of its classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from vidsal import registry
from vidsal._recipe import BALANCED, Recipe
from vidsal.errors import InputError
from vidsal.models import VideoModel


def summed(logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Return the sum of the cross-entropies of clips, each times the weight of its class.

    Divided by the sum of these weights over the whole step it is torch's mean; so a step in
    several parts has the gradient of the step as a whole.

    Args:
        logits: (N,K).
        targets: int64 (N,), numbers of the classes.
        weights: float32 (K,).
        smoothing: share of the target given to all classes alike.
    """
    return functional.cross_entropy(
        logits.float(), targets, weight=weights, label_smoothing=smoothing, reduction="sum"
    )


def class_weights(model: VideoModel, labels: Sequence[int], recipe: Recipe) -> Tensor:
    """Return the weight of each class, float32 (K,); all 1 when the recipe has none.

    `balanced`: n / (K n_k), as in King and Zeng, "Logistic Regression in Rare Events Data",
    Political Analysis 9 (2001), so that each class has the same share of an epoch.

    Raises:
        InputError: a weight is given to a class that there is not, is below 0, or all are 0.
    """
    names = model.categories or [str(number) for number in range(max(labels) + 1)]
    given = recipe.class_weights
    if given is None:
        made = torch.ones(len(names))
    elif given == BALANCED:
        counts = torch.bincount(torch.tensor(labels), minlength=len(names))
        made = len(labels) / (len(names) * counts.clamp(min=1))
    else:
        _check(given, names)
        made = torch.tensor([float(given.get(name, 1.0)) for name in names])
        if not made[list(labels)].any():
            raise InputError(
                "train: class_weights: all clips weigh 0, so nothing would be learned; raise one"
            )
    return made.float().to(model.device)


def _check(given: dict, names: list[str]) -> None:
    for name, weight in given.items():
        if name not in names:
            raise InputError(
                f"train: class_weights: no class {name!r}{registry.nearest(name, names)}"
            )
        if isinstance(weight, bool | str) or weight is None or weight < 0:
            raise InputError(f"train: class_weights: {name}: {weight!r} is no number from 0 on")


def check_labels(model: VideoModel, labels: Sequence[int]) -> None:
    """Refuse clips of classes that the network's list does not hold.

    Raises:
        InputError: there are.
    """
    if model.categories is not None and max(labels) >= len(model.categories):
        raise InputError(
            f"train of {model.name}: a clip has class {max(labels)}, but the network knows "
            f"{len(model.categories)} classes (0 to {len(model.categories) - 1}); build it with "
            "as many as the dataset has"
        )


def check_logits(model: VideoModel, logits: Tensor, wanted: int) -> None:
    """Refuse a network whose last layer is made for another number of classes.

    Raises:
        InputError: it is.
    """
    if logits.shape[1:] != (wanted,):
        raise InputError(
            f"train of {model.name}: the network gives {tuple(logits.shape[1:])} numbers per clip, "
            f"but there are {wanted} classes; build it with num_classes {wanted}"
        )
