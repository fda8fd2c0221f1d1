"""The gradient methods give what the original programs gave on R(2+1)D-18 and on the CNN-LSTM."""

from __future__ import annotations

import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.models import parity
from vidsal.attribution.gradient import gradient
from vidsal.attribution.input_x_gradient import input_x_gradient
from vidsal.attribution.integrated_gradients import integrated_gradients
from vidsal.attribution.smooth_grad_squared import smooth_grad_squared
from vidsal.models.cnn_lstm import cnn_lstm
from vidsal.models.r2plus1d_18 import r2plus1d_18

R2PLUS1D, KTH = "c1_r2plus1d18_attribution", "e1_kth_cnnlstm_r18_tsr"
FEW = (slice(None, None, 3), slice(None, None, 6), slice(None, None, 6))


def compare(fixture: str, output: str, found: torch.Tensor, made: np.ndarray) -> None:
    """Assert that a map is what follows from an output of the original, within its tolerance."""
    rule = parity.recipe(fixture)["tolerance"][output]
    apart = found.double().numpy() - made
    assert np.linalg.norm(apart) <= rule["rel_l2"] * np.linalg.norm(made)
    assert np.abs(apart).max() <= 3 * rule["max_abs"]  # three channels are added up


def shown(found: torch.Tensor) -> np.ndarray:
    """The original's stretch for showing: from the least value to the 99.9th percentile."""
    values = found.double().numpy()
    least, most = values.min(), np.percentile(values, 99.9)
    return ((values - least) / (most - least)).clip(0, 1)[FEW][None]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = parity.saved(tmp_path_factory.mktemp("weights"), parity.state(R2PLUS1D))
    model = r2plus1d_18(400, weights=path)
    model.net.eval()
    clip = parity.clip("clip_rgb_112", **parity.KINETICS)[0]
    return SimpleNamespace(model=model, clip=clip, target=parity.recipe(R2PLUS1D)["label"])


def test_gradient(published):
    found = gradient(published.model, published.clip, published.target)[FEW]
    expected = np.abs(parity.expected(R2PLUS1D, "grad_sub").astype(np.float64)).sum(axis=0)
    compare(R2PLUS1D, "grad_sub", found, expected)


def test_input_x_gradient(published):
    pair = (published.clip, published.target)
    found = input_x_gradient(published.model, *pair, absolute=False)[FEW]
    expected = parity.expected(R2PLUS1D, "gradxinput_sub").astype(np.float64).sum(axis=0)
    compare(R2PLUS1D, "gradxinput_sub", found, expected)


def test_integrated_gradients(published):
    options = {"steps": 5, "rule": "left", "absolute": False}
    found = integrated_gradients(published.model, published.clip, published.target, **options)
    expected = parity.expected(R2PLUS1D, "ig5_raw_sub").astype(np.float64).sum(axis=0)
    compare(R2PLUS1D, "ig5_raw_sub", found[FEW], expected)


def test_smooth_grad_squared(published, monkeypatch):
    seed = [parity.recipe(R2PLUS1D)["base_seed"], zlib.crc32(b"smoothgrad_noise")]
    draw = np.random.Generator(np.random.PCG64(seed))

    def noise(shape, **_):
        values = draw.standard_normal(np.prod(shape)).astype(np.float32)
        return torch.from_numpy(values.reshape(shape))

    monkeypatch.setattr(torch, "randn", noise)
    found = smooth_grad_squared(published.model, published.clip, published.target, samples=2)
    parity.compare(R2PLUS1D, "smoothgrad2_square_show_sub", shown(found))


def test_gradient_of_the_cnn_lstm(tmp_path):
    path = parity.saved(tmp_path, parity.state(KTH), wrapper="state_dict")
    model = cnn_lstm(2, layers=3, weights=path)
    found = gradient(model, parity.clip("kth_rgb_40")[0], parity.recipe(KTH)["target"])
    expected = parity.expected(KTH, "grad_abs").astype(np.float64).sum(axis=1)
    compare(KTH, "grad_abs", found, expected)
