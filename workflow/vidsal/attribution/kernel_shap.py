"""Kernel SHAP: Shapley values of supervoxels by least squares over random sets of them.

The phi that minimise sum_S pi(S) (s(S) - s(b) - sum_{i in S} phi_i)^2 among those with sum phi =
s(x) - s(b), pi(S) = (n - 1) / (C(n,|S|) |S| (n - |S|)), are the Shapley values when S runs over all
sets; here sets are drawn with a probability proportional to pi, each with its complement. Where 2^n
- 2 sets are no more than the samples, all are taken and the values are exact. A voxel's value is
that of its supervoxel. Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions",
NeurIPS 2017 (arXiv 1705.07874); pairs: Covert and Lee, "Improving KernelSHAP: Practical Shapley
Value Estimation Using Linear Regression", AISTATS 2021 (arXiv 2012.01536).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.attribution._supervoxels import present, supervoxels
from vidsal.errors import InputError
from vidsal.models import VideoModel


def kernel_shap(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    samples: int = 500,
    segments: int = 64,
    compactness: float = 10.0,
    spacing: float | None = None,
    baseline: str = "mean",
    seed: int = 0,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), signed, constant over each supervoxel.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        samples: sets, each one forward pass; the clip and the baseline come on top.
        segments: supervoxels wanted (SLIC makes a few more or less).
        compactness: how much place counts against colour in SLIC, in units of L*.
        spacing: px that a step from frame to frame is worth in SLIC; the clip counts as a cube when
            not given.
        baseline: what stands in place of an absent supervoxel: "mean" (the mean colour), "black",
            "blurred", "temporal_mean" or "frozen_frame".
        seed: of the sets.
    """
    if samples < 1:
        raise InputError(f"samples {samples} in the options of kernel_shap: give 1 or more")
    labels = supervoxels(model, clip, segments, compactness, spacing)
    count = int(labels.max()) + 1
    sets, weights = coalitions(count, samples, seed)
    asked = np.concatenate([np.ones((1, count), bool), np.zeros((1, count), bool), sets])
    nothing = make_baseline(model, clip, baseline)
    found = _variants.scores(model, present(clip, nothing, labels, asked), target)
    whole, empty, *scores = found.double().cpu().tolist()
    values = fitted(sets, weights, np.array(scores) - empty, whole - empty)
    return torch.from_numpy(values).to(clip)[labels]


def coalitions(count: int, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sets (m,n), bool, neither empty nor whole, and what each counts (m,)."""
    sizes = np.arange(1, count)
    # What the kernel gives to all sets of a size together.
    mass = (count - 1) / (sizes * (count - sizes))
    if count < 2:
        return np.zeros((0, count), bool), np.zeros(0)
    if 2**count - 2 <= samples:
        sets = (np.arange(1, 2**count - 1)[:, None] >> np.arange(count)) & 1 == 1
        size = sets.sum(axis=1)
        alike = np.bincount(size, minlength=count)[1:]
        return sets, (mass / alike)[size - 1]
    generator = torch.Generator().manual_seed(seed)
    pairs = -(-samples // 2)
    places = torch.from_numpy(mass).multinomial(pairs, replacement=True, generator=generator)
    order = torch.rand(pairs, count, generator=generator).argsort(dim=1, stable=True)
    half = (order.argsort(dim=1) <= places[:, None]).numpy()
    both = np.stack([half, ~half], axis=1).reshape(-1, count)[:samples]
    return both, np.ones(len(both))


def fitted(sets: np.ndarray, weights: np.ndarray, gains: np.ndarray, total: float) -> np.ndarray:
    """Return values (n,) that sum to `total`; of several equally good ones the most even.

    Args:
        sets: bool (m,n).
        weights: what each set counts (m,).
        gains: score of each set over that of the empty one (m,).
        total: gain of the whole.
    """
    count = sets.shape[1]
    # phi = total / n + d with sum d = 0: what d has to explain, in coordinates that keep the sum.
    even = sets.sum(axis=1) * total / count
    level = np.eye(count) - 1 / count
    root = np.sqrt(weights)
    system, wanted = (sets @ level) * root[:, None], (gains - even) * root
    difference = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return total / count + level @ difference
