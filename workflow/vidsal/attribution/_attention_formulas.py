"""Attention written out, for functions of PyTorch that do not show their weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

# Of nn.MultiheadAttention: what makes it more than attention among the tokens of one list.
UNUSUAL = ("key_padding_mask", "use_separate_proj_weight", "static_k", "static_v")


def scaled_dot_product(
    met: Callable[[Tensor], Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return what `functional.scaled_dot_product_attention` returns, and the weights.

    Args:
        met: gets the weights (...,L,S) and says what to go on with.
        query: (...,L,E).
        key: (...,S,E).
        value: (...,S,E').
        attn_mask: bool, true where a key may be looked at, or added to the scores.
        dropout_p: not done: networks are explained in evaluation mode.
        is_causal: keys after a query are hidden.
        scale: of the scores, E^-1/2 when not given.
        enable_gqa: fewer heads of keys and values serve several of queries.
    """
    if enable_gqa:
        groups = query.shape[-3] // key.shape[-3]
        key, value = (one.repeat_interleave(groups, dim=-3) for one in (key, value))
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal and attn_mask is None:
        attn_mask = torch.ones_like(scores, dtype=torch.bool).tril()
    if attn_mask is not None:
        hides = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -torch.inf) if hides else scores + attn_mask
    weights = met(scores.softmax(dim=-1))
    return weights @ value, weights


def multi_head(met: Callable[[Tensor], Tensor], args: tuple, kwargs: dict) -> tuple | None:
    """Return what `functional.multi_head_attention_forward` returns; None for unusual arguments."""
    query, key, value, _, heads, weight, bias, *added, _, out, lift = args
    unusual = [*added, *(kwargs.get(name) for name in UNUSUAL)]
    if query.ndim != 3 or any(one is not None and one is not False for one in unusual):
        return None
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    parts = zip((query, key, value), weight.chunk(3), biases, strict=True)
    # (L,N,E) -> (N,heads,L,E/heads)
    split = (functional.linear(*one).unflatten(2, (heads, -1)).permute(1, 2, 0, 3) for one in parts)
    mask = kwargs.get("attn_mask")
    if mask is not None:
        # Here, other than there, what is true is hidden.
        mask = ~mask if mask.dtype == torch.bool else mask
        mask = mask.unflatten(0, (-1, heads)) if mask.ndim == 3 else mask
    mixed, weights = scaled_dot_product(met, *split, attn_mask=mask)
    mixed = functional.linear(mixed.permute(2, 0, 1, 3).flatten(2), out, lift)
    if not kwargs.get("need_weights", True):
        return mixed, None
    return mixed, weights.mean(dim=1) if kwargs.get("average_attn_weights", True) else weights
