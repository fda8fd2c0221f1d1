"""The CNN-LSTM reads frames one by one and in order."""

from __future__ import annotations

import pytest
import torch

from vidsal.models.cnn_lstm import cnn_lstm


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return cnn_lstm(3, size=[32, 32], length=5).net.eval()


@pytest.fixture
def clips():
    return torch.randn(2, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0))


def test_frames_reach_the_network_unscrambled(net, clips):
    with torch.inference_mode():
        features = torch.stack([net.resnet(clips[:, :, t]) for t in range(5)], dim=1)
        expected = net.fc2(torch.relu(net.fc1(net.lstm(features)[0][:, -1])))
        torch.testing.assert_close(net(clips), expected, rtol=1e-4, atol=1e-5)


def test_order_matters(net, clips):
    with torch.inference_mode():
        assert not torch.allclose(net(clips), net(clips.flip(2)), atol=1e-5)


def test_options_set_the_layout():
    state = cnn_lstm(2, features=20, hidden=8, layers=3).net.state_dict()
    assert state["resnet.fc.weight"].shape == (20, 512)
    assert state["lstm.weight_hh_l2"].shape == (32, 8)
    assert state["fc2.weight"].shape == (2, 128)


def test_forget_gates_start_open():
    state = cnn_lstm(2, hidden=8, layers=2).net.lstm.state_dict()
    for layer in (0, 1):
        bias = state[f"bias_ih_l{layer}"] + state[f"bias_hh_l{layer}"]
        assert (bias[8:16] == 1).all()
        assert (bias[:8].abs() < 1).all()
