"""Eigen-CAM is the first principal component of a layer, with a sign that can be relied on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal.attribution._pass import PASSES, observe
from vidsal.attribution.eigen_cam import eigen_cam, principal


def component(activation: torch.Tensor) -> np.ndarray:
    """The first principal component by numpy, with the mean activation's sign."""
    points = activation.flatten(1).T.double().numpy()
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    found = centred @ axes[0]
    return (found * np.sign(found @ points.mean(axis=1))).reshape(activation.shape[1:])


@pytest.mark.parametrize("layer", ["relu2", "conv2", "pool1", "relu1"])
def test_the_first_component(c3d, layer):
    for clip in c3d.clips:
        activation = observe(c3d.model, clip, 0, [layer]).activations[layer]
        expected = component(activation)
        found = eigen_cam(c3d.model, clip, 0, layer=layer).numpy()
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
        means = activation.mean(dim=0).numpy()
        assert np.corrcoef(found.ravel(), means.ravel())[0, 1] > 0


@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (7, 7)])
def test_few_channels_or_few_places(shape):
    points = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = component(points[:, :, None, None])[:, 0, 0]
    np.testing.assert_allclose(principal(points).numpy(), expected, atol=1e-10)


def test_the_sign_does_not_depend_on_the_sign_of_the_axes():
    points = torch.randn(5, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    points += torch.linspace(0, 3, 60)
    assert torch.allclose(principal(points.flip(0)), principal(points))
    assert torch.allclose(principal(-points), -principal(points))


def test_the_class_does_not_matter_and_no_gradient_is_asked(c3d):
    before = PASSES.forward, PASSES.backward
    maps = [eigen_cam(c3d.model, c3d.clips[0], target) for target in range(3)]
    assert (PASSES.forward - before[0], PASSES.backward - before[1]) == (3, 0)
    assert torch.equal(maps[0], maps[1])
    assert torch.equal(maps[0], maps[2])


def test_relu_cuts_what_lies_below_the_mean(c3d):
    whole = eigen_cam(c3d.model, c3d.clips[0], 0)
    assert (whole < 0).any()
    assert torch.equal(eigen_cam(c3d.model, c3d.clips[0], 0, relu=True), whole.clamp(min=0))


def test_a_flat_layer_is_flat():
    assert not principal(torch.ones(4, 9, dtype=torch.float64)).any()
    assert not principal(torch.ones(4, 1, dtype=torch.float64)).any()
