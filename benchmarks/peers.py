"""How captum, pytorch-grad-cam and torch-cam answer the questions that attribution.py asks.

captum's calls are of a frozen network, at the batch size in force; the other two run as their
manuals show them, on a network whose parameters want gradients. A library that is not installed is
left out; vidsal needs neither pytorch-grad-cam nor torch-cam.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from vidsal.attribution import _variants
from vidsal.models import VideoModel

Way = Callable[[], object]
CAPTUM, GRAD_CAM, TORCH_CAM = "captum", "pytorch_grad_cam", "torchcam"


def missing() -> list[str]:
    """Return the libraries that are not installed."""
    return [
        name for name in (CAPTUM, GRAD_CAM, TORCH_CAM) if importlib.util.find_spec(name) is None
    ]


def cams(model: VideoModel, clip: Tensor, target: int) -> dict[str, Way]:
    """Return the ways to a Grad-CAM of the last feature layer, by library."""
    layer, there, absent = model.cam_layers[0], {}, missing()
    live = copy.deepcopy(model.net).requires_grad_(True)
    if CAPTUM not in absent:
        there[CAPTUM] = partial(_captum_cam, model.net, layer, clip, target)
    if GRAD_CAM not in absent:
        there[GRAD_CAM] = partial(_grad_cam, live, layer, clip, target)
    if TORCH_CAM not in absent:
        there[TORCH_CAM] = partial(_torch_cam, live, layer, clip, target)
    return there


def one_by_one(model: VideoModel, clip: Tensor, target: int) -> Way:
    """Return captum's gradient, input x gradient and Grad-CAM, one call after the other."""
    from captum import attr

    def run() -> None:
        for kind in (attr.Saliency, attr.InputXGradient):
            kind(model.net).attribute(_leaf(clip), target=target)
        _captum_cam(model.net, model.cam_layers[0], clip, target)

    return run


def integrated_gradients(
    model: VideoModel, clip: Tensor, target: int, baseline: Tensor, steps: int
) -> Tensor:
    """Return captum's integrated gradients, with their error of completeness as ours has it."""
    from captum import attr

    found, _ = attr.IntegratedGradients(model.net).attribute(
        _leaf(clip),
        baselines=baseline[None],
        target=target,
        n_steps=steps,
        internal_batch_size=_variants.batch_size(),
        return_convergence_delta=True,
    )
    return found


def smooth_grad(model: VideoModel, clip: Tensor, target: int, samples: int, sigma: float) -> Tensor:
    """Return captum's SmoothGrad of its Saliency."""
    from captum import attr

    return attr.NoiseTunnel(attr.Saliency(model.net)).attribute(
        _leaf(clip),
        nt_type="smoothgrad",
        nt_samples=samples,
        nt_samples_batch_size=min(samples, _variants.batch_size()),
        stdevs=sigma,
        target=target,
    )


def occlusion(model: VideoModel, clip: Tensor, target: int, window: tuple[int, ...]) -> Tensor:
    """Return captum's occlusion by boxes (C,T,H,W) side by side."""
    from captum import attr

    return attr.Occlusion(model.net).attribute(
        clip[None],
        sliding_window_shapes=window,
        strides=window,
        target=target,
        perturbations_per_eval=_variants.batch_size(),
    )


def _leaf(clip: Tensor) -> Tensor:
    return clip.clone()[None].requires_grad_()


def _captum_cam(net: nn.Module, layer: str, clip: Tensor, target: int) -> Tensor:
    from captum import attr

    return attr.LayerGradCam(net, net.get_submodule(layer)).attribute(_leaf(clip), target=target)


def _grad_cam(net: nn.Module, layer: str, clip: Tensor, target: int) -> object:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    with GradCAM(model=net, target_layers=[net.get_submodule(layer)]) as cam:
        made = cam(input_tensor=clip[None], targets=[ClassifierOutputTarget(target)])
    net.zero_grad()
    return made


def _torch_cam(net: nn.Module, layer: str, clip: Tensor, target: int) -> object:
    from torchcam.methods import GradCAM

    with (
        GradCAM(net, target_layer=layer, input_shape=tuple(clip.shape)) as cam,
        torch.enable_grad(),
    ):
        return cam(target, net(clip[None]))
