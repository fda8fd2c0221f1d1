"""Which layer of a network a method looks at."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextlib import ExitStack
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from vidsal.attribution._maps import folded
from vidsal.attribution._state import untouched
from vidsal.attribution._taps import first
from vidsal.errors import InputError
from vidsal.models import VideoModel

SHOWN = 8
_KNOWN: WeakKeyDictionary[nn.Module, list[str]] = WeakKeyDictionary()


def pick_layer(model: VideoModel, layer: str | int | None) -> str:
    """Return the layer asked for: a module path, the n-th of the model's own, or its first.

    A path may have dots or slashes and may begin with `net`, as the network is called in
    `VideoModel`: `layer4.1.relu`, `layer4/1/relu` and `net/layer4/1/relu` are one layer. The
    model's layers are ordered from the last and coarsest (0) to the first and finest.

    Raises:
        InputError: the model names no layer, or fewer than that, or has no module of that path.
    """
    if isinstance(layer, str):
        return _path(model, layer)
    place = layer or 0
    if not 0 <= place < max(len(model.cam_layers), 1):
        raise InputError(
            f"layer {place} in the options of a method: {model.name} has the layers "
            f"{', '.join(model.cam_layers)}, 0 to {len(model.cam_layers) - 1}"
        )
    if not model.cam_layers:
        raise InputError(
            f"layer in the options of a method: {model.name} names no layer with feature maps; "
            f"set `layer` to the path of one: {_some(layers_with_maps(model))}"
        )
    return model.cam_layers[place]


def layers_with_maps(model: VideoModel) -> list[str]:
    """Return the paths of all modules that put out feature maps, in the order in which they run.

    Found once per network by a forward pass of black frames.
    """
    if model.net not in _KNOWN:
        _KNOWN[model.net] = _listened(model)
    return _KNOWN[model.net]


def _path(model: VideoModel, layer: str) -> str:
    known = {name for name, _ in model.net.named_modules() if name}
    dotted = layer.strip("/").replace("/", ".")
    for path in (layer, dotted, dotted.removeprefix("net.")):
        if path in known:
            return path
    near = difflib.get_close_matches(dotted, sorted(known), n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"layer {layer!r} in the options of a method: {model.name} has no such module; {meant}"
        f"layers with feature maps: {_some(_nearest_first(dotted, layers_with_maps(model), model))}"
    )


def _nearest_first(wanted: str, paths: list[str], model: VideoModel) -> list[str]:
    """Return the paths that resemble what was written, then the model's own, then the others."""
    near = difflib.get_close_matches(wanted, paths, n=3, cutoff=0.5)
    own = [layer for layer in model.cam_layers if layer in paths]
    return list(dict.fromkeys([*near, *own, *sorted(paths, key=lambda path: path.count("."))]))


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more or "none"


def _listened(model: VideoModel) -> list[str]:
    frames = np.zeros((model.length, *model.preprocess.size, 3), np.uint8)
    clip = model.preprocess(frames).to(next(model.net.parameters()))
    shapes: dict[str, torch.Size] = {}
    with untouched(model.net), torch.inference_mode(), ExitStack() as stack:
        for path, module in model.net.named_modules():
            stack.callback(module.register_forward_hook(_measure(path, shapes)).remove)
        model.net(clip[None])
    seen = {path: torch.empty(shape, device="meta") for path, shape in shapes.items() if path}
    extent = tuple(clip.shape[1:])
    return [path for path, value in seen.items() if folded(model, value, extent) is not None]


def _measure(path: str, shapes: dict[str, torch.Size]) -> Callable:
    def hook(module: nn.Module, inputs: tuple, output: object) -> None:
        value = first(output)
        if value is not None and value.ndim:
            shapes[path] = value.shape

    return hook
