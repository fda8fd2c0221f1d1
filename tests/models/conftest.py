"""Frames and small builds of every model of the room."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal import registry

SMALL = {"size": [32, 48], "length": 4, "stride": 2}


def build(name: str, **options):
    """A model of the room for 3 classes on small clips, with seeded weights, ready to evaluate."""
    torch.manual_seed(0)
    model = registry.load("models", name)(3, **(SMALL | options))
    model.net.eval()
    return model


@pytest.fixture(scope="session", params=registry.names("models"))
def model(request):
    """Each model of the room in turn."""
    return build(request.param)


@pytest.fixture
def frames() -> np.ndarray:
    """Four frames of 40 x 60 pixels."""
    return np.random.default_rng(0).integers(0, 256, (4, 40, 60, 3), dtype=np.uint8)
