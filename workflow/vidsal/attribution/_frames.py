"""Features of frames that a frame-wise network has seen already, so that none is looked at twice.

A network whose frames do not meet before its head says so (`VideoModel.frame_features` and `head`).
A variant that changes one of 16 frames then costs 1/16 of a pass and what the head costs.

Frames are known by 128 bits made of their own bits (two sums with fixed random weights modulo
2^64), so equal frames are found wherever they come from: another variant, or another clip of the
same video. These names are the one thing that is fetched from the device, once per batch.

A pass is counted by the frames looked at: n new frames of clips of T frames are n/T of a pass. The
head, an LSTM or a mean, is not counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor, nn

from vidsal.attribution import _precision
from vidsal.models import VideoModel

KEEP = 4096
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_OPEN: list[Memory] = []


class Memory:
    """Features of the frames that one network met last; the longest unused is forgotten first."""

    def __init__(self, model: VideoModel, keep: int) -> None:
        """Start empty.

        Args:
            model: the network; its weights must stay as they are.
            keep: frames held at a time, each as large as its features (1 to 8 kB).
        """
        self.model, self.keep, self.precision = model, keep, _precision.current()
        self.looked = 0
        self._rows: OrderedDict[tuple, list[Tensor]] = OrderedDict()

    def answer(self, clips: Tensor) -> Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W), looking at new frames only."""
        # Clip by clip, since names are worked out in numbers twice as wide as the frames'.
        names = torch.cat([named(clip.transpose(0, 1)) for clip in clips]).tolist()
        rows, new = self._find([tuple(name) for name in names])
        try:
            self._look(clips, new)
        except BaseException:
            # Rows without features would stand for frames that nobody has looked at.
            self._rows.clear()
            raise
        features = torch.stack([row[0] for row in rows]).unflatten(0, (len(clips), -1))
        return self.model.head(features)

    def _find(self, names: list[tuple]) -> tuple[list[list], dict[int, list]]:
        """Return the row of every frame, and those of new frames by their number, still empty.

        One frame after the other, as if each came alone: what is forgotten and looked at again,
        and so the count of passes, does not depend on the batch size.
        """
        rows, new = [], {}
        for number, name in enumerate(names):
            row = self._rows.pop(name, None)
            if row is None:
                row = new[number] = []
            self._rows[name] = row
            rows.append(row)
            if len(self._rows) > self.keep:
                self._rows.popitem(last=False)
        return rows, new

    def _look(self, clips: Tensor, new: dict[int, list]) -> None:
        """Fill the rows of new frames."""
        if not new:
            return
        self.looked += len(new)
        length = clips.shape[2]
        frames = torch.stack([clips[number // length, :, number % length] for number in new])
        with _precision.trunk(self.model):
            made = self.model.frame_features(_precision.arranged(frames))
        for row, features in zip(new.values(), made.to(clips.dtype), strict=True):
            # A copy: a view would hold the features of its whole batch as long as it lives.
            row.append(features.clone())


@contextmanager
def remembering(model: VideoModel, keep: int = KEEP) -> Iterator[None]:
    """Let all questions about the clips of a video share the features of their frames.

    Args:
        model: the network, whose weights must not change inside; for one whose frames meet before
            the head this does nothing.
        keep: frames held at a time.
    """
    _OPEN.append(Memory(model, keep))
    try:
        yield
    finally:
        _OPEN.pop()


def memory(model: VideoModel) -> Memory | None:
    """Return the memory that is open for a network, or a new one; None where frames are not apart.

    Also None while anybody listens to a module: hooks shall see whole clips.
    """
    if model.frame_features is None or model.head is None:
        return None
    if any(_listened(module) for module in model.net.modules()):
        return None
    known = _OPEN[-1] if _OPEN else None
    if known and known.model is model and known.precision == _precision.current():
        return known
    return Memory(model, KEEP)


def named(frames: Tensor) -> Tensor:
    """Return 128 bits for each frame, int64 (n,2): equal for frames (n,...) of equal bits."""
    flat = frames.flatten(1).contiguous()
    # Eight bytes at a time where rows are whole eights of bytes.
    whole = flat.shape[1] * flat.element_size() % 8 == 0
    bits = flat.view(torch.int64 if whole else _BITS[flat.element_size()])
    weights = _weights(bits.shape[1], bits.device)
    return torch.stack([(bits * own).sum(dim=1) for own in weights], dim=1)


@lru_cache(maxsize=8)
def _weights(count: int, device: torch.device) -> Tensor:
    """Return odd int64 (2,count): an odd weight lets no single difference vanish."""
    limits = torch.iinfo(torch.int64)
    generator = torch.Generator().manual_seed(count)
    drawn = torch.randint(limits.min, limits.max, (2, count), generator=generator)
    return (drawn | 1).to(device)


def _listened(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)
