"""Which convolutions made a feature map: the way back through what autograd recorded of a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.autograd.graph import Node

CONVOLUTION, JOINED, ADDED = "ConvolutionBackward", "CatBackward", "AddBackward"
PADDED = "ConstantPadNdBackward"
# What leaves channels in their order, by the beginnings of autograd's names.
THROUGH = (
    "Relu",
    "LeakyRelu",
    "Elu",
    "Gelu",
    "Silu",
    "Hardswish",
    "Hardtanh",
    "NativeBatchNorm",
    "CudnnBatchNorm",
    "MiopenBatchNorm",
    "MaxPool",
    "AvgPool",
    "ConstantPadNd",
    "Clone",
    "Alias",
    "ToCopy",
    "View",
    "UnsafeView",
    "Slice",
)


@dataclass(frozen=True)
class Convolution:
    """A convolution that ran.

    Attributes:
        weight: (O,I/groups,...).
        read: what it read, (N,I,...), without what was padded around it.
        groups: into how many parts its channels fall.
        before: where what it read comes from; None when that is the clip.
    """

    weight: Tensor
    read: Tensor
    groups: int
    before: Node | None


def feeding(node: Node | None) -> list[Convolution]:
    """Return the convolutions whose channels, one after the other, are those that a node puts out.

    Of things added up, a shortcut and what it goes around, the one with the nearer convolution
    counts (of equally near ones the first). Empty when the way there mixes channels, as linear
    layers do, or when there is no convolution before the input.
    """
    _, nodes = _walk(node, {})
    return [_convolution(one) for one in nodes]


def _convolution(node: Node) -> Convolution:
    read, before = node._saved_input.detach(), node.next_functions[0][0]
    if before is not None and before.name().startswith(PADDED):
        read = _bare(read, before._saved_pad)
    return Convolution(node._saved_weight.detach(), read, node._saved_groups, before)


def _bare(maps: Tensor, pad: Sequence[int]) -> Tensor:
    """Return maps without their borders, given as autograd has them: the last axis first."""
    for number, (first, last) in enumerate(zip(pad[::2], pad[1::2], strict=True), 1):
        axis = maps.ndim - number
        maps = maps.narrow(axis, first, maps.shape[axis] - first - last)
    return maps


def _walk(node: Node | None, known: dict[Node, tuple]) -> tuple[float, list[Node]]:
    """Return how far the nearest convolution is, and the convolutions in the order of channels."""
    if node is None:
        return float("inf"), []
    if node not in known:
        known[node] = _step(node, known)
    return known[node]


def _step(node: Node, known: dict[Node, tuple]) -> tuple[float, list[Node]]:
    name = node.name()
    if name.startswith(CONVOLUTION):
        return 0, [node]
    before = [_walk(one, known) for one, _ in node.next_functions]
    if name.startswith(ADDED):
        distance, found = min(before, key=lambda way: way[0])
    elif name.startswith(JOINED):
        distance, found = _joined(before)
    elif name.startswith(THROUGH) and before:
        distance, found = before[0]
    else:
        distance, found = float("inf"), []
    return distance + 1, found


def _joined(before: list[tuple[float, list[Node]]]) -> tuple[float, list[Node]]:
    if any(not found for _, found in before):
        return float("inf"), []
    distance, first = before[0]
    # Parts of one map that were shifted in time and put together again.
    if all(found == first for _, found in before):
        return distance, first
    return max(way[0] for way in before), [one for _, found in before for one in found]
