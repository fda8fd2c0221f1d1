"""What the attention layers of a transformer look at: their weights, gradients and layouts.

While `collect` is open, every softmax over the last axis of a stack of matrices is met, whether a
network calls it as a method or a function, and PyTorch's own attention, which does not show its
weights, is replaced by its formula. Layers of MViT and Swin say how their tokens lie; all others
are taken to ask every token of the grid that the last convolution before them has made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models.video.mvit import MultiscaleBlock
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

from vidsal.attribution._attention_formulas import multi_head, scaled_dot_product
from vidsal.attribution._layouts import (
    Plain,
    Pool,
    Pooled,
    Sides,
    Windows,
    layout,
    merging,
    numbers,
)
from vidsal.attribution._pass import Pass
from vidsal.attribution._taps import Keep
from vidsal.errors import InputError
from vidsal.models import VideoModel

WEIGHTS, LAYOUT, UNKNOWN = "attention weights", "attention layout", "attention unknown"


@dataclass(frozen=True)
class Look:
    """One attention layer.

    Attributes:
        weights: A, each row a distribution over keys, (W,heads,Nq,Nk), W frames or windows.
        gradient: dA = ds/dA, same shape; None when there was no way back.
        layout: where queries and keys lie.
        merged: how what leaves it is merged before the next layer.
    """

    weights: Tensor
    gradient: Tensor | None
    layout: Plain
    merged: Pool

    def back(self, rows: Tensor) -> Tensor:
        """Return rows of what enters the next layer as rows of what leaves this one."""
        return self.merged.back(rows, self.layout.made)


@contextmanager
def collect(model: VideoModel, keep: Keep) -> Iterator[None]:
    """Keep the weights and layouts of all attention layers; a collector of `_pass.capture`."""
    if any(isinstance(module, nn.RNNBase) for module in model.net.modules()):
        yield
        return
    watch = _Watch(keep)
    with ExitStack() as stack:
        for module in model.net.modules():
            for place, note in _hooks(module):
                stack.callback(place.register_forward_pre_hook(_noting(watch, note)).remove)
        with watch:
            yield


def refuse_without_attention(model: VideoModel, method: str) -> None:
    """Refuse a network that shows beforehand that it has no tokens.

    Raises:
        InputError: it has a recurrent layer, or neither layer norms nor attention modules.
    """
    kinds = {type(module) for module in model.net.modules()}
    if any(issubclass(kind, nn.RNNBase) for kind in kinds):
        raise _refusal(model, method, "it has recurrent layers, whose states are no tokens")
    signs = ("layernorm", "rmsnorm", "attention", "attn")
    if not any(sign in kind.__name__.lower() for kind in kinds for sign in signs):
        raise _refusal(model, method, "it has no attention layers")


def looks(model: VideoModel, found: Pass, method: str) -> list[Look]:
    """Return the attention layers of a pass that `collect` has watched, first to last.

    Raises:
        InputError: there are none, or one attends to something else than tokens of a grid.
    """
    unknown = [tuple(v.tolist()) for name, v in found.extra.items() if name.startswith(UNKNOWN)]
    if unknown:
        raise _refusal(
            model, method, f"it has attention of the shape {unknown[0]}, not among tokens of a grid"
        )
    names = sorted(name for name in found.extra if name.startswith(WEIGHTS))
    if not names:
        raise _refusal(model, method, "no attention among tokens was met")
    laid = [layout(found.extra[name.replace(WEIGHTS, LAYOUT)]) for name in names]
    after = [one.grid for one in laid[1:]] + [laid[-1].made]
    return [
        Look(
            weights=_wide(found.extra[name]),
            gradient=_wide(found.extra_gradients.get(name)),
            layout=one,
            merged=merging(one.made, coarse),
        )
        for name, one, coarse in zip(names, laid, after, strict=True)
    ]


def start(found: list[Look]) -> Tensor:
    """Return the row (1,B,N) that the answer is read from: the class token, else all evenly."""
    last = found[-1]
    cells = math.prod(last.layout.made)
    if isinstance(last.layout, Windows):
        return last.weights.new_full((1, 1, cells), 1 / cells)
    frames, _, count, _ = last.weights.shape
    row = last.weights.new_zeros(1, frames, count)
    if count == cells:
        return row + 1 / cells
    row[..., 0] = 1
    return row


def on_grid(rows: Tensor, found: list[Look]) -> Tensor:
    """Return one row (B,N) of what enters the first layer as a heatmap (T',h,w)."""
    t, h, w = found[0].layout.grid
    return rows[:, -t * h * w :].reshape(-1, h, w)


class _Watch(TorchFunctionMode):
    """Meets the attention of a forward pass."""

    def __init__(self, keep: Keep) -> None:
        super().__init__()
        self.keep, self.count = keep, 0
        self.here: Plain | None = None
        self.grid: Sides | None = None
        self.frames = 1

    def __torch_function__(
        self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        name, kwargs = func.__name__, kwargs or {}
        if name == "scaled_dot_product_attention":
            return scaled_dot_product(self._met, *args, **kwargs)[0]
        if name == "multi_head_attention_forward":
            return multi_head(self._met, args, kwargs) or self._unknown(func(*args, **kwargs))
        made = func(*args, **kwargs)
        if name in ("conv2d", "conv3d"):
            self._note_grid(made)
        return self._met(made) if name == "softmax" and _over_last(args, kwargs) else made

    def _note_grid(self, maps: Tensor) -> None:
        self.frames = len(maps)
        self.grid = tuple(maps.shape[2:]) if maps.ndim == 5 else (1, *maps.shape[2:])

    def _met(self, weights: Tensor) -> Tensor:
        if weights.ndim < 3:
            return weights
        name, here, frames = f"{self.count:03d}", self.here, len(weights)
        self.count, self.here = self.count + 1, None
        if here is None:
            here, frames = self._plain(weights)
        if here is None:
            self.keep(f"{UNKNOWN} {name}", torch.tensor(weights.shape), gradient=False)
            return weights
        self.keep(f"{LAYOUT} {name}", numbers(here), gradient=False)
        # Kept in the form in which it is read, and handed on from there in its own.
        kept = self.keep(f"{WEIGHTS} {name}", weights.reshape(frames, -1, *weights.shape[-2:]))
        return kept.reshape(weights.shape)

    def _unknown(self, made: tuple) -> tuple:
        shape = torch.tensor(made[0].shape)
        self.keep(f"{UNKNOWN} {self.count:03d}", shape, gradient=False)
        return made

    def _plain(self, weights: Tensor) -> tuple[Plain | None, int]:
        """Return the layout, and how many frames are looked at one by one."""
        queries, keys = weights.shape[-2:]
        if self.grid is None or queries != keys:
            return None, 1
        t, h, w = self.grid
        # Frames patched one by one may attend one by one, or all together.
        for frames, grid in ((self.frames, self.grid), (1, (self.frames * t, h, w))):
            if queries - math.prod(grid) in (0, 1) and len(weights) % frames == 0:
                return Plain(grid), frames
        return None, 1


def _over_last(args: tuple, kwargs: dict) -> bool:
    place = kwargs.get("dim", args[1] if len(args) > 1 else None)
    return place in (-1, (kwargs.get("input", args[0] if args else None)).ndim - 1)


def _hooks(module: nn.Module) -> list[tuple[nn.Module, Callable]]:
    """Return the modules, with what makes a layout of their inputs, that a module tells about."""
    if isinstance(module, MultiscaleBlock):
        return [(module.attn, lambda inputs: _pooled(module, inputs[1]))]
    if isinstance(module, ShiftedWindowAttention3d):
        return [(module, lambda inputs: _windows(module, tuple(inputs[0].shape[1:4])))]
    return []


def _noting(watch: _Watch, note: Callable) -> Callable:
    def hook(module: nn.Module, inputs: tuple) -> None:
        watch.here = note(inputs)

    return hook


def _pooled(block: MultiscaleBlock, grid: Sides) -> Pooled:
    return Pooled(tuple(grid), _pool(block.attn.pool_k), _pool(block.pool_skip))


def _pool(holder: nn.Module | None) -> Pool:
    if holder is None:
        return Pool()
    sides = (holder.pool.kernel_size, holder.pool.stride, holder.pool.padding)
    return Pool(*((side,) * 3 if isinstance(side, int) else tuple(side) for side in sides))


def _windows(module: ShiftedWindowAttention3d, grid: Sides) -> Windows:
    """Return the windows, which along an axis that they exceed are as long as it, and rest."""
    fits = [size <= side for size, side in zip(grid, module.window_size, strict=True)]
    window = tuple(
        size if fit else side
        for size, side, fit in zip(grid, module.window_size, fits, strict=True)
    )
    shift = tuple(0 if fit else step for step, fit in zip(module.shift_size, fits, strict=True))
    return Windows(grid, window, shift)


def _wide(values: Tensor | None) -> Tensor | None:
    """Return values of half precision in float32, others as they are."""
    return values if values is None or values.dtype.itemsize > 2 else values.float()


def _refusal(model: VideoModel, method: str, reason: str) -> InputError:
    return InputError(
        f"{method} cannot explain {model.name}: {reason}; take grad_cam or integrated_gradients"
    )
