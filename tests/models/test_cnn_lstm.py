"""The CNN-LSTM reads frames one by one and in order."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import resnet18

from tests.models import parity
from vidsal.attribution._pass import capture
from vidsal.errors import InputError
from vidsal.models.cnn_lstm import cnn_lstm

KTH, PRANOYR = "e1_kth_cnnlstm_r18_tsr", "e2_kth_cnnlstm_r101"


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


def published(folder, fixture, prefix="", **options):
    """A model with the weights of a fixture, saved as its authors do."""
    beside = {"epoch": 3, "optimizer_state_dict": {"state": {}, "param_groups": []}}
    weights = parity.state(fixture)
    path = parity.saved(folder, weights, prefix=prefix, wrapper="state_dict", **beside)
    return cnn_lstm(2, layers=3, weights=path, **options)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_kth_logits_and_gradients_are_the_originals(tmp_path, prefix):
    model = published(tmp_path, KTH, prefix)
    found = capture(model, parity.clip("kth_rgb_40")[0], parity.recipe(KTH)["target"])
    parity.compare(KTH, "logits", found.logits)
    parity.compare(KTH, "grad_abs", found.gradient.abs().transpose(0, 1))


def test_kth_feature_saliency_is_the_originals(tmp_path):
    net = published(tmp_path, KTH).net.eval()
    with torch.no_grad():
        features = net.frame_features(parity.clip("kth_rgb_40")[0].transpose(0, 1))[None]
    features.requires_grad_()
    states, _ = net.lstm(features)
    probability = net.fc2(torch.relu(net.fc1(states[:, -1]))).softmax(dim=-1).max()
    (gradient,) = torch.autograd.grad(probability, features)
    parity.compare(KTH, "feature_saliency", gradient[0].abs())


@pytest.mark.parametrize("prefix", ["", "module."])
def test_resnet101_logits_are_the_originals(tmp_path, prefix):
    net = published(tmp_path, PRANOYR, prefix, backbone="resnet101").net.eval()
    with torch.inference_mode():
        parity.compare(PRANOYR, "logits", net(parity.clip("kth_rgb_40"))[0])


def test_another_backbone_than_that_of_the_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match="they do not fit the network"):
        published(tmp_path, KTH, backbone="resnet101")


def test_unknown_backbones_are_refused():
    with pytest.raises(InputError, match="backbone 'vgg16' is unknown; take resnet18 or resnet101"):
        cnn_lstm(2, backbone="vgg16")


def test_default_weights_are_drawn_as_ever():
    """The demo's figures were measured with these: the order of the draws is part of them."""
    torch.manual_seed(0)
    state = cnn_lstm(3).net.state_dict()
    torch.manual_seed(0)
    resnet = resnet18(weights=None)
    fc, lstm = torch.nn.Linear(512, 300), torch.nn.LSTM(300, 256, 1, batch_first=True)
    assert torch.equal(state["resnet.conv1.weight"], resnet.conv1.weight)
    assert torch.equal(state["resnet.fc.weight"], fc.weight)
    assert torch.equal(state["lstm.weight_hh_l0"], lstm.weight_hh_l0)
    assert torch.equal(state["fc1.weight"], torch.nn.Linear(256, 128).weight)
    assert torch.equal(state["fc2.weight"], torch.nn.Linear(128, 3).weight)
