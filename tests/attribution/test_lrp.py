"""LRP agrees with zennit where zennit is right, and nothing is lost or doubled where it is not."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vidsal import registry
from vidsal.attribution._notes import notes
from vidsal.attribution._pass import PASSES
from vidsal.attribution.input_x_gradient import input_x_gradient
from vidsal.attribution.lrp import RULES, lrp, relevance
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel

KEYS = {"epsilon": "lrp_epsilon", "epsilon_plus": "lrp_epsilonplus"}
RESIDUAL = ("r3d_18", "mfnet_3d", "slow_only", "tsm")
CLIP = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def of(net: nn.Module) -> VideoModel:
    preprocess = Preprocessing((8, 8), (0,) * 3, (1,) * 3)
    return VideoModel("own", net.double().eval(), preprocess, None, (), 4, 1, 4)


def built(name: str, *, shifted: bool) -> VideoModel:
    """A model of the room in float64; its norms and biases as after a training, or without any."""
    torch.manual_seed(3)
    has = registry.entry("models", name).options
    small = {"backbone": "resnet18"} if "backbone" in has else {}
    made = registry.load("models", name)(3, size=[32, 32], length=4, **small)
    for module in made.net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) and shifted:
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            # Of both signs: a turned sign of the norm turns what is positive for z+.
            nn.init.normal_(module.weight, std=1)
            nn.init.normal_(module.bias, std=0.1)
        elif not shifted and getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
    made.net.double().eval()
    return made


@pytest.fixture
def long_clip(clip):
    return clip.double()


@pytest.mark.parametrize("rule", RULES)
def test_reference(c3d, agrees, rule):
    pairs = zip(c3d.clips, c3d.targets, strict=True)
    found = [relevance(c3d.model, *pair, rule=rule, start="one", epsilon=1e-6) for pair in pairs]
    agrees(c3d, found, c3d.expected[KEYS[rule]])
    maps = [
        lrp(c3d.model, *pair, rule=rule, start="one")
        for pair in zip(c3d.clips, c3d.targets, strict=True)
    ]
    agrees(c3d, maps, c3d.expected[KEYS[rule]].sum(axis=1))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", RESIDUAL)
def test_all_of_the_score_arrives_through_residual_additions(name, rule, long_clip):
    model = built(name, shifted=False)
    # Its convolutions have no ReLU behind them: z+ loses what units that are never positive get.
    within = 0.01 if (name, rule) == ("mfnet_3d", "epsilon_plus") else 1e-4
    heatmap = lrp(model, long_clip, 1, rule=rule, epsilon=1e-12)
    with torch.no_grad():
        logit = model.net(long_clip[None])[0, 1].item()
    assert heatmap.sum().item() == pytest.approx(logit, rel=within)


def test_one_is_not_doubled_at_every_addition(long_clip):
    model = built("r3d_18", shifted=False)
    heatmap = lrp(model, long_clip, 1, start="one", epsilon=1e-12)
    # 2^8 where both summands of its eight additions are given all.
    assert heatmap.sum().item() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_conservation_of_r3d_18_in_float32(rule, clip):
    model = built("r3d_18", shifted=True)
    model.net.float()
    with notes() as found:
        heatmap = lrp(model, clip, 1, rule=rule)
    assert abs(found["conservation_error_relative"]) < 0.01
    with torch.no_grad():
        logit = model.net(clip[None])[0, 1].item()
    whole = heatmap.sum().item() / logit + found["bias_relevance_relative"]
    assert whole == pytest.approx(1, abs=0.01)
    assert abs(found["bias_relevance_relative"]) > 0.01


@pytest.mark.parametrize("name", ["r3d_18", "mfnet_3d", "tsm", "i3d"])
def test_without_epsilon_it_is_input_x_gradient(name, long_clip):
    model = built(name, shifted=True)
    found = lrp(model, long_clip, 2, epsilon=1e-15)
    expected = input_x_gradient(model, long_clip, 2, absolute=False)
    assert (found - expected).abs().max() < 1e-6 * expected.abs().max()


@pytest.mark.parametrize("rule", RULES)
def test_a_norm_counts_as_part_of_its_convolution(rule):
    torch.manual_seed(4)
    conv, norm = nn.Conv3d(3, 6, 3, padding=1), nn.BatchNorm3d(6)
    nn.init.normal_(norm.running_mean)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    rest = (nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(6, 2))
    apart = of(nn.Sequential(conv, norm, *rest))
    fused = of(nn.Sequential(fuse_conv_bn_eval(conv, norm), *rest))
    expected = lrp(fused, CLIP, 0, rule=rule)
    torch.testing.assert_close(lrp(apart, CLIP, 0, rule=rule), expected)


def test_a_linear_network_gets_input_x_weight():
    model = of(nn.Sequential(nn.Flatten(), nn.Linear(CLIP.numel(), 2, bias=False)))
    found = relevance(model, CLIP, 1, rule="epsilon", start="logit", epsilon=1e-12)
    torch.testing.assert_close(found, CLIP * model.net[1].weight[1].view_as(CLIP))
    one = lrp(model, CLIP, 1, start="one", epsilon=1e-12)
    assert one.sum().item() == pytest.approx(1)


def test_z_plus_by_hand():
    torch.manual_seed(5)
    net = nn.Sequential(nn.Conv3d(3, 2, (4, 8, 8)), nn.Flatten())
    model = of(net)
    products = CLIP * net[0].weight.detach()[1]
    positive = products.clamp(min=0)
    whole = positive.sum() + net[0].bias.detach()[1].clamp(min=0)
    found = relevance(model, CLIP, 1, rule="epsilon_plus", start="one", epsilon=1e-12)
    torch.testing.assert_close(found, positive / whole)


def test_the_largest_of_a_max_pool_takes_all():
    model = of(nn.Sequential(nn.MaxPool3d((4, 8, 8)), nn.Flatten(), nn.Linear(3, 2, bias=False)))
    found = relevance(model, CLIP, 0, rule="epsilon", start="one", epsilon=1e-12)
    largest = CLIP.amax(dim=(1, 2, 3), keepdim=True) == CLIP
    assert (found[~largest] == 0).all()
    assert (found[largest] != 0).all()
    assert found.sum().item() == pytest.approx(1)


class Written(nn.Module):
    """Whatever can be written on the way to a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv3d(3, 3, 3, padding=1, bias=False) for _ in range(2))
        self.fc = nn.Linear(3, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = 2 * self.one(x) / 3
        # In place, so that the shortcut below is rectified too.
        y = self.two(functional.relu(x, inplace=True))
        y = torch.sub(y, x, alpha=0.5) + x.add(x.flip(2)).mul(0.25)
        y += torch.cat([x[:, :1], -x[:, 1:]], dim=1)
        y = torch.relu_(y).sum(dim=(3, 4)).amax(dim=2)
        return self.fc(sum([y, 1 * y]))


def test_however_an_addition_is_written():
    torch.manual_seed(6)
    model = of(Written())
    found = lrp(model, CLIP, 0, epsilon=1e-15)
    expected = input_x_gradient(model, CLIP, 0, absolute=False)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-12)
    with torch.no_grad():
        assert found.sum().item() == pytest.approx(model.net(CLIP[None])[0, 0].item())


def test_constants_keep_their_share():
    class Lifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(CLIP.numel(), 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 3 - self.fc(x.flatten(1))

    model = of(Lifted())
    with notes() as found:
        heatmap = lrp(model, CLIP, 0)
    weight, bias = model.net.fc.weight[0], model.net.fc.bias[0]
    torch.testing.assert_close(heatmap, -(CLIP * weight.view_as(CLIP)).sum(0), atol=1e-4, rtol=1e-4)
    logit = 3 - (CLIP.flatten() @ weight + bias).item()
    assert found["bias_relevance_relative"] == pytest.approx((3 - bias.item()) / logit, rel=1e-4)
    assert abs(found["conservation_error_relative"]) < 1e-5


@pytest.mark.parametrize("name", ["cnn_lstm", "mvit_v2_s", "swin3d_t"])
def test_networks_without_rules_are_refused_before_they_run(name, clip):
    before = PASSES.forward
    with pytest.raises(InputError, match=rf"lrp cannot explain {name}: there is no rule for its"):
        lrp(built(name, shifted=True), clip, 0)
    assert PASSES.forward == before


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: functional.gelu(x).flatten(1)[:, :2], "no rule for its gelu"),
        (lambda x: x.flatten(1)[:, :2].softmax(dim=1), "no rule for its softmax"),
        (lambda x: (x * x).flatten(1)[:, :2], "no rule for its mul"),
        (lambda x: functional.linear(x.flatten(1), x.flatten(1)), "weights of its linear depend"),
        (lambda x: functional.batch_norm(x, None, None, training=True), "every clip by itself"),
        (lambda x: x.clone().index_fill_(1, torch.tensor([0]), 0.0), "no rule for its index_fill_"),
    ],
)
def test_functions_without_rules_are_refused(function, reason):
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv3d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(self.conv(x))

    with pytest.raises(InputError, match=f"lrp cannot explain own: .*{reason}"):
        lrp(of(Own()), CLIP, 0)


@pytest.mark.parametrize("option", [{"rule": "gamma"}, {"start": "two"}, {"epsilon": 0.0}])
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        lrp(c3d.model, c3d.clips[0], 0, **option)
