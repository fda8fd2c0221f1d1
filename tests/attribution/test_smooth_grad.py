"""SmoothGrad is its base method on noisy copies, nothing else."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from tests.attribution.stored_noise import with_stored_noise
from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam import grad_cam
from vidsal.attribution.gradient import gradient
from vidsal.attribution.smooth_grad import smooth_grad
from vidsal.errors import InputError


def test_reference(case, agrees):
    expected = torch.from_numpy(case.expected["smoothgrad_abs"]).sum(dim=1).numpy()
    agrees(case, with_stored_noise(case, smooth_grad), expected)


def test_reference_with_signs(case, agrees):
    channels = []
    for channel in range(3):

        def signed(model, clip, target, channel=channel):
            return capture(model, clip, target).gradient[channel]

        channels.append(torch.stack(with_stored_noise(case, smooth_grad, base=signed)))
    agrees(case, list(torch.stack(channels, dim=1)), case.expected["smoothgrad_signed"])


@pytest.mark.parametrize("base", [gradient, partial(grad_cam, layer="relu2", relu=False)])
def test_one_copy_without_noise_is_the_base(c3d, base):
    pair = (c3d.clips[0], 1)
    smooth = smooth_grad(c3d.model, *pair, base=base, samples=1, noise=0.0)
    assert torch.equal(smooth, base(c3d.model, *pair))


def test_a_name_stands_for_the_method(c3d):
    named = smooth_grad(c3d.model, c3d.clips[0], 1, base="grad_cam", samples=2)
    assert torch.equal(named, smooth_grad(c3d.model, c3d.clips[0], 1, base=grad_cam, samples=2))


def test_noise_has_the_size_asked_for_and_belongs_to_the_seed(c3d):
    clip, seen = c3d.clips[0], []

    def spy(model, noisy, target):
        seen.append(noisy - clip)
        return noisy[0]

    for seed in (0, 0, 1):
        smooth_grad(c3d.model, clip, 0, base=spy, samples=4, noise=0.2, seed=seed)
    sigma = 0.2 * (clip.max() - clip.min())
    assert torch.stack(seen).std() == pytest.approx(sigma.item(), rel=0.02)
    assert torch.equal(seen[0], seen[4])
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[8])


def test_more_copies_only_add_copies(c3d):
    def spy(model, noisy, target):
        return noisy[0]

    two = smooth_grad(c3d.model, c3d.clips[0], 0, base=spy, samples=2)
    one = smooth_grad(c3d.model, c3d.clips[0], 0, base=spy, samples=1)
    assert not torch.equal(one, two)


@pytest.mark.parametrize(
    "option", [{"samples": 0}, {"noise": -0.1}, {"base": "gradeint"}, {"base": "_pass"}]
)
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        smooth_grad(c3d.model, c3d.clips[0], 0, **option)
