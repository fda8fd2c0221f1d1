"""Spatiotemporal perturbation (STEP): extremal perturbation whose mask keeps together.

Of all smooth masks m (`_mask_generator`) the one that minimises L(m) + 1696 A(m) + 300 C(m): L =
-log p of the class where only the mask shows ("preserve"), -log (1 - p) where the mask is taken
away ("delete"), or both ("dual"); A = mean square of the whole volume's sorted mask against zeros
and, for the part `area` of it, ones; C = the core loss, which wants the mask's mean over blobs of a
few frames and pixels to be 1 in as many blobs as the area holds and 0 in all others. Li et al.,
"Towards Visually Explaining Video Understanding Networks with Perturbation", WACV 2021 (arXiv
2005.00375), with the weights that their schedule ends with (300 * 1.0008668^2000 for A). How it is
found is ours: `_mask_search`. The map is the mask, 0 to 1; of several areas the mean of their
masks, so that what even the smallest keeps is 1.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._mask_losses import area_loss, core_kernel, core_loss
from vidsal.attribution._mask_search import Search, search
from vidsal.errors import InputError
from vidsal.models import VideoModel

# What 300 has grown to after the 2,000 iterations of the published schedule.
AREA_WEIGHT = 300 * 1.0008668**2000
CORE_WEIGHT = 300


def spatiotemporal_perturbation(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    areas: list[float] = [0.1],  # noqa: B006 - only read
    variant: str = "preserve",
    perturbation: str = "fade",
    iterations: int = 200,
    core: str = "ellipsoid",
    core_frames: int = 7,
    core_size: int = 11,
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
        core: shape of the blobs, "ellipsoid" or "cylinder" (a disc in every frame of it).
        core_frames: length of a blob; of a shorter clip all frames.
        core_size: height and width of a blob, 3 px or more, and the distance between two of them.
        cell: px between the mask's parameters.
        sigma: px, how soft the mask is; 11 for 112 px, 23 for 224 px are usual.
        seed: of the tiny jitter that settles ties.
    """
    task = Search(
        "spatiotemporal_perturbation",
        areas,
        variant,
        perturbation,
        iterations,
        cell,
        sigma,
        seed,
    )
    if core_frames < 1 or core_size < 3:
        raise InputError(
            f"core_frames {core_frames} and core_size {core_size} in the options of "
            "spatiotemporal_perturbation: a blob needs a frame or more, and 3 px or more"
        )
    frames, size = min(core_frames, clip.shape[1]), min(core_size, *clip.shape[2:])
    kernel = core_kernel(core, frames, size).to(clip)

    def kept(mask: Tensor, area: float) -> Tensor:
        whole = AREA_WEIGHT * area_loss(mask.flatten(), area)
        return whole + CORE_WEIGHT * core_loss(mask, area, kernel)

    return search(model, clip, target, task, kept).mean(dim=0)
