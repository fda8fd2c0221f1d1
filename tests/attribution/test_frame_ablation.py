"""Frame ablation agrees with captum's values, frame by frame."""

from __future__ import annotations

import pytest
import torch

from vidsal.attribution import _variants
from vidsal.attribution import frame_ablation as file
from vidsal.attribution.frame_ablation import frame_ablation
from vidsal.errors import InputError


def test_reference(case, case64, agrees):
    for one in (case, case64):
        pairs = zip(one.clips, one.targets, strict=True)
        maps = [frame_ablation(one.model, *pair)[:, 0, 0] for pair in pairs]
        agrees(one, maps, one.expected["ablation_frames"])


def test_reference_with_blurred_frames(case, agrees, monkeypatch):
    blurred = torch.from_numpy(case.expected["baseline_blur"])
    maps = []
    for clip, target, nothing in zip(case.clips, case.targets, blurred, strict=True):
        monkeypatch.setattr(file, "make_baseline", lambda model, clip, kind, own=nothing: own)
        maps.append(frame_ablation(case.model, clip, target)[:, 0, 0])
    agrees(case, maps, case.expected["ablation_frames_blur"])


def test_the_named_baseline_stands_in_the_frames_place(c3d):
    clip = c3d.clips[0]
    variant = clip.clone()
    variant[:, 3] = clip[:, 4]
    whole, without = _variants.scores(c3d.model, [clip, variant], 2)
    found = frame_ablation(c3d.model, clip, 2, baseline="frozen_frame")
    assert found.shape == (8, 1, 1)
    torch.testing.assert_close(found[3, 0, 0], whole - without)
    assert found[4] == 0


def test_an_unknown_baseline_is_refused(c3d):
    with pytest.raises(InputError, match="unknown"):
        frame_ablation(c3d.model, c3d.clips[0], 0, baseline="white")
