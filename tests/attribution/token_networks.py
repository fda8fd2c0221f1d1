"""The reference transformer of the fixtures' README, with its clips and expected maps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vidsal.models import Preprocessing, VideoModel

FOLDER = Path(__file__).parents[1] / "fixtures" / "attribution"


class Attention(nn.Module):
    """Self-attention with queries, keys and values out of one layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, length, width = x.shape
        q, k, v = self.qkv(x).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(count, length, width))


class Block(nn.Module):
    """A pre-norm block."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attn = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    """A vision transformer over patches of a clip, with a class token first."""

    def __init__(self, arch: dict) -> None:
        super().__init__()
        width, patch = arch["d"], arch["tub"]
        cells = np.prod([side // part for side, part in zip(arch["size"], patch, strict=True)])
        self.patch = nn.Conv3d(3, width, tuple(patch), tuple(patch))
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(torch.zeros(1, 1 + int(cells), width))
        self.blocks = nn.ModuleList(
            Block(width, arch["h"], arch["r"]) for _ in range(arch["depth"])
        )
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, arch["nc"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), tokens], dim=1) + self.pos
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens)[:, 0])


def vit(dtype: torch.dtype = torch.float32) -> SimpleNamespace:
    """Return the network as a VideoModel, its clips, targets and expected maps."""
    arch = json.loads((FOLDER / "vit_a_arch.json").read_text())
    net = Vit(arch)
    with np.load(FOLDER / "vit_a_weights.npz") as weights:
        net.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    with np.load(FOLDER / "vit_a_input.npz") as inputs:
        clips, targets = torch.from_numpy(inputs["x"]).to(dtype), inputs["target"].tolist()
    preprocess = Preprocessing(tuple(arch["size"][1:]), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    model = VideoModel(
        "vit_a",
        net.to(dtype).eval(),
        preprocess,
        None,
        ("blocks.1.norm1",),
        length=arch["size"][0],
        stride=1,
        hop=arch["size"][0],
        tokens=tuple(arch["tub"]),
    )
    expected = np.load(FOLDER / "vit_a_expected.npz")
    return SimpleNamespace(
        model=model, clips=clips, targets=targets, expected=expected, tolerance=1e-4
    )
