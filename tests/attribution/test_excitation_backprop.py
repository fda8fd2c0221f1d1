"""Excitation backprop is a distribution, and the one of the paper's formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from vidsal.attribution.excitation_backprop import excitation_backprop
from vidsal.attribution.lrp import lrp
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def by_formula(net: nn.Module, clip: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """P at the first ReLU of the reference network, unit by unit of every layer behind it."""
    with torch.no_grad():
        first = torch.relu(net.conv1(clip[None]))
        pooled, where = functional.max_pool3d(first, 2, return_indices=True)
        second = torch.relu(net.conv2(pooled))
    mean = second.mean(dim=(2, 3, 4))
    at_mean = mean * weights.clamp(min=0) / (mean * weights.clamp(min=0)).sum()
    at_second = second / second.sum(dim=(2, 3, 4), keepdim=True) * at_mean[..., None, None, None]
    # A column per voxel of the kernel: x_j, and what w_jk^+ makes of it.
    kernel = net.conv2.weight.detach().clamp(min=0)
    padded = functional.pad(pooled, (1,) * 6)
    at_pooled = torch.zeros_like(padded)
    for t, y, x in torch.cartesian_prod(*(torch.arange(size) for size in second.shape[2:])):
        place = (0, slice(None), slice(t, t + 3), slice(y, y + 3), slice(x, x + 3))
        for channel in range(second.shape[1]):
            share = padded[place] * kernel[channel]
            at_pooled[place] += (
                at_second[0, channel, t, y, x] * share / share.sum().clamp(min=1e-30)
            )
    at_pooled = at_pooled[:, :, 1:-1, 1:-1, 1:-1]
    return functional.max_unpool3d(at_pooled, where, 2, output_size=first.shape[2:])[0].sum(0)


@pytest.mark.parametrize("contrastive", [False, True])
def test_formula(c3d, contrastive):
    clip, target, net = c3d.clips[0], c3d.targets[0], c3d.model.net
    weights = net.fc.weight.detach()[target]
    expected = by_formula(net, clip, weights)
    if contrastive:
        expected = expected - by_formula(net, clip, -weights)
    found = excitation_backprop(c3d.model, clip, target, layer="relu1", contrastive=contrastive)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6 * expected.max().item())


def test_it_is_a_distribution_at_every_layer(model, clip):
    # Not of every kind of network; what is refused is refused with a reason.
    for place in {0, len(model.cam_layers) - 1}:
        try:
            heatmap = excitation_backprop(model, clip, 1, layer=place)
        except InputError as error:
            assert "excitation_backprop cannot explain" in str(error)  # noqa: PT017
            assert model.name in ("cnn_lstm", "cnn_lstm_attention", "mvit_v2_s", "swin3d_t")
            continue
        assert heatmap.min() >= 0
        assert heatmap.sum().item() == pytest.approx(1, abs=1e-5)


def test_the_contrast_adds_up_to_nothing(c3d):
    heatmap = excitation_backprop(c3d.model, c3d.clips[0], 1, contrastive=True)
    assert heatmap.abs().sum() > 1e-3
    assert heatmap.sum().item() == pytest.approx(0, abs=1e-6)


def test_the_class_counts(c3d):
    one, other = (excitation_backprop(c3d.model, c3d.clips[0], k) for k in (1, 2))
    assert (one - other).abs().max() > 0.01 * one.max()


def test_where_nothing_excites_inputs_share_evenly():
    class Dead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv3d(3, 3, 1), nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(torch.relu(self.conv(x)).mean(dim=(2, 3, 4)))

    net = Dead().eval()
    nn.init.constant_(net.conv.bias, -100)
    preprocess = Preprocessing((4, 4), (0,) * 3, (1,) * 3)
    model = VideoModel("dead", net, preprocess, None, ("conv",), 2, 1, 2)
    heatmap = excitation_backprop(model, torch.rand(3, 2, 4, 4), 0)
    torch.testing.assert_close(heatmap, torch.full((2, 4, 4), 1 / 32))


def test_of_positive_inputs_it_is_z_plus_without_biases(c3d):
    net = nn.Sequential(nn.Conv3d(3, 4, 3, bias=False), nn.ReLU(), nn.AdaptiveAvgPool3d(1))
    net = nn.Sequential(net, nn.Flatten(), nn.Conv1d(4, 2, 1)).eval()
    net[2] = nn.Linear(4, 2, bias=False)
    nn.init.uniform_(net[2].weight)
    wrapped = nn.Sequential(nn.Identity(), net)
    preprocess = Preprocessing((8, 8), (0,) * 3, (1,) * 3)
    model = VideoModel("own", wrapped, preprocess, None, ("0",), 4, 1, 4)
    clip = torch.rand(3, 4, 8, 8)
    found = excitation_backprop(model, clip, 0)
    expected = lrp(model, clip, 0, rule="epsilon_plus", start="one", epsilon=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
