"""Frames of a whole video through a network, a few at a time, its state carried along.

However the video was cut into pieces, the network gets `batch` frames at a time, so that the maps
are the same to the last bit; another `batch` changes them by rounding (1e-5). Kept in memory are
one batch, its maps and the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from vidsal.errors import InputError
from vidsal.models._finish import check_choice

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
Inputs = Callable[[np.ndarray, np.ndarray | None], torch.Tensor]


def check(name: str, batch: int, precision: str) -> None:
    """Refuse a batch of no frames and a precision that is none.

    Raises:
        InputError: so it is.
    """
    check_choice(name, "precision", precision, PRECISIONS)
    if batch < 1:
        raise InputError(f"{name}: batch {batch}: give 1 frame or more")


def stream(
    net: nn.Module,
    inputs: Inputs,
    frames: Iterator[np.ndarray],
    *,
    batch: int,
    precision: str = "fp32",
    finish: Callable[[torch.Tensor], torch.Tensor] = torch.sigmoid,
) -> Iterator[np.ndarray]:
    """Yield maps float32 (t,h,w) of pieces of a video uint8 (t,H,W,3), in order.

    Args:
        net: (clips (1,C,t,H,W), state) to (logits (1,t,h,w), state), in evaluation mode.
        inputs: makes a clip of frames and the frame before them.
        frames: the pieces.
        batch: frames that go through the network at once; fewer in the last batch.
        precision: "fp32", or "bf16" for convolutions; states and maps stay float32.
        finish: logits float32 to the map.
    """
    state, before = None, None
    device = next(net.parameters()).device
    for block in blocks(frames, batch):
        clip = inputs(block, before)[None].to(device)
        before = block[-1]
        with torch.inference_mode(), _autocast(device, precision):
            logits, state = net(clip, state)
        yield finish(logits[0].float()).cpu().numpy()


def blocks(pieces: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield the same frames in pieces of `size`; the last takes what is left.

    Raises:
        InputError: a frame has another size than those before it.
    """
    waiting: list[np.ndarray] = []
    shape = None
    for piece in pieces:
        for frame in piece:
            shape = shape or frame.shape
            if frame.shape != shape:
                raise InputError(
                    f"frames of {shape[1]}x{shape[0]} and of {frame.shape[1]}x{frame.shape[0]} in "
                    "one video: a map has one size; bring them to one"
                )
            waiting.append(frame)
            if len(waiting) == size:
                yield np.stack(waiting)
                waiting = []
    if waiting:
        yield np.stack(waiting)


def _autocast(device: torch.device, precision: str) -> torch.autocast:
    kind = PRECISIONS[precision]
    return torch.autocast(device.type, torch.bfloat16, enabled=kind is not torch.float32)
