"""Score-CAM weights each channel by the score of the clip that is seen through it."""

from __future__ import annotations

import pytest
import torch

from tests.attribution import finishing
from vidsal.attribution._pass import PASSES, observe
from vidsal.attribution.score_cam import score_cam
from vidsal.errors import InputError


def by_hand(case, clip: torch.Tensor, target: int, chosen: list[int]) -> torch.Tensor:
    """The map from the formula, one channel after the other."""
    activation = observe(case.model, clip, target, ["relu2"]).activations["relu2"]
    scores = []
    for channel in chosen:
        mask = finishing.trilinear(activation[channel], clip.shape[1:])
        with torch.no_grad():
            scores.append(case.model.net((clip * finishing.minmax(mask))[None])[0, target])
    weights = torch.stack(scores).exp() / torch.stack(scores).exp().sum()
    return sum(weights[i] * activation[channel] for i, channel in enumerate(chosen))


def test_the_formula(c3d):
    for clip, target in zip(c3d.clips, c3d.targets, strict=True):
        expected = by_hand(c3d, clip, target, list(range(6)))
        torch.testing.assert_close(score_cam(c3d.model, clip, target), expected)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_channels_that_vary_most_are_asked(c3d, samples):
    clip = c3d.clips[0]
    activation = observe(c3d.model, clip, 0, ["relu2"]).activations["relu2"]
    order = sorted(range(6), key=lambda c: -activation[c].var().item())
    before = PASSES.forward
    found = score_cam(c3d.model, clip, 0, samples=samples)
    assert PASSES.forward - before == 1 + samples
    torch.testing.assert_close(found, by_hand(c3d, clip, 0, order[:samples]))


def test_more_channels_than_there_are_means_all(c3d):
    clip = c3d.clips[0]
    torch.testing.assert_close(
        score_cam(c3d.model, clip, 0, samples=99), score_cam(c3d.model, clip, 0)
    )


def test_negative_channels_are_cut_only_by_relu(c3d):
    signed = score_cam(c3d.model, c3d.clips[0], 0, layer="conv2", relu=False)
    assert (signed < 0).any()
    cut = score_cam(c3d.model, c3d.clips[0], 0, layer="conv2")
    assert torch.equal(cut, signed.clamp(min=0))


def test_a_flat_channel_hides_everything(c3d):
    # A black clip without biases leaves every channel flat: finite all the same.
    heatmap = score_cam(c3d.model, torch.zeros_like(c3d.clips[0]), 0)
    assert torch.isfinite(heatmap).all()


def test_no_channel_is_refused(c3d):
    with pytest.raises(InputError, match="samples 0 in the options of score_cam"):
        score_cam(c3d.model, c3d.clips[0], 0, samples=0)
