"""What all networks that predict gaze do alike: weights put in, frames streamed through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from vidsal.errors import InputError
from vidsal.gaze import _salgan, _stream
from vidsal.gaze._model import GazeModel
from vidsal.models import _checkpoint, _reading


def finished(
    net: nn.Module,
    *,
    name: str,
    inputs: _stream.Inputs,
    weights: str | None,
    batch: int,
    precision: str,
    width: float = 1.0,
    layouts: _checkpoint.Layouts | None = None,
    ignored: Sequence[str] = (),
    finish: Callable[[torch.Tensor], torch.Tensor] = torch.sigmoid,
    order: torch.memory_format = torch.channels_last,
) -> GazeModel:
    """Return a network as a GazeModel, filled with the weights that the options name.

    Args:
        net: the network; its weights are changed in place.
        name: of its file.
        inputs: makes a clip of frames and the frame before them.
        weights: a checkpoint file, if any.
        batch: frames that go through the network at once.
        precision: "fp32" or "bf16".
        width: of the network, times the published one.
        layouts: how checkpoints name its tensors; see `vidsal.models._checkpoint`.
        ignored: regular expressions of keys of a checkpoint that are known and not needed.
        finish: logits float32 to the map.
        order: how kernels lie in memory; channels side by side take a fifth less time on a CPU, and
            are what a GPU's tensor cores want.

    Raises:
        InputError: options that cannot be, or weights that do not fit.
    """
    _stream.check(name, batch, precision)
    digest = ""
    if weights:
        digest = _checkpoint.load(
            net,
            weights,
            layouts=_salgan.LAYOUTS | (layouts or {}),
            ignored=ignored,
            head=(),
            convert=partial(_converted, name, weights, width),
        ).sha256
    net.eval().to(memory_format=order)

    def predict(frames: Iterator[np.ndarray], *, batch: int = batch) -> Iterator[np.ndarray]:
        options = {"batch": batch, "precision": precision, "finish": finish}
        return _stream.stream(net, inputs, frames, **options)

    return GazeModel(name, predict, digest, net, inputs, batch)


def still_inputs(preprocess: Callable[[np.ndarray], torch.Tensor]) -> _stream.Inputs:
    """Return a preprocessing of frames alone as one that is shown the frame before, too."""
    return partial(_without_before, preprocess)


def _without_before(
    preprocess: Callable[[np.ndarray], torch.Tensor], frames: np.ndarray, before: np.ndarray | None
) -> torch.Tensor:
    return preprocess(frames)


def keys(weights: str | None) -> set[str]:
    """Return the names of the tensors of a checkpoint, without wrappers' prefixes."""
    if not weights:
        return set()
    found, _ = _reading.tensors(_reading.unwrapped(_reading.read(weights)))
    return {_checkpoint.bare(key) for key in found}


def start_generator(layers: nn.Sequential, file: str | None, weights: str | None) -> None:
    """Fill the generator, or its encoder alone, from a checkpoint, to train from there.

    Args:
        layers: the generator; changed in place, to fresh random weights when there is no file.
        file: a checkpoint of SalGAN or SalBCE, or of VGG-16.
        weights: what the option `weights` names, which would hold the generator already.

    Raises:
        InputError: both files are given, or this one does not fit.
    """
    if not file:
        if not weights:
            _salgan.start(layers)
        return
    if weights:
        raise InputError(
            f"backbone_weights {file}: weights {weights} are given too, and hold the generator "
            "already; leave one of the two out"
        )
    if any(key.startswith("features.") for key in keys(file)):
        encoder = layers[: _salgan.CENTRE]
        ignored, layouts = (r"^classifier\.",), _salgan.ENCODER_LAYOUTS
        _checkpoint.load(encoder, file, layouts=layouts, ignored=ignored, head=(), convert=_as_bgr)
        _salgan.start(layers, _salgan.CENTRE)
        return
    still = _salgan.Still(layers)
    _checkpoint.load(still, file, layouts=_salgan.LAYOUTS, head=(), convert=_salgan.converted)


def _as_bgr(given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return VGG-16 with the channels of its first kernels turned round, from RGB to BGR."""
    first = "features.0.weight"
    return {key: one.flip(1) if key.endswith(first) else one for key, one in given.items()}


def _converted(
    name: str, weights: str, width: float, given: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return a checkpoint under known names; refuse one of a wider or a narrower network."""
    made = _salgan.converted(given)
    found = {_checkpoint.bare(key): one for key, one in made.items()}
    first = next((found[key] for key in ("salgan.0.weight", "0.weight") if key in found), None)
    if first is not None and len(first) != round(64 * width):
        raise InputError(
            f"weights {weights}: of a {name} of width {len(first) / 64:g}, but the option width is "
            f"{width:g}; published weights have width 1, a small network has to be trained here"
        )
    return made
