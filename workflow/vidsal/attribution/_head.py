"""The linear layer that gives a network's answer, and the proof that it reads averages of maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from vidsal.attribution._cam import weighted_sum
from vidsal.attribution._contrast import refuse_contrast
from vidsal.attribution._pass import Pass, observe
from vidsal.attribution._taps import Keep
from vidsal.errors import InputError
from vidsal.models import VideoModel

WEIGHTS, READS = "weights of the last linear layer", "what the last linear layer reads"
# How far a mean may be from the network's own, relative to its size: reduced precision rounds.
ROUNDING = 1e-2


@contextmanager
def head(model: VideoModel, keep: Keep) -> Iterator[None]:
    """Collect weights and input of the linear layer, or 1x1 convolution, that runs last.

    A collector for `_pass.observe`.
    """

    def hook(module: nn.Module, inputs: tuple) -> None:
        keep(WEIGHTS, module.weight, gradient=False)
        keep(READS, inputs[0], gradient=False)

    with ExitStack() as stack:
        for module in filter(_is_linear, model.net.modules()):
            stack.callback(module.register_forward_pre_hook(hook).remove)
        yield


def tubes(model: VideoModel, clip: Tensor, target: int, layer: str, method: str) -> Tensor:
    """Return sum_c W[target,c] A_c of a layer that a network averages, (T',h,w); or refuse."""
    found = observe(model, clip, target, [layer], extra=[head])
    weights = class_weights(model, found, layer, method)[target]
    return weighted_sum(weights[:, None, None, None], found.activations[layer], relu=False)


def class_weights(model: VideoModel, found: Pass, layer: str, method: str) -> Tensor:
    """Return the weights (K,C) with which the network's answer adds up the means of a layer.

    Args:
        model: the network.
        found: a pass with the layer's activation and what `head` collects.
        layer: the layer whose channels are added up.
        method: for the message.

    Raises:
        InputError: the answer is no weighted sum of averages of this layer, or is not asked for.
    """
    refuse_contrast(model, method, "it reads the weights of single classes", "hires_cam")
    why = f"{method} cannot explain {model.name} by layer {layer!r}"
    instead = "take hires_cam, which needs no such layer"
    if WEIGHTS not in found.extra:
        raise InputError(f"{why}: it has no linear layer; {instead}")
    activation, weights = found.activations[layer], found.extra[WEIGHTS].flatten(1)
    wanted = (len(found.logits), len(activation))
    if weights.shape != wanted:
        raise InputError(
            f"{why}: its last linear layer has {tuple(weights.shape)} weights, and the layer's "
            f"channels and the classes would need {wanted}; {instead}"
        )
    if not _averages(found.extra[READS], activation):
        raise InputError(f"{why}: its last linear layer does not read the layer's mean; {instead}")
    return weights


def _is_linear(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        return set(module.kernel_size) == {1} and module.groups == 1
    return isinstance(module, nn.Linear)


def _averages(read: Tensor, activation: Tensor) -> bool:
    """Whether what the head reads are means of the activation (C,T',h,w), of all or of each frame.

    A head that is a convolution reads maps; these may be means over windows, of which is asked only
    that they lie between the smallest and the largest value of their channel.
    """
    values = activation.flatten(1)
    if read.ndim > 3:
        slack = ROUNDING * values.abs().amax()
        given = read.movedim(1, 0).flatten(1)
        low, high = given.amin(dim=1) - values.amin(dim=1), given.amax(dim=1) - values.amax(dim=1)
        return bool((low.amin() >= -slack) & (high.amax() <= slack))
    given = read.flatten(0, -2).T
    means = activation.mean(dim=(2, 3)) if given.shape[1] > 1 else values.mean(1, keepdim=True)
    return means.shape == given.shape and bool((given - means).norm() <= ROUNDING * means.norm())
