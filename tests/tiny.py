"""A network and videos so small that a training takes a second."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from vidsal import training
from vidsal.models import Preprocessing, VideoModel

RESULTS = ("best.pt", "last.pt", "history.csv")
QUICK = {"epochs": 4, "batch_size": 3, "learning_rate": 0.01, "key": "k", "seed": 5}


class Tiny(nn.Module):
    """A convolution with batch normalisation and dropout, so that every kind of state is there."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm3d(8)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x))).amax(dim=(3, 4)).mean(dim=2)
        return self.fc(self.dropout(x))


class Plain(nn.Module):
    """No clip knows of another: a step in parts has the gradient of the whole."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(self.conv(x)).amax(dim=(3, 4)).mean(dim=2))


def tiny(seed: int = 0, kind: type[nn.Module] = Tiny, sampling: str = "dense") -> VideoModel:
    torch.manual_seed(seed)
    preprocess = Preprocessing((12, 12), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    names = ["dark", "bright"]
    return VideoModel("tiny", kind(), preprocess, names, ("conv",), 4, 2, 8, sampling=sampling)


def write_videos(path: Path, count: int = 14) -> None:
    """Noise with a square that is dark (class 0) or bright (class 1), 5 to 12 frames."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(count):
            length = int(rng.integers(5, 13))
            frames = rng.integers(90, 160, (length, 16, 20, 3), dtype=np.uint8)
            top, left = rng.integers(0, 10, 2)
            frames[:, top : top + 5, left : left + 5] = 250 * (number % 2)
            file[f"v{number:02d}/frames"] = frames
            file[f"v{number:02d}/time"] = np.arange(length) / 25


def samples(file: h5py.File) -> tuple[list, list]:
    made = [(file[f"v{number:02d}"], number % 2) for number in range(14)]
    return made[:10], made[10:]


def run(folder: Path, file: h5py.File, model=None, learn=None, **settings) -> Path:
    """Train on the samples of a file, or on `learn`; return the folder of the results."""
    own = "segments" if settings.get("sampling") == "segments" else "dense"
    model, (train_clips, val_clips) = model or tiny(sampling=own), samples(file)
    places = {"folder": folder / "out", "work": folder / "work"}
    training.train(model, learn or train_clips, val_clips, **places, **QUICK | settings)
    return folder / "out"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def history(folder: Path) -> list[dict[str, float]]:
    rows = csv.DictReader(io.StringIO((folder / "history.csv").read_text()))
    return [{key: float(value) for key, value in row.items()} for row in rows]


def weights(folder: Path, name: str = "last.pt") -> dict[str, torch.Tensor]:
    return torch.load(folder / name, weights_only=True)["state_dict"]


def differing(one: dict, other: dict) -> set[str]:
    return {name for name in one if not torch.equal(one[name], other[name])}


def largest_difference(one: dict, other: dict) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in one)


def breaking(samples: list, at: int, act) -> list:
    """The same samples, opened by functions of which the `at`-th call does something else first."""
    opened = []

    def opener(group):
        @contextmanager
        def open_group():
            opened.append(group)
            if len(opened) == at:
                act()
            yield group

        return open_group

    return [(opener(group), label) for group, label in samples]
