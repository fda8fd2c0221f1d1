"""Guided backpropagation agrees with captum, however a network writes its ReLUs."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from vidsal.attribution._pass import PASSES, capture
from vidsal.attribution.gradient import gradient
from vidsal.attribution.guided_backprop import guided, guided_backprop
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def made(net: nn.Module) -> VideoModel:
    preprocess = Preprocessing((8, 8), (0, 0, 0), (1, 1, 1))
    return VideoModel("made", net.eval(), preprocess, None, (), 4, 1, 4)


def test_reference(case, agrees):
    pairs = list(zip(case.clips, case.targets, strict=True))
    expected = case.expected["guided_backprop"]
    agrees(case, [guided(case.model, *pair, "it") for pair in pairs], expected)
    signed = [guided_backprop(case.model, *pair, absolute=False) for pair in pairs]
    agrees(case, signed, expected.sum(axis=1))
    sizes = [guided_backprop(case.model, *pair) for pair in pairs]
    agrees(case, sizes, abs(expected).sum(axis=1))


def test_where_every_relu_is_open_it_is_the_gradient():
    net = nn.Sequential(nn.Conv3d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 72, 3))
    with torch.no_grad():
        net[0].bias.fill_(100)
        net[3].weight.abs_()
    clip = torch.randn(3, 4, 8, 8)
    assert torch.equal(guided_backprop(made(net), clip, 1), gradient(made(net), clip, 1))


SPELLINGS = {
    "module": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "function": torch.relu,
    "functional": functional.relu,
    "method": lambda maps: maps.relu_(),
}


class Residual(nn.Module):
    """A block that uses one ReLU twice, as torchvision's do, in one of several spellings."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = (nn.Conv3d(3, 3, 3, padding=1) for _ in range(2))
        self.fc = nn.Linear(3, 2)
        self.relu = SPELLINGS[spelling]

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        maps = self.second(self.relu(self.first(clips)))
        return self.fc(self.relu(maps + clips).mean(dim=(2, 3, 4)))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_spellings_of_a_relu_are_one(spelling):
    net, clip = Residual(spelling), torch.randn(3, 4, 8, 8)
    entering = {}

    def keep(name):
        def hook(module, inputs, output):
            entering[name] = output.detach().clone()

        return hook

    hooks = [
        net.first.register_forward_hook(keep("a")),
        net.second.register_forward_hook(keep("b")),
    ]
    with torch.no_grad():
        net(clip[None])
    for hook in hooks:
        hook.remove()
    # By hand, from the logit back to the clip.
    above = net.fc.weight[1].detach()[None, :, None, None, None] / (4 * 8 * 8)
    above = above.expand(1, 3, 4, 8, 8).clamp(min=0) * (entering["b"] + clip > 0)
    below = nn.functional.conv_transpose3d(above, net.second.weight.detach(), padding=1)
    below = below.clamp(min=0) * (entering["a"] > 0)
    expected = nn.functional.conv_transpose3d(below, net.first.weight.detach(), padding=1) + above
    found = guided(made(net), clip, 1, "it")
    torch.testing.assert_close(found, expected[0])
    assert not torch.allclose(found, capture(made(net), clip, 1).gradient)


def test_it_is_one_pass(c3d):
    before = PASSES.forward, PASSES.backward
    guided_backprop(c3d.model, c3d.clips[0], 1)
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (1, 1)


def test_a_network_without_relus_is_refused():
    net = nn.Sequential(nn.Conv3d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(4 * 72, 3))
    with pytest.raises(InputError, match="guided_backprop cannot explain made: it has no ReLU"):
        guided_backprop(made(net), torch.randn(3, 4, 8, 8), 1)
