"""DeepLIFT's rescale rule: nonlinearities replaced by their slope between two clips.

The baseline goes through the network first, and what enters each nonlinearity is kept; then the
clip, for which every nonlinearity y = f(x) hands on its own value but the derivative

    m = (f(x) - f(x0)) / (x - x0),    f'(x) where x and x0 are the same,

so that the gradient of the score is DeepLIFT's multiplier. In a window of a max-pool all of the
change y - y0 goes to one place: where the clip has its maximum if it rose, or if the baseline has
its own there too; else where the baseline has it. There x - x0 is at least as large as y - y0, so
that m is in [0,1] and the whole change is handed on, with windows that overlap as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# Closer than this a difference quotient is mere rounding.
CLOSE = 1e-4
SMOOTH = (
    *("celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid"),
    *("mish", "prelu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "tanh"),
)
POOLED = (1, 2, 3)
REFUSED = ("log_softmax", "logsumexp", "scaled_dot_product_attention", "softmax")
OWNERS = (torch, functional, Tensor)


class NotRescaled(Exception):  # noqa: N818 - a finding about a network
    """The network holds something that the rule does not cover."""


class Watching(TorchFunctionMode):
    """While open, keeps what enters every nonlinearity."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.entered: list[Tensor] = []

    def __torch_function__(
        self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        """Run the function as it is."""
        refuse(func)
        if func in RULES:
            # A copy: the function, or one that follows, may write over it.
            self.entered.append(_entering(args, kwargs or {}).clone())
        return func(*args, **(kwargs or {}))


class Rescaling(TorchFunctionMode):
    """While open, gives every nonlinearity its slope against what entered it before."""

    def __init__(self, entered: list[Tensor]) -> None:
        """Take what a `Watching` kept, in the same order."""
        super().__init__()
        self.entered: Iterator[Tensor] = iter(entered)

    def __torch_function__(
        self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        """Run the function; replace the derivative of a nonlinearity."""
        given = dict(kwargs or {})
        if func not in RULES:
            _refuse_product(func, args)
            return func(*args, **given)
        entering, rest = _entering(args, given), args[1:]
        given.pop("input", None)
        in_place = given.pop("inplace", False) or func.__name__.endswith("_")
        if func not in POOLS:
            # The only truth value that these functions take by its place.
            in_place = in_place or any(one is True for one in rest)
            rest = tuple(one for one in rest if not isinstance(one, bool))
        made = RULES[func](entering, next(self.entered), rest, given)
        return entering.copy_(made) if in_place else made


def refuse_modules(net: nn.Module) -> None:
    """Raise NotRescaled for a network whose modules alone say that the rule does not hold."""
    kinds = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.LayerNorm, nn.GroupNorm)
    for path, module in net.named_modules():
        if isinstance(module, kinds):
            kind = type(module).__name__
            raise NotRescaled(f"{path} is {kind}, in which activations multiply each other")


def refuse(func: Callable) -> None:
    """Raise NotRescaled for a function that the rule does not cover."""
    if func in NEVER:
        raise NotRescaled(f"{func.__name__} makes every value depend on all others")


def _refuse_product(func: Callable, args: tuple) -> None:
    if func not in PRODUCTS or len(args) < 2:
        return
    if all(isinstance(one, Tensor) and one.requires_grad for one in args[:2]):
        raise NotRescaled("activations multiply each other")


def _entering(args: tuple, kwargs: dict) -> Tensor:
    return args[0] if args else kwargs["input"]


def _attached(value: Tensor, slope: Tensor, way: Tensor) -> Tensor:
    """Return the value, with the derivative `slope` by `way`."""
    return value + slope * (way - way.detach())


def _quotient(above: Tensor, below: Tensor, close: float, otherwise: Tensor) -> Tensor:
    """Return above / below, `otherwise` where below is next to nothing."""
    near = below.abs() <= close
    return torch.where(near, otherwise, above / torch.where(near, 1, below))


def _relu(x: Tensor, x0: Tensor, rest: tuple, given: dict) -> Tensor:
    with torch.no_grad():
        y, y0 = x.clamp(min=0), x0.clamp(min=0)
        slope = _quotient(y - y0, x - x0, 0, (x > 0).to(x))
    return _attached(y, slope, x)


def _smooth(function: Callable) -> Callable:
    def rule(x: Tensor, x0: Tensor, rest: tuple, given: dict) -> Tensor:
        own = x.detach().clone().requires_grad_()
        y = function(own, *rest, **given)
        (derivative,) = torch.autograd.grad(y.sum(), own)
        with torch.no_grad():
            y0 = function(x0.clone(), *rest, **given)
            slope = _quotient(y - y0, x - x0, CLOSE, derivative)
        return _attached(y.detach(), slope, x)

    return rule


def _max_pool(axes: int) -> Callable:
    pool = getattr(functional, f"max_pool{axes}d")

    def rule(x: Tensor, x0: Tensor, rest: tuple, given: dict) -> object:
        given = {**given, "return_indices": True}
        with torch.no_grad():
            (y, places), (y0, places0) = (pool(one, *rest, **given) for one in (x, x0))
            shared = x0.flatten(-axes).gather(-1, places.flatten(-axes)).view_as(y) == y0
            places = torch.where((y >= y0) | shared, places, places0).flatten(-axes)
        taken = x.flatten(-axes).gather(-1, places).view_as(y)
        with torch.no_grad():
            apart = taken - x0.flatten(-axes).gather(-1, places).view_as(y)
            slope = _quotient(y - y0, apart, 0, torch.ones_like(y))
        return _attached(y, slope, taken)

    return rule


def _named(name: str) -> list[Callable]:
    """Return the function of this name and its relatives in place, wherever torch has them."""
    found = [getattr(owner, f"{name}{end}", None) for owner in OWNERS for end in ("", "_")]
    return [one for one in found if one is not None]


POOLS = {one: _max_pool(axes) for axes in POOLED for one in _named(f"max_pool{axes}d")}
RULES = {
    **dict.fromkeys(_named("relu"), _relu),
    **{one: _smooth(getattr(functional, name)) for name in SMOOTH for one in _named(name)},
    **POOLS,
}
NEVER = {one for name in REFUSED for one in _named(name)}
PRODUCTS = {
    one
    for name in ("mul", "matmul", "bmm", "div", "__mul__", "__matmul__", "__truediv__")
    for one in _named(name)
}
