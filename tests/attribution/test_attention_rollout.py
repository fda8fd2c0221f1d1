"""Rollout agrees with the reference, is a distribution, and is known where attention is even."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests import vit
from vidsal import registry
from vidsal.attribution._attention import collect, looks, start
from vidsal.attribution._pass import observe
from vidsal.attribution.attention_rollout import attention_rollout, rollout


@pytest.fixture(params=[torch.float32, torch.float64], ids=["fp32", "fp64"])
def tokens(request):
    return vit.reference(request.param)


def watched(model, clip) -> list:
    return looks(model, observe(model, clip, 1, extra=[collect]), "own")


def test_reference(tokens, agrees):
    maps = [attention_rollout(tokens.model, *pair) for pair in tokens.pairs]
    agrees(tokens, maps, tokens.expected["rollout_cls"])


def test_reference_of_every_token(tokens, agrees):
    rows = torch.eye(37, dtype=tokens.clips.dtype)[:, None]
    found = [rollout(watched(tokens.model, clip), rows)[:, 0] for clip in tokens.clips]
    agrees(tokens, found, tokens.expected["rollout_full"])
    for one in found:
        torch.testing.assert_close(one.sum(dim=1), torch.ones_like(rows[:, 0, 0]))


def test_the_class_does_not_matter():
    tokens = vit.reference(torch.float32)
    one, other = (attention_rollout(tokens.model, tokens.clips[0], target) for target in (0, 1))
    assert torch.equal(one, other)


def test_even_attention_of_two_layers():
    tokens = vit.reference(torch.float64)
    for block in tokens.model.net.blocks:
        nn.init.zeros_(block.attn.qkv.weight[:32])
        nn.init.zeros_(block.attn.qkv.bias[:32])
    heatmap = attention_rollout(tokens.model, *tokens.pairs[0])
    # ((U + I) / 2)^2 = (3 U + I) / 4, U having 1/37 everywhere.
    torch.testing.assert_close(heatmap, torch.full((4, 3, 3), 0.75 / 37, dtype=torch.float64))


@pytest.mark.parametrize("size", [[32, 32], [64, 96]])
@pytest.mark.parametrize("name", ["mvit_v2_s", "swin3d_t"])
def test_all_that_the_answer_gathers_is_somewhere(name, size):
    torch.manual_seed(0)
    model = registry.load("models", name)(3, size=size, length=4)
    found = watched(model, torch.randn(3, 4, *size))
    rows = rollout(found, start(found))
    assert rows.min() >= 0
    assert rows.sum().item() == pytest.approx(1, abs=1e-5)


def test_even_attention_within_even_windows_stays_even():
    torch.manual_seed(0)
    # Tokens of 56 x 56, 28 x 28, 14 x 14 and 7 x 7 cells fill windows of 7 x 7.
    model = registry.load("models", "swin3d_t")(3, size=[224, 224], length=2)
    for name, value in model.net.named_parameters():
        if "qkv.weight" in name:
            nn.init.zeros_(value[: 2 * len(value) // 3])
        if "relative_position_bias_table" in name:
            nn.init.zeros_(value)
    heatmap = attention_rollout(model, torch.randn(3, 2, 224, 224), 1)
    torch.testing.assert_close(heatmap, torch.full((1, 56, 56), 1 / 56**2))
