"""SalEMA: the average by hand, what alpha means, and when channels are dropped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.gaze.conftest import SMALL, build
from vidsal.errors import InputError
from vidsal.gaze._state import moving_average
from vidsal.gaze.sal_ema import sal_ema

CLIPS = torch.randn(2, 3, 5, 32, 48, generator=torch.Generator().manual_seed(1)) * 50


def by_hand(net, clips, share):
    """Logits frame by frame, as the definition says it: the layers, and a sum."""
    layers, state, made = net.salgan, None, []
    for frame in clips.unbind(2):
        new = layers[:31](frame)
        state = new if state is None else share * new + (1 - share) * state
        made.append(layers[31:61](state.clone())[:, 0])
    return torch.stack(made, dim=1)


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({}, 1 / (1 + np.exp(-0.25))),
        ({"alpha_mode": "raw"}, 0.1),
        ({"alpha_mode": "raw", "alpha": 0.7}, 0.7),
        ({"alpha_mode": "sigmoid"}, 1 / (1 + np.exp(-0.1))),
    ],
)
def test_the_average_is_of_what_lies_before_the_relu(tmp_path, options, share):
    net = build("ema", tmp_path, **options).net
    with torch.inference_mode():
        expected = by_hand(net, CLIPS, share)
        torch.testing.assert_close(net(CLIPS)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_share_of_one_is_the_network_without_memory(tmp_path):
    ema = build("ema", tmp_path, alpha_mode="raw", alpha=1.0)
    still = build("salgan", tmp_path)
    still.net.load_state_dict(ema.net.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(ema.net(CLIPS)[0], still.net(CLIPS)[0])


def test_the_average_forgets_as_it_should():
    values = torch.zeros(1, 4, 1)
    values[:, 0] = 1.0
    made, state = moving_average(values, 0.25, None)
    np.testing.assert_allclose(made[0, :, 0], [1, 0.75, 0.75**2, 0.75**3])
    assert state.item() == made[0, -1, 0]


def test_a_learned_alpha_learns(tmp_path):
    net = build("ema", tmp_path).net
    net(CLIPS)[0].sum().backward()
    assert net.alpha.grad.abs() > 0
    assert "alpha" not in build("ema", tmp_path, alpha_mode="raw").net.state_dict()


def test_channels_are_dropped_when_asked_alone(tmp_path, frames):
    nets = {kind: build("ema", tmp_path, dropout=kind) for kind in ("training", "always", "never")}
    found = {k: np.concatenate(list(n.predict(iter([frames])))) for k, n in nets.items()}
    np.testing.assert_array_equal(found["training"], found["never"])
    assert np.abs(found["always"] - found["never"]).max() > 1e-3
    for kind, apart in (("training", True), ("never", False)):
        net = nets[kind].net.train()
        assert torch.equal(net(CLIPS)[0], net(CLIPS)[0]) != apart


@pytest.fixture
def checkpoints(tmp_path):
    """One checkpoint with an alpha and one without."""
    learned, fixed = tmp_path / "learned.pt", tmp_path / "fixed.pt"
    state = build("ema", tmp_path, alpha=0.5).net.state_dict()
    torch.save({"state_dict": {f"module.{key}": one for key, one in state.items()}}, learned)
    torch.save({key: one for key, one in state.items() if key != "alpha"}, fixed)
    return {"learned": str(learned), "fixed": str(fixed)}


def test_a_checkpoint_shows_what_alpha_is(checkpoints):
    found = {name: sal_ema(**SMALL, weights=file).net for name, file in checkpoints.items()}
    assert (found["learned"].mode, found["learned"].alpha.item()) == ("learned", 0.5)
    assert (found["fixed"].mode, found["fixed"].alpha) == ("raw", 0.1)
    assert sal_ema(**SMALL, weights=checkpoints["fixed"], alpha_mode="sigmoid").net.share() > 0.5


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("learned", {"alpha_mode": "raw"}, "alpha_mode raw, but weights .* hold the alpha"),
        ("learned", {"alpha": 0.1}, r"alpha 0\.1, but weights .* hold the alpha"),
        ("fixed", {"alpha_mode": "learned"}, "hold no alpha"),
    ],
)
def test_an_alpha_that_contradicts_the_checkpoint_is_refused(checkpoints, name, options, said):
    with pytest.raises(InputError, match=said):
        sal_ema(**SMALL, weights=checkpoints[name], **options)
