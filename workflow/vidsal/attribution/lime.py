"""LIME: the weights of a linear model of the score over which supervoxels of the clip are there.

Random sets z of supervoxels are kept, the others put at the baseline, and sum_k pi_k (s(z_k) - w_0
- w z_k)^2 + ridge |w|^2 is minimised, pi_k = exp(-d_k^2 / width^2), d_k the cosine distance of z_k
to the whole clip, 1 - sqrt(share that is kept). A voxel's value is the weight of its supervoxel.
Ribeiro et al., "'Why Should I Trust You?': Explaining the Predictions of Any Classifier", KDD 2016
(arXiv 1602.04938), on the logit.
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


def lime(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    samples: int = 500,
    segments: int = 64,
    compactness: float = 10.0,
    spacing: float | None = None,
    keep: float = 0.5,
    width: float = 0.25,
    ridge: float = 1.0,
    baseline: str = "mean",
    seed: int = 0,
) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W), signed, constant over each supervoxel.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        samples: random sets, each one forward pass; the whole clip comes on top.
        segments: supervoxels wanted (SLIC makes a few more or less).
        compactness: how much place counts against colour in SLIC, in units of L*.
        spacing: px that a step from frame to frame is worth in SLIC; the clip counts as a cube when
            not given.
        keep: probability that a supervoxel is kept.
        width: of the kernel that weighs a set by its likeness to the whole clip.
        ridge: penalty on the weights, which keeps them small where samples are few.
        baseline: what stands in place of an absent supervoxel: "mean" (the mean colour), "black",
            "blurred", "temporal_mean" or "frozen_frame".
        seed: of the sets.
    """
    if samples < 1 or not 0 < keep < 1 or width <= 0 or ridge < 0:
        raise InputError(
            f"samples {samples}, keep {keep}, width {width}, ridge {ridge} in the options of lime: "
            "give at least 1 set, a probability between 0 and 1, a width above 0 and a ridge of 0 "
            "or more"
        )
    labels = supervoxels(model, clip, segments, compactness, spacing)
    sets = drawn(samples, int(labels.max()) + 1, keep, seed)
    nothing = make_baseline(model, clip, baseline)
    found = _variants.scores(model, present(clip, nothing, labels, sets), target)
    weights = fitted(sets, found.double().cpu().numpy(), width, ridge)
    return torch.from_numpy(weights).to(clip)[labels]


def drawn(samples: int, count: int, keep: float, seed: int) -> np.ndarray:
    """Return the sets, bool (samples + 1, count): the whole clip and random ones."""
    generator = torch.Generator().manual_seed(seed)
    sets = (torch.rand(samples, count, generator=generator) < keep).numpy()
    return np.concatenate([np.ones((1, count), bool), sets])


def fitted(sets: np.ndarray, scores: np.ndarray, width: float, ridge: float) -> np.ndarray:
    """Return the weights (n,), float64, of sets (m,n) with scores (m,); the smallest of several."""
    distance = 1 - np.sqrt(sets.mean(axis=1))
    likeness = np.exp(-(distance**2) / width**2)
    # The intercept bears no penalty: it goes when everything is taken from its weighted mean.
    rows = sets - np.average(sets, axis=0, weights=likeness)
    values = scores - np.average(scores, weights=likeness)
    root, count = np.sqrt(likeness), sets.shape[1]
    system = np.concatenate([rows * root[:, None], np.sqrt(ridge) * np.eye(count)])
    wanted = np.concatenate([values * root, np.zeros(count)])
    return np.linalg.lstsq(system, wanted, rcond=None)[0]
