"""The generator of SalGAN, shared by all networks that grew out of it: layers, colours, layouts.

VGG-16 up to its last ReLU, then the same backwards with nearest-neighbour enlargement, a 1x1
convolution and a sigmoid: 62 modules in a row, whose numbers are the names in published
checkpoints (Pan et al., "SalGAN: Visual Saliency Prediction with Generative Adversarial Networks",
arXiv 1701.01081, figure 2). With batch normalisation after every 3x3 convolution there are 88.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from vidsal.errors import InputError
from vidsal.models._model import Preprocessing

ENCODER = (64, 64, "pool", 128, 128, "pool", *(256,) * 3, "pool", *(512,) * 3, "pool", *(512,) * 3)
DECODER = (*(512,) * 3, "up", *(512,) * 3, "up", *(256,) * 3, "up", 128, 128, "up", 64, 64)
# The first decoder convolution, and the sigmoid, by their number.
CENTRE, LAST = 30, 61
# Convolutions in the order in which they lie, as the Theano original files them.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
CONVOLUTIONS += (30, 32, 34, 37, 39, 41, 44, 46, 48, 51, 53, 56, 58, 60)
# Caffe's VGG-16: BGR, 0..255, only the mean taken off.
CAFFE = {"mean": (103.939, 116.779, 123.68), "std": (1.0, 1.0, 1.0), "channels": "bgr", "scale": 1}
# Of natural pictures' colours, 0..255.
DEVIATION = 58.0
# Deviation of the logits before any training.
FLAT = 0.1
# What training may start from: the encoder alone, or all of SalBCE.
BACKBONE_WEIGHTS = {
    "vgg16": {
        "salgan": {
            "url": "https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth",
            "sha256": "88682ab5",
            "licence": "BSD-3-Clause (torchvision), trained on ImageNet",
        },
    },
    "salicon": {
        "salgan": {
            "form": "ask for salgan_salicon.pt as github.com/Linardos/SalEMA says in its README",
            "file": "salgan_salicon.pt",
            "licence": "none stated, trained on SALICON",
        },
    },
}
# SalBCE names the modules by their number alone.
LAYOUTS = {"salbce": [(r"^(\d+)\.", r"salgan.\1.")]}
# torchvision's VGG-16 with Caffe's weights; its first layer reads RGB.
ENCODER_LAYOUTS = {"vgg16": [(r"^features\.", "")]}


def generator(width: float = 1.0, *, batch_norm: bool = False, inputs: int = 3) -> nn.Sequential:
    """Return the layers, from pictures (n,inputs,H,W) to maps (n,1,H,W) in 0..1.

    Args:
        width: times the published number of channels of every layer.
        batch_norm: normalise after every 3x3 convolution.
        inputs: channels of a picture.

    Raises:
        InputError: a width that leaves a layer without channels.
    """
    if not width > 0 or round(64 * width) < 1:
        raise InputError(f"width: {width}: leaves no channels; 1 is the published network")
    made: list[nn.Module] = []
    before = inputs
    for kind in (*ENCODER, *DECODER):
        if kind == "pool":
            made.append(nn.MaxPool2d(2))
        elif kind == "up":
            made.append(nn.Upsample(scale_factor=2))
        else:
            after = round(kind * width)
            made += _block(before, after, batch_norm)
            before = after
    return nn.Sequential(*made, nn.Conv2d(before, 1, 1), nn.Sigmoid())


def _block(before: int, after: int, batch_norm: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(after)] if batch_norm else []
    return [nn.Conv2d(before, after, 3, padding=1), *norm, nn.ReLU(inplace=True)]


def start(layers: nn.Sequential, begin: int = 0) -> None:
    """Give layers random weights under which the signal neither dies nor grows.

    Kernels of He et al. (ICCV 2015), each then divided by the deviation of what it makes of coarse
    noise (Mishkin and Matas, "All you need is a good init", ICLR 2016, arXiv 1511.06422): 26 layers
    without normalisation, narrow ones above all, would otherwise start anywhere. Maps start nearly
    flat, biases at 0.

    Args:
        layers: the generator; changed in place.
        begin: number of the first layer that is; those before it are kept.
    """
    was_training = layers.training
    layers.eval()
    noise = torch.randn(4, layers[0].in_channels, 8, 8)
    values = nn.functional.interpolate(noise, size=(64, 64), mode="bilinear") * DEVIATION
    with torch.no_grad():
        for number, layer in enumerate(layers):
            if isinstance(layer, nn.Conv2d) and number >= begin:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
                layer.weight /= layer(values).std()
                if layer.out_channels == 1:
                    layer.weight *= FLAT
            values = layer(values)
    layers.train(was_training)


def preprocessing(size: list[int]) -> Preprocessing:
    """Return how frames become pictures: squashed by area, BGR, the mean of ImageNet taken off."""
    if any(side % 16 for side in size):
        raise InputError(
            f"size: {list(size)}: the network halves its picture four times; give multiples of 16"
        )
    return Preprocessing(size=tuple(size), resize="area", **CAFFE)


def converted(given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a checkpoint of the Theano original under the generator's names; others as they are.

    Its arrays come without names, weight and bias by turns. Lasagne's own convolutions, which the
    decoder is made of, turn their kernels round, those ported from Caffe for the encoder do not:
    the decoder's are turned here.
    """
    if set(given) != {f"arr_{number}" for number in range(2 * len(CONVOLUTIONS))}:
        return dict(given)
    made = {}
    for number, module in enumerate(CONVOLUTIONS):
        kernel = given[f"arr_{2 * number}"]
        made[f"salgan.{module}.weight"] = kernel.flip(-2, -1) if module >= CENTRE else kernel
        made[f"salgan.{module}.bias"] = given[f"arr_{2 * number + 1}"]
    return made


def through(layers: nn.Sequential, values: torch.Tensor) -> torch.Tensor:
    """Return what layers make of values (n,C,h,w).

    Where nobody asks for a gradient, an enlargement and the 3x3 convolution behind it are done at
    once: of the nine places that the kernel looks at, only four differ.
    """
    if torch.is_grad_enabled():
        return layers(values)
    waiting = False
    for layer in layers:
        if waiting:
            values = _enlarged(values, layer) if isinstance(layer, nn.Conv2d) else layer(values)
            waiting = False
        elif isinstance(layer, nn.Upsample) and layer is not layers[-1]:
            waiting = True
        else:
            values = layer(values)
    return values


def _enlarged(values: torch.Tensor, conv: nn.Conv2d) -> torch.Tensor:
    """Return a 3x3 convolution of values repeated twice in each direction, (n,C',2h,2w).

    Pixels of an even and of an odd row (column) see two rows of `values` each; the kernel's rows
    that fall on the same one are added up beforehand.
    """
    height, width = values.shape[2:]
    shape = (len(values), conv.out_channels, 2 * height, 2 * width)
    padded = nn.functional.pad(values, (1, 1, 1, 1))
    made = None
    for row, kernels in enumerate(_halves(conv.weight, 2)):
        for column, kernel in enumerate(_halves(kernels, 3)):
            seen = padded[:, :, row : row + height + 1, column : column + width + 1]
            kernel = kernel.contiguous(memory_format=torch.channels_last)
            part = nn.functional.conv2d(seen, kernel, conv.bias)
            if made is None:
                made = part.new_empty(shape).contiguous(memory_format=torch.channels_last)
            made[:, :, row::2, column::2] = part
    return made


def _halves(kernel: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two kernels of size 2 along an axis that stand for one of size 3."""
    first, middle, last = kernel.unbind(axis)
    pairs = ((first, middle + last), (first + middle, last))
    return tuple(torch.stack(pair, dim=axis) for pair in pairs)


def unfolded(values: torch.Tensor, clips: torch.Tensor) -> torch.Tensor:
    """Return values (N*T,...) of the frames of clips (N,C,T,H,W) as (N,T,...)."""
    return values.unflatten(0, (len(clips), clips.shape[2]))


class Still(nn.Module):
    """The generator alone: each frame for itself."""

    def __init__(self, layers: nn.Sequential) -> None:
        """Take the layers, the last of which is the sigmoid."""
        super().__init__()
        self.salgan = layers

    def forward(self, clips: torch.Tensor, state: None = None) -> tuple[torch.Tensor, None]:
        """Return logits (N,T,H,W) of clips (N,C,T,H,W), and no state."""
        frames = clips.transpose(1, 2).flatten(0, 1)
        return unfolded(through(self.salgan[:-1], frames), clips).squeeze(2), state
