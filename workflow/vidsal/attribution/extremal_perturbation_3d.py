"""Extremal perturbation, volume: the part of the clip, of a given size, that keeps the class alive.

Of all smooth masks m (`_mask_generator`) the one that minimises 100 L(m) + 300 A(m): L = -log p of
the class where only the mask shows ("preserve"), -log (1 - p) where the mask is taken away
("delete"), or both ("dual"); A = mean square of the sorted mask against zeros and, for the part
`area` of it, ones, over all frames at once: frames may get more or less. Fong, Patrick and Vedaldi,
"Understanding Deep Networks via Extremal Perturbations and Smooth Masks", ICCV 2019 (arXiv
1910.08485), over a clip as in Li et al., "Towards Visually Explaining Video Understanding Networks
with Perturbation", WACV 2021 (arXiv 2005.00375). How it is found is ours: `_mask_search`. The map
is the mask, 0 to 1; of several areas the mean of their masks, so that what even the smallest keeps
is 1.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._mask_losses import area_loss
from vidsal.attribution._mask_search import Search, search
from vidsal.models import VideoModel


def extremal_perturbation_3d(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    areas: list[float] = [0.1],  # noqa: B006 - only read
    variant: str = "preserve",
    perturbation: str = "fade",
    iterations: int = 200,
    cell: int = 7,
    sigma: int = 11,
    seed: int = 0,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), in [0,1].

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        areas: parts in (0,1) of the masks' volume, each with a mask of its own; they go through the
            network together. As with the originals the volume has a margin, in which masks fade
            out: at 112 px and the usual sigma it is 1.4 times the clip's, at 56 px twice.
        variant: "preserve", the mask is what suffices; "delete", it is what must not be missing;
            "dual", both at twice the cost.
        perturbation: what is seen where the mask is low: "fade", the mean colour, or "blur".
        iterations: forward and backward passes per area.
        cell: px between the mask's parameters.
        sigma: px, how soft the mask is; 11 for 112 px, 23 for 224 px are usual.
        seed: of the tiny jitter that settles ties.
    """
    task = Search(
        "extremal_perturbation_3d",
        areas,
        variant,
        perturbation,
        iterations,
        cell,
        sigma,
        seed,
    )
    return search(model, clip, target, task, _kept).mean(dim=0)


def _kept(mask: Tensor, area: float) -> Tensor:
    """Return 300 A of a mask (T,H',W'), over the 100 that L has."""
    return 3 * area_loss(mask.flatten(), area)
