"""A network that looks at one box of a clip, and at nothing else."""

from __future__ import annotations

import torch

from vidsal.models import Preprocessing, VideoModel

BOX = (slice(1, 3), slice(8, 16), slice(12, 20))
SHAPE = (4, 28, 28)
CELLS = {"cell": 4, "sigma": 4}


class Box(torch.nn.Module):
    """Class 1 where the box is bright, class 0 where it is dark."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(12.0))

    def forward(self, x):
        seen = x[(slice(None), slice(None), *BOX)].mean(dim=(1, 2, 3, 4))
        return torch.stack([torch.zeros_like(seen), self.gain * (seen - 0.5)], dim=1)


def model() -> VideoModel:
    preprocess = Preprocessing(SHAPE[1:], (0, 0, 0), (1, 1, 1))
    return VideoModel("box", Box(), preprocess, None, (), SHAPE[0], 1, SHAPE[0])


def clip() -> torch.Tensor:
    """Bright all over, with a little noise."""
    return 1 + 0.1 * torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))


def inside(mask: torch.Tensor, area: float) -> float:
    """Return the part of the box that the largest part `area` of a mask covers."""
    count = round(area * mask.numel())
    chosen = torch.zeros(mask.numel(), device=mask.device)
    chosen[mask.flatten().topk(count).indices] = 1
    return chosen.view_as(mask)[BOX].mean().item()
