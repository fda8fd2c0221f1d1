"""Attention relevance agrees with the reference and depends on the class."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests import vit
from vidsal.attribution.attention_relevance import attention_relevance


@pytest.fixture(params=[torch.float32, torch.float64], ids=["fp32", "fp64"])
def tokens(request):
    return vit.reference(request.param)


def test_reference(tokens, agrees):
    maps = [attention_relevance(tokens.model, *pair) for pair in tokens.pairs]
    agrees(tokens, maps, tokens.expected["generic_attn_relevance_cls"])
    upsampled = [
        functional.interpolate(one[None, None], (8, 24, 24), mode="trilinear")[0, 0] for one in maps
    ]
    agrees(tokens, upsampled, tokens.expected["generic_attn_relevance_up_trilinear"])


def test_the_class_matters():
    tokens = vit.reference(torch.float32)
    one, other = (attention_relevance(tokens.model, tokens.clips[0], k) for k in (0, 1))
    assert (one - other).abs().max() > 0.1 * one.max()


def test_values_that_hold_nothing_bring_no_relevance():
    tokens = vit.reference(torch.float32)
    for block in tokens.model.net.blocks:
        nn.init.zeros_(block.attn.proj.weight)
    assert not attention_relevance(tokens.model, *tokens.pairs[0]).any()


def test_nothing_counts_against_the_class():
    tokens = vit.reference(torch.float32)
    heatmap = attention_relevance(tokens.model, *tokens.pairs[0])
    assert heatmap.min() >= 0
    assert heatmap.max() > 0
