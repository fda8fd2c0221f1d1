"""The noise that the reference values of the SmoothGrad family were made with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch


def with_stored_noise(case, method: Callable, **options) -> list[torch.Tensor]:
    """The maps of both clips, with the reference's noise in place of the method's own."""
    noise = torch.from_numpy(case.expected["sg_noise"]).to(case.clips)
    maps = []
    for number, (clip, target) in enumerate(zip(case.clips, case.targets, strict=True)):
        stored = iter(noise[:, number])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "randn", lambda *_, stored=stored, **__: next(stored))
            part = 1 / (clip.max() - clip.min()).item()
            maps.append(method(case.model, clip, target, samples=len(noise), noise=part, **options))
    return maps
