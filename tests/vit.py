"""Small transformers: that of the attribution fixtures, in several writings, and one per frame."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vidsal.models import Preprocessing, VideoModel

FOLDER = Path(__file__).parent / "fixtures" / "attribution"
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
WRITINGS = ("method", "function", "fused", "folded", "module")


class Attention(nn.Module):
    """Self-attention, written as a network may write it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.writing = heads, "method"
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.writing == "module":
            return self.module()(x, x, x)[0]
        count, tokens, width = x.shape
        split = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if self.writing == "folded":
            query, key, value = (one.flatten(0, 1) for one in (query, key, value))
        if self.writing == "fused":
            mixed = functional.scaled_dot_product_attention(query, key, value)
        else:
            mixed = self.soft(query @ key.mT * query.shape[-1] ** -0.5) @ value
        mixed = mixed.reshape(count, self.heads, tokens, -1)
        return self.proj(mixed.transpose(1, 2).reshape(count, tokens, width))

    def soft(self, scores: torch.Tensor) -> torch.Tensor:
        function = functional.softmax if self.writing == "function" else torch.Tensor.softmax
        return function(scores, dim=scores.ndim - 1)

    def module(self) -> nn.MultiheadAttention:
        made = nn.MultiheadAttention(self.qkv.in_features, self.heads, batch_first=True)
        made.in_proj_weight, made.in_proj_bias = self.qkv.weight, self.qkv.bias
        made.out_proj.weight, made.out_proj.bias = self.proj.weight, self.proj.bias
        return made.eval()


class Block(nn.Module):
    """Attention and two linear layers, each behind a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attn = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    """Clips (N,3,T,H,W) -> tokens of tubes and a class token -> logits (N,K)."""

    def __init__(self, arch: dict) -> None:
        super().__init__()
        width, tube = arch["d"], tuple(arch["tub"])
        cells = math.prod(size // side for size, side in zip(arch["size"], tube, strict=True))
        self.patch = nn.Conv3d(3, width, tube, tube)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(torch.zeros(1, 1 + cells, width))
        blocks = [Block(width, arch["h"], arch["r"]) for _ in range(arch["depth"])]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, arch["nc"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), tokens], dim=1) + self.pos
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens)[:, 0])


class FrameVit(nn.Module):
    """Clips (N,3,T,H,W) -> tokens of the patches of every frame by itself -> mean logits (N,K)."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 2)
        self.blocks = nn.Sequential(Block(8, 2, 2), Block(8, 2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, _, length = x.shape[:3]
        tokens = self.patch(x.transpose(1, 2).flatten(0, 1)).flatten(2).transpose(1, 2)
        logits = self.head(self.blocks(tokens).mean(dim=1))
        return logits.view(count, length, -1).mean(dim=1)


def wrapped(net: nn.Module, *, frame_wise: bool = False) -> VideoModel:
    preprocess = Preprocessing((24, 24), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    return VideoModel("own", net.eval(), preprocess, None, (), 8, 1, 8, frame_wise)


def reference(dtype: torch.dtype) -> SimpleNamespace:
    """The network of the fixtures, its clips and targets, and what is expected of it."""
    net = Vit(json.loads((FOLDER / "vit_a_arch.json").read_text()))
    with np.load(FOLDER / "vit_a_weights.npz") as weights:
        net.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    with np.load(FOLDER / "vit_a_input.npz") as inputs:
        clips = torch.from_numpy(inputs["x"]).to(dtype)
        targets = inputs["target"].tolist()
    return SimpleNamespace(
        model=wrapped(net.to(dtype)),
        clips=clips,
        targets=targets,
        pairs=list(zip(clips, targets, strict=True)),
        expected=np.load(FOLDER / "vit_a_expected.npz"),
        tolerance=TOLERANCE[dtype],
    )
