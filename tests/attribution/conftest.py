"""The two reference networks with their expected maps, and small builds of every model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from vidsal import registry
from vidsal.models import Preprocessing, VideoModel

FOLDER = Path(__file__).parents[1] / "fixtures" / "attribution"
# float32 code against float64 reference values, and float64 code.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}


class C3d(nn.Module):
    """Two 3-D convolutions, as in the fixtures' README."""

    def __init__(self, arch: dict) -> None:
        super().__init__()
        c1, c2 = arch["c1"], arch["c2"]
        self.conv1 = nn.Conv3d(arch["cin"], c1, 3, stride=tuple(arch["stride1"]), padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool3d(2)
        self.conv2 = nn.Conv3d(c1, c2, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(c2, arch["nc"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.relu2(self.conv2(x))
        return self.fc(x.mean(dim=(2, 3, 4)))


class FrameLstm(nn.Module):
    """Two 2-D convolutions per frame and an LSTM, as in the fixtures' README."""

    def __init__(self, arch: dict) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, arch["c1"], 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(arch["c1"], arch["c2"], 3, stride=2, padding=1)
        self.relu2 = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.proj = nn.Linear(4 * arch["c2"], arch["d"])
        self.lstm = nn.LSTM(arch["d"], arch["h"], arch["layers"], batch_first=True)
        self.fc = nn.Linear(arch["h"], arch["nc"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, _, length = x.shape[:3]
        frames = x.transpose(1, 2).flatten(0, 1)
        frames = self.relu2(self.conv2(torch.relu(self.conv1(frames))))
        features = torch.relu(self.proj(self.pool(frames).flatten(1)))
        states, _ = self.lstm(features.view(count, length, -1))
        return self.fc(states[:, -1])


def video_model(name: str, net: nn.Module, layers: tuple[str, ...], frame_wise: bool) -> VideoModel:
    preprocess = Preprocessing((16, 16), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    return VideoModel(name, net.eval(), preprocess, None, layers, 8, 1, 8, frame_wise)


def reference(name: str, dtype: torch.dtype) -> SimpleNamespace:
    """A reference network, its clips and targets, its settings and its expected maps."""
    arch = json.loads((FOLDER / f"{name}_arch.json").read_text())
    frame_wise = arch["kind"] == "cnnlstm"
    net = FrameLstm(arch) if frame_wise else C3d(arch)
    with np.load(FOLDER / f"{name}_weights.npz") as weights:
        net.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})
    with np.load(FOLDER / f"{name}_input.npz") as inputs:
        clips = torch.from_numpy(inputs["x"]).to(dtype)
        targets = inputs["target"].tolist()
    index = json.loads((FOLDER / "index.json").read_text())
    return SimpleNamespace(
        name=name,
        model=video_model(name, net.to(dtype), ("relu2",), frame_wise),
        clips=clips,
        targets=targets,
        cfg=index[name]["cfg"],
        expected=np.load(FOLDER / f"{name}_expected.npz"),
        tolerance=TOLERANCE[dtype],
    )


@pytest.fixture(scope="session", params=["c3d_a", "cnnlstm_a"])
def case(request):
    """Each reference network in float32."""
    return reference(request.param, torch.float32)


@pytest.fixture(scope="session", params=["c3d_a", "cnnlstm_a"])
def case64(request):
    """Each reference network in float64."""
    return reference(request.param, torch.float64)


@pytest.fixture(scope="session")
def c3d():
    """The reference network with 3-D convolutions."""
    return reference("c3d_a", torch.float32)


@pytest.fixture(scope="session", params=registry.names("models"))
def model(request):
    """Each model of the room in turn, for 3 classes, on 4 frames of 32 x 32."""
    torch.manual_seed(0)
    has = registry.entry("models", request.param).options
    small = {"backbone": "resnet18"} if "backbone" in has else {}
    built = registry.load("models", request.param)(3, size=[32, 32], length=4, **small)
    built.net.eval()
    return built


@pytest.fixture
def clip():
    """A clip for these models."""
    return torch.randn(3, 4, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def agrees():
    """Compare with a reference: largest difference against the largest expected value."""

    def check(case, got: list[torch.Tensor], expected: np.ndarray) -> None:
        found = torch.stack(got).double().numpy()
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= case.tolerance * np.abs(expected).max()

    return check
