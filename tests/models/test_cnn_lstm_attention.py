"""Input-cell attention looks back over all frames, and never forward."""

from __future__ import annotations

import pytest
import torch

from tests.models import parity
from vidsal.errors import InputError
from vidsal.models.cnn_lstm import cnn_lstm
from vidsal.models.cnn_lstm_attention import cnn_lstm_attention


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    made = cnn_lstm_attention(3, size=[32, 32], length=5, layers=2).net.eval()
    with torch.no_grad():
        made.linear_second.weight.mul_(20)  # so that the weights are far from equal
    return made


@pytest.fixture
def features():
    return torch.randn(2, 5, 300, generator=torch.Generator().manual_seed(0))


def attended(net, past):
    """What the cell reads after the frames `past` (t,300), written out as in the paper."""
    hidden = torch.tanh(past @ net.linear_first.weight.T + net.linear_first.bias)
    scores = hidden @ net.linear_second.weight.T + net.linear_second.bias
    return (scores.softmax(dim=0).T @ past).mean(dim=0)


def test_every_step_reads_the_paper_s_mean_of_its_past(net, features):
    with torch.inference_mode():
        read = net.attend(features) @ features
        for clip, found in zip(features, read, strict=True):
            expected = torch.stack([attended(net, clip[: t + 1]) for t in range(5)])
            torch.testing.assert_close(found, expected)


def test_weights_are_of_the_past_alone_and_sum_to_one(net, features):
    with torch.inference_mode():
        weights = net.attend(features)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 5))
    assert (weights.triu(1) == 0).all()
    assert (weights.tril()[:, 1:, 0] > 0).all()
    assert weights[:, 4].std(dim=-1).min() > 0.01


def test_early_frames_reach_the_last_step_directly(net):
    """With a state that forgets everything, a plain LSTM would see the last frame only."""
    clips = torch.randn(1, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0))
    closed = cnn_lstm_attention(3, size=[32, 32], length=5, layers=1).net.eval()
    with torch.no_grad():
        closed.lstm.weight_hh_l0.zero_()
        closed.lstm.bias_ih_l0[256:512] = -100
    clips.requires_grad_()
    closed(clips).sum().backward()
    per_frame = clips.grad.abs().sum(dim=(0, 1, 3, 4))
    assert per_frame.min() > 0.01 * per_frame.max()


def test_the_rest_is_the_cnn_lstm(net, features):
    plain = cnn_lstm(3, layers=2).net.state_dict()
    own = {"linear_first.weight", "linear_first.bias", "linear_second.weight", "linear_second.bias"}
    assert set(net.state_dict()) == set(plain) | own


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_published_layout_loads_whole(tmp_path, prefix):
    weights = parity.shapes("kth_cnn_lstm_attention")
    path = parity.saved(tmp_path, weights, prefix=prefix, wrapper="state_dict", epoch=3)
    made = cnn_lstm_attention(2, backbone="resnet101", layers=3, weights=path).net.state_dict()
    assert torch.equal(made["lstm.weight_hh_l2"], weights["lstm.lstm.weight_hh_l2"])
    assert torch.equal(made["linear_second.bias"], weights["linear_second.bias"])
    assert torch.equal(made["fc2.weight"], weights["fc_layers.fc2.weight"])
    assert len(made) == len(weights)


def test_unknown_backbones_are_refused():
    with pytest.raises(InputError, match="cnn_lstm_attention: backbone 'vgg16' is unknown"):
        cnn_lstm_attention(2, backbone="vgg16")
