"""Attention rollout: how much of each patch the class token gathers if attention mixes tokens.

Every layer is taken as a mixing of tokens by its mean attention and the shortcut around it,

    R = prod_l rownorm(mean_h A_l + I),

with A (heads,N,N) the attention weights, and M(t,y,x) = R(class token, token of the cell). Abnar
and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020 (arXiv 2005.00928). It is the
same for every class: what is asked of the tokens later, and what the values hold, does not count.

Conventions: without a class token M is the mean over the last tokens, which is what such networks
classify. Where tokens are pooled or merged, a pooled one is the mean of those that its window sees;
the queries that MViT adds to its values are not a shortcut of their own. Keys that only fill a
window up are left out before rows are normalised. Rows are followed from the last layer to the
first, so that no product of N x N matrices is made.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution._attention import (
    Look,
    collect,
    looks,
    on_grid,
    refuse_without_attention,
    start,
)
from vidsal.attribution._pass import observe
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "nothing"
COLLECT = collect


def attention_rollout(model: VideoModel, clip: Tensor, target: int) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), one value per patch, of a transformer.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: checked only; the map is the same for every class.
    """
    refuse_without_attention(model, "attention_rollout")
    found = looks(model, observe(model, clip, target, extra=[collect]), "attention_rollout")
    return on_grid(rollout(found, start(found))[0], found)


def rollout(found: list[Look], rows: Tensor) -> Tensor:
    """Return rows (S,B,N) of R, given those of the identity behind the last layer."""
    for look in reversed(found):
        weights = look.weights.mean(dim=1) * look.layout.real(look.weights)
        asked = look.layout.ask(look.back(rows)) / (1 + weights.sum(dim=-1))
        seen = torch.einsum("swq,wqk->swk", asked, weights)
        rows = look.layout.keys(seen) + look.layout.skip(asked)
    return rows
