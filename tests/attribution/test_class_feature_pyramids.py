"""Class feature pyramids follow a class back through the convolutions that made its features."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from vidsal.attribution._convolutions import Convolution, feeding
from vidsal.attribution._pass import PASSES, observe
from vidsal.attribution.class_feature_pyramids import class_feature_pyramids, follow
from vidsal.errors import InputError
from vidsal.models.i3d import BLOCKS, i3d
from vidsal.models.tsm import tsm

REFUSED = ("cnn_lstm", "cnn_lstm_attention", "mvit_v2_s")


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def unit(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) for value in values]


def test_the_formula(c3d):
    """Channel by channel and kernel by kernel, over conv2 and conv1 to the clip."""
    net, clip, target, threshold = c3d.model.net, c3d.clips[0], 2, 0.5
    found = observe(c3d.model, clip, target, ["relu2", "pool1"]).activations
    reads = {"conv2": found["pool1"], "conv1": clip}
    chosen = [c for c, w in enumerate(unit(net.fc.weight[target].tolist())) if w >= threshold]
    pyramid = [sum(found["relu2"][c] for c in chosen)]
    for name, read in reads.items():
        kernels, followed = net.get_submodule(name).weight.detach(), set()
        for k in chosen:
            shares = [(kernels[k, i].mean() * read[i].mean()).item() for i in range(len(read))]
            shares = unit([share / sum(shares) for share in shares])
            followed |= {i for i, share in enumerate(shares) if share >= threshold}
        chosen = sorted(followed)
        pyramid.append(sum(read[i] for i in chosen))
    for depth, expected in enumerate(pyramid):
        heatmap = class_feature_pyramids(c3d.model, clip, target, depth=depth, threshold=threshold)
        torch.testing.assert_close(heatmap, expected)
    with pytest.raises(InputError, match=r"behind step 2 there is no convolution.*depth 2 or less"):
        class_feature_pyramids(c3d.model, clip, target, depth=3)


def test_every_class_follows_its_own_channels(c3d):
    maps = [class_feature_pyramids(c3d.model, c3d.clips[0], k, depth=0) for k in range(5)]
    assert len({tuple(one.flatten().tolist()) for one in maps}) > 1


def test_a_threshold_of_nothing_follows_everything(c3d):
    clip = c3d.clips[0]
    found = observe(c3d.model, clip, 0, ["pool1"]).activations["pool1"]
    heatmap = class_feature_pyramids(c3d.model, clip, 0, depth=1, threshold=0.0)
    torch.testing.assert_close(heatmap, found.sum(dim=0))


def test_it_costs_one_forward(c3d):
    before = PASSES.forward, PASSES.backward
    class_feature_pyramids(c3d.model, c3d.clips[0], 0, depth=1)
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (1, 0)


def test_grouped_kernels_read_their_own_group():
    read, weight = drawn(1, 6, 2, 3, 3).abs(), drawn(4, 3, 1, 1, 1).abs()
    source = Convolution(weight, read, 2, None)
    for kernel in range(4):
        kernels = torch.arange(4) == kernel
        group = slice(0, 3) if kernel < 2 else slice(3, 6)
        shares = weight[kernel, :, 0, 0, 0] * read[0, group].mean(dim=(1, 2, 3))
        expected = torch.zeros(6, dtype=torch.bool)
        expected[group] = torch.tensor(unit(shares.tolist())) >= 0.5
        assert torch.equal(follow(source, kernels, 0.5), expected)
    assert not follow(source, torch.zeros(4, dtype=torch.bool), 0.5).any()


def test_a_kernel_that_inhibits_follows_what_inhibits_most():
    read = torch.ones(1, 3, 1, 2, 2)
    weight = torch.tensor([-3.0, -1.0, 1.0]).view(1, 3, 1, 1, 1)
    kept = follow(Convolution(weight, read, 1, None), torch.tensor([True]), 0.9)
    assert kept.tolist() == [True, False, False]


def test_branches_are_followed_each_into_its_own_convolution():
    torch.manual_seed(0)
    model = i3d(4, size=[64, 64], length=8)
    model.net.eval()
    outputs = []
    hook = model.net.mixed_5c.register_forward_hook(lambda *of: outputs.append(of[2]))
    model.net(drawn(1, 3, 8, 64, 64).requires_grad_())
    hook.remove()
    sources = feeding(outputs[0].grad_fn)
    first, (narrow, second), (_, third), fourth = BLOCKS["mixed_5c"]
    assert [len(one.weight) for one in sources] == [first, second, third, fourth]
    # Borders that were padded are no part of the map.
    assert sources[1].read.shape == (1, narrow, 1, 2, 2)
    assert sources[0].read.shape[1] == sources[3].read.shape[1] == 832


def test_shifts_over_time_keep_the_channels():
    torch.manual_seed(0)
    model = tsm(3, backbone="resnet18", size=[32, 32], length=4)
    model.net.eval()
    outputs = []
    unit = model.net.layer4[1]
    hook = unit.conv1.register_forward_hook(lambda *of: outputs.append(of[2]))
    model.net(drawn(1, 3, 4, 32, 32).requires_grad_())
    hook.remove()
    (source,) = feeding(outputs[0].grad_fn)
    assert torch.equal(source.weight, unit.conv1.weight)
    # Behind it lies the shift, and behind that what the block before added up.
    (before,) = feeding(source.before)
    assert torch.equal(before.weight, model.net.layer4[0].conv2.weight)


def test_of_a_shortcut_and_its_way_around_the_nearer_counts(c3d):
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.a, self.b = (nn.Conv3d(3 if i < 1 else 4, 4, 1) for i in range(3))
            self.relu, self.fc = nn.ReLU(), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.stem(x))
            x = x + self.b(torch.relu(self.a(x)))
            return self.fc(self.relu(x).mean(dim=(2, 3, 4)))

    torch.manual_seed(0)
    net = Residual()
    model = dataclasses.replace(c3d.model, net=net, cam_layers=("relu",))
    clip = drawn(3, 4, 5, 5)
    inner = torch.relu(net.a(torch.relu(net.stem(clip[None]))))[0].detach()
    heatmap = class_feature_pyramids(model, clip, 1, depth=1, threshold=0.0)
    torch.testing.assert_close(heatmap, inner.sum(dim=0))
    heatmap = class_feature_pyramids(model, clip, 1, depth=2, threshold=0.0)
    torch.testing.assert_close(heatmap, torch.relu(net.stem(clip[None]))[0].sum(dim=0).detach())


@pytest.mark.parametrize("depth", [0, 3])
def test_networks_of_the_room(model, clip, depth):
    if model.name in REFUSED or (model.name == "swin3d_t" and depth):
        with pytest.raises(InputError, match="class_feature_pyramids cannot explain"):
            class_feature_pyramids(model, clip, 1, depth=depth)
        return
    heatmap = class_feature_pyramids(model, clip, 1, depth=depth)
    assert heatmap.any()
    assert heatmap.ndim == 3


@pytest.mark.parametrize("options", [{"depth": -1}, {"threshold": 1.5}, {"threshold": -0.1}])
def test_impossible_options_are_refused(c3d, options):
    with pytest.raises(InputError, match=next(iter(options))):
        class_feature_pyramids(c3d.model, c3d.clips[0], 0, **options)
