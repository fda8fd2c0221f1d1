"""What a layer puts out for one clip, as a feature map (C,T',h,w), whatever kind of network it is.

3-D networks have maps (1,C,T',h,w), frame-wise ones (T,C,h,w), and networks of tokens lists
(1,L,C) or (1,1+L,C) with a class token before, or maps with their channels last (1,T',h,w,C). What
a token's patch covers is the model's own `tokens`; later layers may halve the rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from vidsal.errors import InputError
from vidsal.models import VideoModel

Grid = tuple[int, int, int]


def unfold(model: VideoModel, layer: str, value: Tensor, shape: Sequence[int]) -> Tensor:
    """Return a layer's values for one clip as (C,T',h,w).

    Args:
        model: says how to read them.
        layer: for the message.
        value: what the layer put out, or its gradient.
        shape: (T,H,W) of the clip.

    Raises:
        InputError: this is no feature map.
    """
    found = folded(model, value, shape)
    if found is None:
        raise InputError(
            f"layer {layer!r} of {model.name}: puts out {tuple(value.shape)}, which is no feature "
            f"map {_wanted(model)}; choose another layer"
        )
    return found


def folded(model: VideoModel, value: Tensor, shape: Sequence[int]) -> Tensor | None:
    """Return values as (C,T',h,w), or None where they are no feature map; as `unfold`."""
    if value.ndim == 4 and model.frame_wise and len(value) == shape[0]:
        return value.transpose(0, 1).contiguous()
    if len(value) != 1 or value.ndim not in (3, 5):
        return None
    if model.tokens:
        return _of_tokens(value[0], list(grids(model.tokens, shape)))
    return value[0] if value.ndim == 5 else None


def grids(patch: Grid, shape: Sequence[int]) -> Iterator[Grid]:
    """Yield the grids (T',h,w) of tokens that a clip may have, from the finest to one cell.

    Args:
        patch: (T,H,W) of the patch behind a token.
        shape: (T,H,W) of the clip; what does not fill a patch is padded.
    """
    frames, rows, columns = (math.ceil(s / p) for s, p in zip(shape, patch, strict=True))
    yield frames, rows, columns
    while max(rows, columns) > 1:
        rows, columns = math.ceil(rows / 2), math.ceil(columns / 2)
        yield frames, rows, columns


def _of_tokens(value: Tensor, known: list[Grid]) -> Tensor | None:
    """Return tokens (L,C), (1+L,C) or (T',h,w,C) as maps; maps (C,T',h,w) stay as they are."""
    if value.ndim == 4:
        if tuple(value.shape[:3]) in known:
            return value.movedim(-1, 0).contiguous()
        return value if tuple(value.shape[1:]) in known else None
    for first in (0, 1):
        for grid in known:
            if len(value) - first == math.prod(grid):
                return value[first:].unflatten(0, grid).movedim(-1, 0).contiguous()
    return None


def _wanted(model: VideoModel) -> str:
    if model.tokens:
        return f"of tokens (1,L,C) or (1,T,h,w,C), each of {model.tokens} voxels or more"
    return "(T,C,h,w)" if model.frame_wise else "(1,C,T,h,w)"
