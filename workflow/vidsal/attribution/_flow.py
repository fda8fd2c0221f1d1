"""Relevance that flows back through a network, layer by layer, by rules in place of derivatives.

The network runs as it is, but every function that it calls gets the backward of a rule: what
arrives at a result is shared among what the result was made of. So nothing depends on how a network
is written down: functional additions and ReLUs are met like modules. Where a tensor is used twice,
its shares are added, as autograd does with derivatives.

- Affine functions (convolution, linear layer, mean, sum, average pooling, addition) share by the
  rule handed in. A norm right behind a convolution or linear layer is folded into it.
- What only moves, picks or repeats values (reshape, cat, padding, indexing) has the derivative 0 or
  1, which is the rule. So has max-pooling: the winner takes all.
- ReLUs, other norms and constant factors have one input for each output, which takes all.
- For anything else there is no rule, and the network is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from vidsal.errors import InputError

WEIGHTED = {"conv1d", "conv2d", "conv3d", "linear"}
SHARED = {"mean", "sum", "avg_pool1d", "avg_pool2d", "avg_pool3d"}
SHARED |= {"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"}
ADDED = {"add", "add_", "sub", "sub_", "rsub", "__rsub__"}
ONE_TO_ONE = {"relu", "relu_", "relu6", "hardtanh", "leaky_relu", "leaky_relu_", "neg"}
FACTOR = {"mul", "mul_", "div", "div_", "true_divide"}
SHAPED = {"channel_shuffle", "contiguous", "expand", "expand_as", "flatten", "movedim", "permute"}
SHAPED |= {"pixel_shuffle", "reshape", "squeeze", "swapaxes", "t", "transpose", "unflatten"}
SHAPED |= {"unsqueeze", "view", "view_as"}
PICKED = {"__get__", "__getitem__", "chunk", "index_select", "narrow", "select", "split"}
PICKED |= {"tensor_split", "unbind", "amax", "max", "max_pool1d", "max_pool2d", "max_pool3d"}
PICKED |= {"adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"}
JOINED = {"cat", "concat", "flip", "pad", "repeat", "roll", "stack", "tile"}
KEPT = {"alpha_dropout", "clone", "dropout", "dropout2d", "dropout3d", "feature_dropout", "float"}
KEPT |= {"to", "type"}
MOVED = SHAPED | PICKED | JOINED | KEPT


@dataclass(frozen=True)
class Step:
    """One affine layer on the way: z = f(x; weight, bias), and what its rule needs of it.

    Attributes:
        call: f, of (x, weight, bias).
        x: what came in; relevance goes back to it.
        leaf: its value, where the recorded `plain` begins.
        plain: f(leaf; weight, bias) before a norm was folded in, recorded.
        weight: of f, with the norm.
        bias: likewise, as it is added to z.
        scale: of the norm, as it is multiplied with `plain`.
        z: what came out.
        linear: it is a linear layer, no convolution.
    """

    call: Callable
    x: Tensor
    leaf: Tensor
    plain: Tensor
    weight: Tensor
    bias: Tensor | None
    scale: Tensor | None
    z: Tensor
    linear: bool

    def pull(self, ratio: Tensor) -> Tensor:
        """Return J^T ratio, J the derivative of z by x."""
        scaled = ratio if self.scale is None else ratio * _column(self.scale, ratio)
        return torch.autograd.grad(self.plain, self.leaf, scaled)[0]

    def lifted(self) -> Tensor | float:
        """Return the bias in the shape in which it is added to z."""
        if self.bias is None:
            return 0.0
        return self.bias if self.linear else _column(self.bias, self.z)


@dataclass(frozen=True)
class Rules:
    """How relevance is shared.

    Attributes:
        weighted: (step, relevance of z) -> relevance of x.
        shared: (f, inputs, constant, relevance of z) -> that of each input, z = f(*inputs) +
            constant with f linear and without weights.
    """

    weighted: Callable[[Step, Tensor], Tensor]
    shared: Callable[[Callable, list[Tensor], object, Tensor], list[Tensor]]


class _Share(torch.autograd.Function):
    """A value whose backward is a rule."""

    @staticmethod
    def forward(ctx: object, made: Tensor, rule: Callable, *inputs: Tensor) -> Tensor:
        ctx.rule = rule
        return made

    @staticmethod
    def backward(ctx: object, relevance: Tensor) -> tuple:
        return (None, None, *ctx.rule(relevance))


class Flow(TorchFunctionMode):
    """While it is open, every function that a network calls gets its rule as backward."""

    def __init__(self, refuse: Callable[[str], InputError], rules: Rules, negate: int) -> None:
        """Take what makes an error of a reason, the rules, and which step (1, 2, ...) to negate."""
        super().__init__()
        self.refuse, self.rules, self.negate = refuse, rules, negate
        self.steps = 0
        self.last: tuple[Tensor, Step] | None = None
        # A tensor that was changed in place -> what it has become.
        self.changed = WeakTensorKeyDictionary()

    def __exit__(self, *error: object) -> None:
        """Forget the tensors, which hold this by their rules."""
        super().__exit__(*error)
        self.last = None
        self.changed.clear()

    def __torch_function__(
        self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        """Call a function of the network, with its rule."""
        name, kwargs = func.__name__, dict(kwargs or {})
        if "input" in kwargs:
            args = (kwargs.pop("input"), *args)
        args = tuple(self._current(value) for value in args)
        if not _carries((*args, *kwargs.values())):
            return func(*args, **kwargs)
        made = self._made(name, func, args, kwargs)
        in_place = name.endswith("_") and not name.endswith("__")
        if (in_place or kwargs.get("inplace")) and made is not args[0]:
            self.changed[args[0]] = made
        return made

    def _current(self, value: object) -> object:
        """Return what a tensor, or the tensors of a list, have become by now."""
        if isinstance(value, list | tuple):
            return type(value)([self._current(one) for one in value])
        while isinstance(value, Tensor) and value in self.changed:
            value = self.changed[value]
        return value

    def _made(self, name: str, func: Callable, args: tuple, kwargs: dict) -> object:
        if name in WEIGHTED:
            return self._weighted(func, *args, **kwargs)
        if name == "batch_norm":
            return self._norm(*args, **kwargs)
        if name in SHARED:
            return self._shared(lambda x: func(x, *args[1:], **kwargs), args[:1])
        if name in ADDED:
            return self._added(name, *args, **kwargs)
        if name == "mul" and not _carries(args[:1]):
            args = args[::-1]
        if name in ONE_TO_ONE or (name in FACTOR and not _carries(args[1:])):
            return self._one_to_one(func, args, kwargs)
        if name in MOVED:
            return func(*args, **kwargs)
        made = func(*args, **kwargs)
        if made is None or _carries((made,)):
            raise self.refuse(f"there is no rule for its {name}")
        return made

    def _weighted(
        self,
        func: Callable,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        *rest: object,
        **named: object,
    ) -> Tensor:
        if not isinstance(weight, Tensor) or weight.requires_grad:
            raise self.refuse(f"the weights of its {func.__name__} depend on the clip")

        def call(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            return func(x, weight, bias, *rest, **named)

        self.steps += 1
        if self.steps == self.negate:
            weight, bias = -weight, None if bias is None else -bias
        leaf = x.detach().requires_grad_()
        plain = call(leaf, weight, bias)
        linear = func.__name__ == "linear"
        step = Step(call, x, leaf, plain, weight, bias, None, plain.detach(), linear)
        return self._stepped(step)

    def _stepped(self, step: Step) -> Tensor:
        made = _Share.apply(step.z, lambda r: [self.rules.weighted(step, r)], step.x)
        self.last = (made, step)
        return made

    def _norm(
        self,
        x: Tensor,
        mean: Tensor | None,
        variance: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if training or mean is None or variance is None:
            raise self.refuse("its batch normalisation measures every clip by itself")
        scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
        shift = (0 if bias is None else bias) - mean * scale
        if self.last is not None and self.last[0] is x:
            return self._folded(self.last[1], scale, shift)
        factor = _column(scale, x)
        return self._shared(lambda x: x * factor, (x,), _column(shift, x))

    def _folded(self, step: Step, scale: Tensor, shift: Tensor) -> Tensor:
        z = step.z * _column(scale, step.z) + _column(shift, step.z)
        bias = shift if step.bias is None else shift + step.bias * scale
        weight = step.weight * scale.view(-1, *[1] * (step.weight.ndim - 1))
        return self._stepped(replace(step, weight=weight, bias=bias, scale=scale, z=z))

    def _shared(self, call: Callable, inputs: Sequence, constant: object = 0.0) -> Tensor:
        values = [x.detach() for x in inputs]
        made = call(*values) + constant
        return _Share.apply(made, lambda r: self.rules.shared(call, values, constant, r), *inputs)

    def _added(self, name: str, one: object, other: object, *, alpha: float = 1.0) -> Tensor:
        if name in ("rsub", "__rsub__"):
            one, other = other, one
        if name != "add" and name != "add_":
            alpha = -alpha
        if alpha != 1:
            carried = _carries((other,))
            other = self._one_to_one(torch.mul, (other, alpha), {}) if carried else other * alpha
        live = [value for value in (one, other) if _carries((value,))]
        if len(live) == 2:
            return self._shared(torch.add, (one, other))
        (constant,) = (value for value in (one, other) if value is not live[0])
        return self._shared(lambda x: x, live, constant)

    def _one_to_one(self, func: Callable, args: tuple, kwargs: dict) -> Tensor:
        # A copy, since the function may write over it.
        made = func(args[0].detach().clone(), *args[1:], **kwargs)
        return _Share.apply(made, lambda r: [r], args[0])


def _carries(values: Iterable[object]) -> bool:
    """Say whether relevance could come back through any of the values, or of lists among them."""
    return any(
        _carries(value)
        if isinstance(value, list | tuple)
        else isinstance(value, Tensor) and value.requires_grad
        for value in values
    )


def _column(values: Tensor, like: Tensor) -> Tensor:
    """Return one value per channel in a shape that goes with (N,C,...)."""
    return values.view(-1, *[1] * (like.ndim - 2))
