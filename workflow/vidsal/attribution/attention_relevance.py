"""Attention relevance: attention rollout with weights that count as far as they raise the score.

Every layer adds what its attention brings of the tokens' relevance,

    R <- R + mean_h (A_l * dA_l)^+ R,   R = I before the first,

with A (heads,N,N) the attention weights, dA = ds/dA, and M(t,y,x) = R(class token, token of the
cell). Chefer, Gur and Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers", ICCV 2021 (arXiv 2103.15679), for self-attention.

Conventions: M is taken of R - I, which for a class token is the same; without one it is the mean
over the last tokens. Pooled, merged and windowed tokens are followed as in `attention_rollout`,
row by row from the last layer to the first.
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
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True
BACK = "layers"
COLLECT = collect


def attention_relevance(model: VideoModel, clip: Tensor, target: int) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), one value >= 0 per patch, of a transformer.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
    """
    refuse_without_attention(model, "attention_relevance")
    made = capture(model, clip, target, gradient=False, extra=[collect])
    found = looks(model, made, "attention_relevance")
    return on_grid(relevance(found, start(found))[0], found)


def relevance(found: list[Look], rows: Tensor) -> Tensor:
    """Return rows (S,B,N) of R - I, given those of the identity behind the last layer."""
    gained = torch.zeros_like(rows)
    for look in reversed(found):
        weights = (look.weights * look.gradient).clamp(min=0).mean(dim=1)
        asked = [look.layout.ask(look.back(one)) for one in (rows, gained)]
        seen = torch.einsum("swq,wqk->swk", asked[0] + asked[1], weights)
        gained = look.layout.skip(asked[1]) + look.layout.keys(seen)
        rows = look.layout.skip(asked[0])
    return gained
