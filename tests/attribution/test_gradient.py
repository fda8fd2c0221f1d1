"""The gradient agrees with captum's Saliency."""

from __future__ import annotations

import numpy as np
import torch

from vidsal.attribution.gradient import gradient


def test_reference(case, agrees):
    maps = [gradient(case.model, *pair) for pair in zip(case.clips, case.targets, strict=True)]
    agrees(case, maps, np.abs(case.expected["grad"]).sum(axis=1))


def test_it_is_the_slope_of_the_score(case64):
    clip, target = case64.clips[0], case64.targets[0]
    heatmap = gradient(case64.model, clip, target)
    t, y, x = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    step, slopes = 1e-6, []
    for channel in range(3):
        moved = clip.clone()
        moved[channel, t, y, x] += step
        with torch.no_grad():
            scores = case64.model.net(torch.stack([clip, moved]))[:, target]
        slopes.append((scores[1] - scores[0]).item() / step)
    assert np.isclose(np.abs(slopes).sum(), heatmap.max().item(), rtol=1e-4)
