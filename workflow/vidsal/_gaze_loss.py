r"""Losses of predictors of gaze, per frame, and their weighted sums.

With P the sigmoid of the network, S the same divided by its sum, G the density of the fixations
(its sum is 1), c the number of fixations on a pixel:

- bce: the mean over the pixels of the binary cross-entropy of P and G stretched to 0..1 (Pan et
  al., arXiv 1701.01081, equation 2), also of means over k x k pixels;
- kl: $\sum G \log (G / S)$; cc: 1 - Pearson's correlation of S and G; sim: $1 - \sum \min(S, G)$;
- nss: minus the mean of standardised S at the fixations.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from vidsal import registry
from vidsal.errors import InputError

TINY = 1e-12


def per_frame(
    logits: Tensor, density: Tensor, counts: Tensor, losses: dict[str, float], pooled: int = 1
) -> Tensor:
    """Return the loss of every frame, float32 (n,), 0 for a frame at which nobody looked.

    Args:
        logits: of the network, (n,h,w).
        density: G, (n,h,w); all zero where nobody looked.
        counts: fixations per pixel, (n,h,w).
        losses: name -> weight.
        pooled: k of bce.
    """
    looked = density.sum(dim=(1, 2)) > 0
    # Zeros that depend on the network, since even a step without any gaze has a backward pass.
    made = logits.float().mean(dim=(1, 2)) * 0
    if looked.any():
        given = (logits.float()[looked], density[looked], counts[looked])
        total = sum(
            weight * (bce(*given, pooled=pooled) if name == "bce" else KINDS[name](*given))
            for name, weight in losses.items()
        )
        made = made.index_put((looked.nonzero()[:, 0],), total)
    return made


def checked(losses: dict | None) -> dict[str, float]:
    """Return name -> weight of the losses, {bce: 1} for none.

    Raises:
        InputError: a name that is unknown, a weight that is no number above 0.
    """
    for name, weight in (losses or {}).items():
        if name not in KINDS:
            raise InputError(f"train: losses: {name!r} is unknown{registry.nearest(name, KINDS)}")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
            raise InputError(f"train: losses: {name}: {weight!r} is no number above 0")
    return {name: float(weight) for name, weight in (losses or {"bce": 1.0}).items()}


def bce(logits: Tensor, density: Tensor, counts: Tensor, pooled: int = 1) -> Tensor:
    """Return the binary cross-entropy (n,) with the densities, each stretched to 0..1."""
    low, high = density.amin((1, 2), keepdim=True), density.amax((1, 2), keepdim=True)
    target = (density - low) / (high - low).clamp(min=TINY)
    if pooled == 1:
        found = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return found.mean(dim=(1, 2))
    means = [functional.avg_pool2d(one[:, None], pooled) for one in (logits.sigmoid(), target)]
    found = functional.binary_cross_entropy(*means, reduction="none")
    return found.mean(dim=(1, 2, 3))


def kl(logits: Tensor, density: Tensor, counts: Tensor) -> Tensor:
    """Return the divergence (n,) of the map from the density, natural logarithm."""
    share = _share(logits)
    return (torch.xlogy(density, density) - density * (share + TINY).log()).sum(dim=(1, 2))


def cc(logits: Tensor, density: Tensor, counts: Tensor) -> Tensor:
    """Return 1 - the correlation (n,)."""
    one, other = _standard(logits.sigmoid()), _standard(density)
    return 1 - (one * other).mean(dim=(1, 2))


def nss(logits: Tensor, density: Tensor, counts: Tensor) -> Tensor:
    """Return minus the mean of the standardised map at the fixations, (n,)."""
    total = counts.sum(dim=(1, 2)).clamp(min=1)
    return -(_standard(logits.sigmoid()) * counts).sum(dim=(1, 2)) / total


def sim(logits: Tensor, density: Tensor, counts: Tensor) -> Tensor:
    """Return 1 - what map and density share, (n,)."""
    return 1 - torch.minimum(_share(logits), density).sum(dim=(1, 2))


KINDS: dict[str, Callable[..., Tensor]] = {"bce": bce, "kl": kl, "cc": cc, "nss": nss, "sim": sim}


def _share(logits: Tensor) -> Tensor:
    # The logarithm of the sigmoid keeps what is left of a map that is nearly 0 everywhere.
    return functional.logsigmoid(logits).flatten(1).softmax(dim=1).view_as(logits)


def _standard(maps: Tensor) -> Tensor:
    """Return maps of mean 0 and deviation 1; a map of one value is 0."""
    apart = maps - maps.mean(dim=(1, 2), keepdim=True)
    return apart / (apart.square().mean(dim=(1, 2), keepdim=True) + TINY).sqrt()
