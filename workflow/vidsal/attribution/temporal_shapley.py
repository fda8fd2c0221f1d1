"""Temporal Shapley values: what each part of the clip's time adds to the score, over all orders.

phi_i = sum over sets S of the other parts of |S|! (K - |S| - 1)! / K! (s(S and i) - s(S)), where
s(S) is the score of the clip with all parts but S at the baseline; exact, from all 2^K sets, so
that sum_i phi_i = s(x) - s(baseline). Shapley, "A value for n-person games", 1953; for networks
Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017 (arXiv
1705.07874). M_t is the value of the part that frame t belongs to. Parts are as equal as T allows.
On networks whose frames are apart until the head all of it costs two passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

import numpy as np
import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.errors import InputError
from vidsal.models import VideoModel

LIMIT = 12


def temporal_shapley(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    segments: int = 6,
    baseline: str = "mean",
) -> Tensor:
    """Return the heatmap (T,1,1) of a clip (C,T,H,W), signed, constant over each part of its time.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        segments: parts of the clip's time, 1 to 12 (at most one per frame); 2^segments passes.
        baseline: what stands in place of an absent part: "mean" (the mean colour), "black",
            "blurred", "temporal_mean" or "frozen_frame" (the middle frame).
    """
    if not 1 <= segments <= LIMIT:
        raise InputError(
            f"segments {segments} in the options of temporal_shapley: all 2^segments sets are "
            f"asked about; take 1 to {LIMIT}, or kernel_shap, which draws some of them"
        )
    frames = clip.shape[1]
    count = min(segments, frames)
    parts = np.arange(frames) * count // frames
    nothing = make_baseline(model, clip, baseline).expand_as(clip)
    found = _variants.scores(model, _sets(clip, nothing, parts, count), target)
    values = shapley(found.double().cpu().numpy(), count)
    return torch.from_numpy(values[parts]).to(clip)[:, None, None]


def shapley(scores: np.ndarray, count: int) -> np.ndarray:
    """Return the Shapley values (K,) of K players from the scores of all sets (2^K,), float64.

    Args:
        scores: of the set of players i whose bit 2^i the place in the array has.
        count: K.
    """
    sets = np.arange(2**count)
    sizes = ((sets[:, None] >> np.arange(count)) & 1).sum(axis=1)
    weights = np.array([1 / (count * comb(count - 1, size)) for size in range(count)])
    values = []
    for player in range(count):
        without = sets[(sets >> player) & 1 == 0]
        gains = scores[without | 1 << player] - scores[without]
        values.append(weights[sizes[without]] @ gains)
    return np.array(values)


def _sets(clip: Tensor, nothing: Tensor, parts: np.ndarray, count: int) -> Iterator[Tensor]:
    """Yield the clip with only the parts of each set, from none to all."""
    for number in range(2**count):
        there = torch.from_numpy((number >> parts) & 1 == 1).to(clip.device)
        yield torch.where(there[:, None, None], clip, nothing)
