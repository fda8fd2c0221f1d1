"""Activation maximisation: the clip that one filter of a network answers to most.

Not a map of a clip but a picture of a filter: gradient ascent from noise raises the mean activation
of one channel of a layer,

    x = argmax mean_{t,h,w} A_channel(x), black <= x <= white,

with Adam and a little weight decay. Erhan et al., "Visualizing Higher-Layer Features of a Deep
Network", 2009; starting values and steps are those that SalEMA's programs use for pictures
(github.com/Linardos/SalEMA), which here become clips of the network's own length, kept within the
colours that frames can have.

    from vidsal.activation_maximisation import activation_maximisation, pictures
    frames = pictures(model, activation_maximisation(model, "layer2/0", channel=7))
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vidsal.attribution import _pass
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._maps import unfold
from vidsal.attribution._state import backward_through_rnn, untouched
from vidsal.attribution._taps import listening
from vidsal.errors import InputError
from vidsal.models import VideoModel

# The grey noise, in 8 bits, that the ascent starts from.
NOISE = (150, 180)


def activation_maximisation(
    model: VideoModel,
    layer: str | int | None = None,
    channel: int = 0,
    *,
    iterations: int = 80,
    learning_rate: float = 0.1,
    weight_decay: float = 1e-6,
    seed: int = 0,
) -> Tensor:
    """Return the clip (C,T,H,W) float32 that the network would receive; `pictures` shows it.

    Args:
        model: the network; nothing in it is changed.
        layer: a layer with feature maps: its module path, or a number in the model's own list.
        channel: number of the filter, from 0.
        iterations: steps of the ascent, one forward and one backward pass each.
        learning_rate: Adam's, in network space.
        weight_decay: pull of every value towards 0, the mean colour.
        seed: of the noise it starts from.

    Raises:
        InputError: the layer or the channel does not exist.
    """
    path = pick_layer(model, layer)
    if iterations < 0:
        raise InputError(
            f"iterations {iterations} in the options of activation_maximisation: give 0 or more"
        )
    with untouched(model.net), backward_through_rnn(model.net), torch.enable_grad():
        clip = _noise(model, seed).requires_grad_()
        black, white = _range(model, clip)
        climber = torch.optim.Adam(
            [clip], lr=learning_rate, weight_decay=weight_decay, maximize=True
        )
        for _ in range(iterations):
            (clip.grad,) = torch.autograd.grad(_mean(model, clip, path, channel), clip)
            climber.step()
            clip.data.clamp_(black, white)
            _pass.PASSES.backward += 1
    return clip.detach()


def pictures(model: VideoModel, clip: Tensor) -> np.ndarray:
    """Return a clip of network space as frames, uint8 (T,H,W,3) RGB.

    Raises:
        InputError: the network does not receive pictures.
    """
    if len(clip) != 3:
        raise InputError(
            f"pictures of {model.name}: it receives {len(clip)} channels, which are no colours; "
            "take the clip itself"
        )
    black, white = _range(model, clip)
    values = (255 * (clip - black) / (white - black)).round().clamp(0, 255)
    colours = values.flip(0) if model.preprocess.channels == "bgr" else values
    return colours.movedim(0, -1).to(torch.uint8).cpu().numpy()


def _noise(model: VideoModel, seed: int) -> Tensor:
    draw = np.random.Generator(np.random.PCG64(seed))
    shape = (model.length, *model.preprocess.size, 3)
    return model.preprocess(draw.integers(*NOISE, shape, dtype=np.uint8)).to(model.device)


def _range(model: VideoModel, clip: Tensor) -> tuple[Tensor, Tensor]:
    """Return what black and white are in network space, (C,1,1,1) each."""
    if len(clip) != 3:
        return -torch.ones_like(clip[:, :1, :1, :1]), torch.ones_like(clip[:, :1, :1, :1])
    black = model.preprocess.black().to(clip)
    std = torch.tensor(model.preprocess.std).to(clip).view(3, 1, 1, 1)
    return black, black + 255 * model.preprocess.scale / std


def _mean(model: VideoModel, clip: Tensor, layer: str, channel: int) -> Tensor:
    with listening(model, [layer], (), recorded=True) as taps:
        model.net(clip[None])
    _pass.PASSES.forward += 1
    taps.check([layer])
    maps = unfold(model, layer, taps.layers[layer], tuple(clip.shape[1:]))
    if not 0 <= channel < len(maps):
        raise InputError(
            f"channel {channel} of layer {layer}: it has channels 0 to {len(maps) - 1}; take one "
            "of them"
        )
    return maps[channel].mean()
