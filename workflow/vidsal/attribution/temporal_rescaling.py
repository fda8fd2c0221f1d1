"""Temporal saliency rescaling: first which frames matter, then which of their parts.

Algorithm 1 of Ismail et al., "Benchmarking Deep Learning Interpretability in Time Series
Predictions", NeurIPS 2020 (arXiv 2010.13924), with cells of a grid as features: D_t = sum |R(X) -
R(X with frame t masked)|, min-max scaled over t; for the frames whose D_t lies above a quantile,
F_{t,i} = sum |R(X) - R(X with cell i of frame t masked)|, and `unselected` elsewhere; M[t,i] = D_t
F_{t,i}. Without cells the second step is the base map itself, M = D_t R(X)_t, for T + 1 maps in
all.

A gradient R of a network that sees frames one by one costs far less than one map per mask.
`temporal_rescaling_grouped` and `temporal_rescaling_features` are the paper's algorithms 2 and 3,
`temporal_rescaling_original` is what the published script for videos computed.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution import _rescaling
from vidsal.attribution._method import Method
from vidsal.models import VideoModel


def temporal_rescaling(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    base: Method = "gradient",
    cells: list[int] | None = None,
    quantile: float = 0.55,
    unselected: float = 0.0,
    baseline: str | float = "mean",
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap of a clip (C,T,H,W): (T,*cells), or as the base method gives it.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        base: the method R that is rescaled.
        cells: [rows, columns] of the grid, [12, 12] say; one map R per frame, and one per cell of
            each frame above the quantile. Without it the base map is weighted by its frames alone.
        quantile: of D_t, above which a frame's cells are asked for (0.55 in the authors' code).
        unselected: F of all other frames (0 in the paper, 0.1 in the authors' code).
        baseline: what masks, a kind of baseline or a value in network space.
        absolute: R is the size of the gradient, colour by colour; else its signed value (for the
            base "gradient" only).
    """
    cover = _rescaling.cover(model, clip, baseline)
    asked = {"cover": cover, "base": base, "absolute": absolute}
    delta = _rescaling.of_frames(model, clip, target, **asked)
    weight = _rescaling.contribution(delta)
    if cells is None:
        return _rescaling.weighted(model, clip, target, base, weight)
    boxes = _rescaling.grid(clip.shape, cells)
    frames = _rescaling.selected(delta, quantile)
    masks = [_rescaling.Mask(frame, *box) for frame in frames for box in boxes]
    importance = clip.new_full((clip.shape[1], len(boxes)), unselected)
    found = _rescaling.changes(model, clip, target, masks, **asked)
    importance[frames] = found.view(len(frames), len(boxes))
    return (weight[:, None] * importance).view(-1, *cells)
