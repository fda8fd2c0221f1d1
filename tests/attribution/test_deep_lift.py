"""DeepLIFT agrees with captum where captum is right, and adds up where captum does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from vidsal.attribution import _variants
from vidsal.attribution._baseline import KINDS
from vidsal.attribution._notes import notes
from vidsal.attribution._pass import PASSES, capture
from vidsal.attribution.deep_lift import _contributions, deep_lift
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel
from vidsal.models.cnn_lstm import cnn_lstm


def made(net: nn.Module) -> VideoModel:
    preprocess = Preprocessing((8, 8), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    return VideoModel("made", net.eval(), preprocess, None, (), 4, 1, 4)


class Head(nn.Module):
    """A convolution, something, and a linear layer."""

    def __init__(self, inside) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.inside, self.fc = nn.Conv3d(3, 6, 3), inside, nn.LazyLinear(3)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.fc(self.inside(self.conv(clips)).flatten(1))


def ready(inside) -> tuple[VideoModel, torch.Tensor]:
    clip = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    net = Head(inside)
    with torch.no_grad():
        net(clip[None].float())
    return made(net.double()), clip


def test_reference(c3d, agrees):
    expected = c3d.expected["deeplift_rescale_zero"]
    pairs = list(zip(c3d.clips, c3d.targets, strict=True))
    raw = [_contributions(c3d.model, x, torch.zeros_like(x), target)[0] for x, target in pairs]
    agrees(c3d, raw, expected)
    options = {"baseline": "mean"}
    signed = [deep_lift(c3d.model, *pair, absolute=False, **options) for pair in pairs]
    agrees(c3d, signed, expected.sum(axis=1))
    agrees(
        c3d, [deep_lift(c3d.model, *pair, **options) for pair in pairs], abs(expected.sum(axis=1))
    )


@pytest.mark.parametrize("baseline", KINDS)
def test_it_adds_up(c3d, baseline):
    for clip, target in zip(c3d.clips, c3d.targets, strict=True):
        with notes() as noted:
            found = deep_lift(c3d.model, clip, target, baseline=baseline, absolute=False)
        change = noted["completeness_error"] / noted["completeness_error_relative"]
        assert abs(noted["completeness_error_relative"]) < 1e-4
        assert found.sum().item() == pytest.approx(change, rel=1e-3)


def test_over_several_clips_it_is_the_mean(c3d, tmp_path):
    clip, others = c3d.clips[0], [c3d.clips[1], -c3d.clips[0]]
    for number, other in enumerate(others):
        np.save(tmp_path / f"{number}.npy", other.numpy())
    found = deep_lift(c3d.model, clip, 1, baseline=str(tmp_path), absolute=False)
    alone = [_contributions(c3d.model, clip, other, 1)[0].sum(dim=0) for other in others]
    torch.testing.assert_close(found, torch.stack(alone).mean(dim=0))
    scores = _variants.scores(c3d.model, [clip, *others], 1)
    torch.testing.assert_close(found.sum(), scores[0] - scores[1:].mean(), rtol=1e-4, atol=1e-5)


POOLS = {
    "apart": nn.MaxPool3d(2),
    "overlapping": nn.MaxPool3d((1, 3, 3), stride=1),
    "padded": nn.MaxPool3d(3, stride=2, padding=1),
    "gaps": nn.MaxPool3d(2, stride=(1, 3, 3), dilation=(1, 2, 2)),
    "cut": nn.MaxPool3d((2, 4, 4), ceil_mode=True),
    "flat": lambda maps: functional.max_pool2d(maps.flatten(1, 2), 3),
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_max_pools_hand_on_the_whole_change(pool):
    model, clip = ready(pool)
    for baseline in KINDS:
        with notes() as noted:
            deep_lift(model, clip, 1, baseline=baseline)
        assert abs(noted["completeness_error_relative"]) < 1e-9


def test_a_max_pool_gives_all_to_the_place_that_made_the_change():
    net = nn.Sequential(nn.Identity(), nn.MaxPool3d((1, 1, 3)), nn.Flatten(), nn.Linear(3, 1))
    with torch.no_grad():
        net[3].weight.fill_(1)
    clip, start = torch.zeros(3, 1, 1, 3), torch.zeros(3, 1, 1, 3)
    clip[0, 0, 0], start[0, 0, 0] = torch.tensor([1.0, 5, 2]), torch.tensor([3.0, 1, 0])  # rose
    clip[1, 0, 0], start[1, 0, 0] = torch.tensor([1.0, 2, 0]), torch.tensor([6.0, 1, 0])  # fell
    clip[2, 0, 0], start[2, 0, 0] = torch.tensor([0.0, 2, 0]), torch.tensor([4.0, 4, 4])  # a tie
    found, change = _contributions(made(net), clip, start, 0)
    expected = torch.tensor([[0.0, 2, 0], [-4, 0, 0], [0, -2, 0]]).view(3, 1, 1, 3)
    torch.testing.assert_close(found, expected)
    assert change == -4


def leaky_relu_in_place(maps: torch.Tensor) -> torch.Tensor:
    return functional.leaky_relu(maps, 0.2, True)


SMOOTH = [nn.SiLU(), nn.SiLU(inplace=True), nn.GELU(), nn.Sigmoid(), torch.tanh, nn.ReLU6()]
SMOOTH += [nn.Hardswish(), nn.ELU(0.7, inplace=True), nn.PReLU(), nn.Softplus(2.0)]
SMOOTH += [leaky_relu_in_place, torch.Tensor.sigmoid_]


def called(function: object) -> str:
    """A name without an address, which two processes would not share."""
    return getattr(function, "__name__", str(function))


@pytest.mark.parametrize("inside", SMOOTH, ids=called)
def test_other_nonlinearities_have_their_slope(inside):
    model, clip = ready(inside)
    with notes() as noted:
        deep_lift(model, clip, 1)
    assert abs(noted["completeness_error_relative"]) < 1e-9


@pytest.mark.parametrize("inside", [nn.ReLU(inplace=True), nn.GELU(), torch.tanh])
def test_next_to_the_baseline_it_is_input_times_gradient(inside):
    model, clip = ready(inside)
    start = clip - 1e-6 * torch.randn(clip.shape, generator=torch.Generator().manual_seed(2))
    found, _ = _contributions(model, clip, start, 1)
    expected = (clip - start) * capture(model, clip, 1).gradient
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())


class Twice(nn.Module):
    """One ReLU in place, used twice, whose input is needed once more."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu, self.fc = (
            nn.Conv3d(3, 3, 3, padding=1),
            nn.ReLU(True),
            nn.Linear(3, 2),
        )

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        maps = self.conv(clips)
        opened = self.relu(maps)
        return self.fc(self.relu(self.conv(opened) + maps).mean(dim=(2, 3, 4)))


def test_a_relu_in_place_may_be_used_twice():
    model, clip = made(Twice().double()), torch.randn(3, 4, 8, 8).double()
    scores = _variants.scores(model, [clip, model.preprocess.black().expand_as(clip).double()], 1)
    found = deep_lift(model, clip, 1, absolute=False)
    torch.testing.assert_close(found.sum(), scores[0] - scores[1])


def test_it_is_two_passes_and_a_way_back(c3d):
    before = PASSES.forward, PASSES.backward
    deep_lift(c3d.model, c3d.clips[0], 1)
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (2, 1)


REFUSED = {
    "LayerNorm": nn.LayerNorm((2, 6, 6)),
    "softmax": lambda maps: maps.softmax(dim=1),
    "multiply": lambda maps: maps * maps.mean(dim=1, keepdim=True),
    "without a rule": lambda maps: maps.abs(),
}


@pytest.mark.parametrize(("reason", "inside"), REFUSED.items(), ids=REFUSED)
def test_what_has_no_slope_is_refused(reason, inside):
    model, clip = ready(inside)
    with pytest.raises(InputError, match=rf"deep_lift cannot explain made: .*{reason}.*; take"):
        deep_lift(model, clip, 1)


def test_an_lstm_is_refused_before_it_runs():
    model, before = cnn_lstm(3, size=[32, 32], length=4), PASSES.forward
    with pytest.raises(InputError, match="deep_lift cannot explain cnn_lstm: lstm is LSTM"):
        deep_lift(model, torch.randn(3, 4, 32, 32), 1)
    assert PASSES.forward == before
