"""SmoothGrad squared is the mean of squares of its base on noisy copies."""

from __future__ import annotations

import pytest
import torch

from tests.attribution.stored_noise import with_stored_noise
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.gradient import gradient
from vidsal.attribution.smooth_grad import smooth_grad
from vidsal.attribution.smooth_grad_squared import smooth_grad_squared
from vidsal.errors import InputError


def test_reference(case, agrees):
    maps = with_stored_noise(case, smooth_grad_squared)
    agrees(case, maps, case.expected["smoothgrad_sq"].sum(axis=1))


def test_without_noise_it_is_the_square_of_the_base(c3d):
    pair = (c3d.clips[0], 1)
    squared = smooth_grad_squared(c3d.model, *pair, base=grad_cam, samples=2, noise=0.0)
    torch.testing.assert_close(squared, grad_cam(c3d.model, *pair) ** 2)


def test_a_bound_gradient_is_still_the_gradient(c3d):
    pair, options = (c3d.clips[0], 1), {"samples": 2, "seed": 3}
    named = smooth_grad_squared(c3d.model, *pair, **options)
    assert torch.equal(smooth_grad_squared(c3d.model, *pair, base=gradient, **options), named)


def test_it_sees_the_copies_of_smooth_grad(c3d):
    pair, options = (c3d.clips[0], 1), {"base": grad_cam, "samples": 1, "seed": 7}
    squared = smooth_grad_squared(c3d.model, *pair, **options)
    torch.testing.assert_close(squared, smooth_grad(c3d.model, *pair, **options) ** 2)


@pytest.mark.parametrize("option", [{"samples": 0}, {"noise": -0.1}, {"base": "gradeint"}])
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        smooth_grad_squared(c3d.model, c3d.clips[0], 0, **option)
