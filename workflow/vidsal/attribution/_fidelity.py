"""How much of a network's answer and gradient is left in bfloat16, measured on one clip."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool3d

from vidsal.attribution._pass import capture
from vidsal.attribution._precision import precision
from vidsal.models import VideoModel

GRID = (2, 8, 8)


def fidelity(model: VideoModel, clip: Tensor, target: int) -> dict[str, float]:
    """Return Spearman's correlations between a clip's pass in fp32 and its pass in bf16.

    `bf16_fidelity_gradient` is that of |ds/dx|, summed over channels and averaged in 2 x 8 x 8
    boxes; `bf16_fidelity_logits` that of the logits (NaN for a single class).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class whose logit is s.
    """
    logits, maps = [], []
    for kind in ("fp32", "bf16"):
        with precision(kind):
            found = capture(model, clip, target)
        logits.append(found.logits)
        maps.append(pooled(found.gradient.abs().sum(dim=0)))
    return {
        "bf16_fidelity_gradient": _spearman(*maps),
        "bf16_fidelity_logits": _spearman(*logits),
    }


def pooled(heatmap: Tensor) -> Tensor:
    """Return the means of a map (T,H,W) in 2 x 8 x 8 boxes, or fewer where it is smaller."""
    size = [min(extent, own) for extent, own in zip(GRID, heatmap.shape, strict=True)]
    return adaptive_avg_pool3d(heatmap[None], size)[0]


def _spearman(one: Tensor, other: Tensor) -> float:
    ones, others = (value.double().cpu().numpy().ravel() for value in (one, other))
    if min(np.ptp(ones), np.ptp(others)) == 0:
        return float("nan")
    return float(spearmanr(ones, others).statistic)
