"""Whether contributions add up to the change of the score that they explain."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._notes import note
from vidsal.models import VideoModel


def change(model: VideoModel, clip: Tensor, starts: Sequence[Tensor], target: int) -> float:
    """Return s(x) less the mean of s(b) over the baselines b, in logits."""
    at_clip, *at_starts = _variants.scores(model, [clip, *starts], target).tolist()
    return at_clip - sum(at_starts) / len(at_starts)


def note_error(contributions: Tensor, expected: float) -> float:
    """Note by how much contributions miss the change of the score; return it, in logits.

    Notes `completeness_error` = sum P - (s(x) - s(b)), in logits, and
    `completeness_error_relative`, the same over s(x) - s(b) where that is not 0.
    """
    error = contributions.double().sum().item() - expected
    note("completeness_error", error)
    if expected:
        note("completeness_error_relative", error / expected)
    return error
