"""How many bytes of tensors live at once while something runs."""

from __future__ import annotations

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Live(TorchDispatchMode):
    """Counts the bytes of all tensors made inside, as long as anybody holds them.

    Views count once, with what they look at; graphs of autograd hold what they will need. Buffers
    inside a kernel are not seen. A first look at a tensor made outside counts as making it, so name
    those that will be looked at.
    """

    def __init__(self, *known: torch.Tensor) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self._sizes = {tensor.untyped_storage()._cdata: 0 for tensor in known}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, torch.Tensor):
                self._meet(value.untyped_storage())
        return made

    def _meet(self, storage: torch.UntypedStorage) -> None:
        name = storage._cdata
        if name not in self._sizes:
            self._sizes[name] = storage.nbytes()
            self.alive += storage.nbytes()
            self.peak = max(self.peak, self.alive)
            weakref.finalize(storage, self._gone, name).atexit = False

    def _gone(self, name: int) -> None:
        self.alive -= self._sizes.pop(name)


def peak(function, *known: torch.Tensor) -> int:
    """The most bytes of tensors that live at once while a function runs."""
    with Live(*known) as live:
        function()
    return live.peak
