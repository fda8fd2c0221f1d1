"""Guided Grad-CAM: guided backpropagation where Grad-CAM finds evidence for the class.

M(t,y,x) = sum_c |R(c,t,y,x)| U(t,y,x), R from `guided_backprop`, U the map of `grad_cam` (ReLU, one
weight per channel) brought to the size of the clip. Selvaraju et al., "Grad-CAM: Visual
Explanations from Deep Networks via Gradient-based Localization", ICCV 2017 (arXiv 1610.02391). As
sharp as the first, as particular to the class as the second; on frame-wise networks too.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.guided_backprop import guided
from vidsal.errors import InputError
from vidsal.models import VideoModel

WAYS = {"trilinear": {"align_corners": False}, "nearest": {}}


def guided_grad_cam(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    layer: str | int | None = None,
    upsampling: str = "trilinear",
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W).

    Args:
        model: the network, with ReLUs as modules or as functions.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: of Grad-CAM: its module path, or a number in the model's own list (0 the last and
            coarsest, its choice when not given; 1 the one before, finer; ...).
        upsampling: how Grad-CAM's map is enlarged, "trilinear" (smooth) or "nearest" (captum's).
        absolute: sum the sizes over channels; else sum with signs.
    """
    if upsampling not in WAYS:
        raise InputError(
            f"upsampling {upsampling!r} in the options of guided_grad_cam: unknown; take "
            f"{' or '.join(WAYS)}"
        )
    found = guided(model, clip, target, "guided_grad_cam")
    cam = grad_cam(model, clip, target, layer=layer)[None, None]
    size = tuple(clip.shape[1:])
    cam = functional.interpolate(cam, size, mode=upsampling, **WAYS[upsampling])[0, 0]
    return (found.abs() if absolute else found).sum(dim=0) * cam
