"""Small builds of the networks of the room, and frames for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal import registry
from vidsal.gaze._model import GazeModel

SMALL = {"width": 1 / 8, "size": [32, 48], "batch": 4}
# Every kind of network in the room: (file, options).
KINDS = {
    "salgan": ("salgan", {}),
    "sal_bce": ("sal_bce", {}),
    "normalised": ("sal_bce", {"batch_norm": True}),
    "flow": ("sal_bce", {"extra": ["coordinates", "flow"]}),
    "ema": ("sal_ema", {}),
    "ema, double": ("sal_ema", {"at": [30, 54], "alpha_mode": "raw", "alpha": 0.3}),
    "ema, residual": ("sal_ema", {"residual": True, "alpha_mode": "sigmoid"}),
    "ema, first layer": ("sal_ema", {"at": [0]}),
    "ema, last layer": ("sal_ema", {"at": [61]}),
    "ema, dropping": ("sal_ema", {"dropout": "always"}),
    "lstm": ("sal_clstm", {}),
    "lstm, late": ("sal_clstm", {"at": 56, "residual": True}),
    "on maps": ("video_salgan", {}),
    "on maps, ablated": ("video_salgan", {"ablated": True}),
}


def build(kind: str, folder, **options) -> GazeModel:
    """A small network with seeded weights; one that reads the maps of SalGAN gets such a SalGAN."""
    name, own = KINDS[kind]
    torch.manual_seed(0)
    if name == "video_salgan":
        file = folder / "salgan.pt"
        torch.save(registry.load("gaze", "salgan")(**SMALL).net.state_dict(), file)
        own = own | {"salgan_weights": str(file)}
    return registry.load("gaze", name)(**SMALL | own | options)


@pytest.fixture(scope="session", params=KINDS)
def network(request, tmp_path_factory) -> GazeModel:
    """Each kind of network in turn."""
    return build(request.param, tmp_path_factory.mktemp("salgan"))


@pytest.fixture(scope="session")
def frames() -> np.ndarray:
    """Thirteen frames of 40 x 60 pixels: a square that moves over a rough ground."""
    made = np.random.default_rng(0).integers(90, 130, (13, 40, 60, 3), dtype=np.uint8)
    for number, frame in enumerate(made):
        frame[10:20, 3 * number : 3 * number + 10] = 250
    return made
