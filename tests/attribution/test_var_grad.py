"""VarGrad is the variance of its base over noisy copies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.attribution.stored_noise import with_stored_noise
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.smooth_grad import smooth_grad
from vidsal.attribution.smooth_grad_squared import smooth_grad_squared
from vidsal.attribution.var_grad import var_grad
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel


def test_reference(case, agrees):
    agrees(case, with_stored_noise(case, var_grad), case.expected["vargrad"].sum(axis=1))


def test_it_is_the_mean_square_less_the_squared_mean(case64):
    pair, options = (case64.clips[0], 0), {"base": grad_cam, "samples": 4, "seed": 2}
    squares = smooth_grad_squared(case64.model, *pair, **options)
    means = smooth_grad(case64.model, *pair, **options)
    torch.testing.assert_close(var_grad(case64.model, *pair, **options), squares - means**2)


def test_nothing_varies_in_a_linear_network():
    net = nn.Sequential(nn.Conv3d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 2 * 6 * 6, 3))
    model = VideoModel("linear", net, Preprocessing((8, 8), (0,) * 3, (1,) * 3), None, (), 4, 1, 4)
    found = var_grad(model, torch.randn(3, 4, 8, 8), 1)
    assert found.max() < 1e-12


@pytest.mark.parametrize("option", [{"samples": 1}, {"noise": -0.1}, {"base": "gradeint"}])
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        var_grad(c3d.model, c3d.clips[0], 0, **option)
