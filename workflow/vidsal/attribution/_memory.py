"""Passes of clips kept for those who ask for them again, and what was asked of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from vidsal.attribution._taps import Collector
from vidsal.errors import InputError
from vidsal.models import VideoModel

# How far back a pass goes, from the cheapest on.
BACK = ("nothing", "layers", "input")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Wish:
    """What somebody wants of a pass.

    Attributes:
        layers: paths of layers.
        back: how far back it goes, of BACK.
        extra: collectors.
    """

    layers: tuple[str, ...]
    back: str
    extra: tuple[Collector, ...]

    def covers(self, other: Wish) -> bool:
        """Whether a pass made for this one serves the other."""
        return (
            set(other.layers) <= set(self.layers)
            and BACK.index(other.back) <= BACK.index(self.back)
            and set(other.extra) <= set(self.extra)
        )

    def joined(self, other: Wish) -> Wish:
        """Return the smallest wish that covers both."""
        return Wish(
            tuple(dict.fromkeys([*self.layers, *other.layers])),
            max(self.back, other.back, key=BACK.index),
            tuple(dict.fromkeys([*self.extra, *other.extra])),
        )


class Memory(Generic[Made]):
    """Passes kept while `sharing` is open; the oldest is forgotten first."""

    def __init__(
        self,
        model: VideoModel,
        wish: Wish,
        keep: int,
        run: Callable[[VideoModel, Tensor, int, Wish], Made],
    ) -> None:
        """Take what all that share a pass will wish for together, and how passes are made."""
        self.model, self.wish, self.keep, self.run = model, wish, keep, run
        # The clip is kept beside its pass: its address is only its own as long as it lives.
        self.passes: OrderedDict[tuple, tuple[Tensor, Wish, Made]] = OrderedDict()

    def get(self, clip: Tensor, target: int, wish: Wish) -> Made:
        """Return the pass of a clip that holds what is wished, run when there is none."""
        _, held, made = self.passes.get((*_place(clip), target), (None, None, None))
        return made if held and held.covers(wish) else self._make(clip, target, wish)

    def _make(self, clip: Tensor, target: int, wish: Wish) -> Made:
        wanted = self.wish.joined(wish)
        try:
            made = self.run(self.model, clip, target, wanted)
        except InputError:
            # What others wish for may be impossible; that is refused in their own turn, and from
            # here on everybody is on their own.
            made = self.run(self.model, clip, target, wish)
            self.wish, wanted = Wish((), self.wish.back, ()), wish
        self.passes[*_place(clip), target] = (clip, wanted, made)
        if len(self.passes) > self.keep:
            self.passes.popitem(last=False)
        return made


def _place(clip: Tensor) -> tuple:
    """Return what tells a clip from all others that live, and from itself after a change."""
    version = -1 if clip.is_inference() else clip._version
    return (clip.device, clip.data_ptr(), tuple(clip.shape), clip.stride(), version)
