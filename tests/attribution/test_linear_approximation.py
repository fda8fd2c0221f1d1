"""The linear approximation is activation x gradient, wherever it is taken."""

from __future__ import annotations

import pytest
import torch

from vidsal.attribution.input_x_gradient import input_x_gradient
from vidsal.attribution.linear_approximation import linear_approximation
from vidsal.errors import InputError


def test_reference_at_a_layer(c3d, agrees):
    pairs = zip(c3d.clips, c3d.targets, strict=True)
    maps = [linear_approximation(c3d.model, *pair, layer="relu2") for pair in pairs]
    agrees(c3d, maps, c3d.expected["hirescam_raw"][:, 0])


def test_reference_at_the_clip(case, agrees):
    pairs = zip(case.clips, case.targets, strict=True)
    maps = [linear_approximation(case.model, *pair) for pair in pairs]
    agrees(case, maps, case.expected["input_x_grad"].sum(axis=1))


def test_without_a_layer_it_is_signed_input_x_gradient(model, clip):
    expected = input_x_gradient(model, clip, 1, absolute=False)
    assert torch.equal(linear_approximation(model, clip, 1), expected)


def test_behind_the_last_layer_all_is_linear(c3d):
    clip = c3d.clips[0]
    heatmap = linear_approximation(c3d.model, clip, 1, layer=0)
    with torch.no_grad():
        logit = c3d.model.net(clip[None])[0, 1]
    torch.testing.assert_close(heatmap.sum(), logit - c3d.model.net.fc.bias.detach()[1])


def test_a_wrong_layer_is_refused(c3d):
    with pytest.raises(InputError, match="layer"):
        linear_approximation(c3d.model, c3d.clips[0], 0, layer="layer9")
