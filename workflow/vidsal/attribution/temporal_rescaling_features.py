"""Temporal rescaling with features first: only cells that matter over all time are asked for.

Algorithm 3 (TFSR) of Ismail et al., "Benchmarking Deep Learning Interpretability in Time Series
Predictions", NeurIPS 2020 (arXiv 2010.13924): D_t as in `temporal_rescaling`; F_i = sum |R(X) - R(X
with cell i masked in all frames)|; where both D_t and F_i lie above their quantiles, F_{t,i} = sum
|R(X) - R(X with cell i of frame t masked)|, and `unselected` elsewhere. M[t,i] = D_t F_{t,i}.
"""

from __future__ import annotations

from itertools import product

from torch import Tensor

from vidsal.attribution import _rescaling
from vidsal.attribution._method import Method
from vidsal.models import VideoModel


def temporal_rescaling_features(
    model: VideoModel,
    clip: Tensor,
    target: int,
    *,
    base: Method = "gradient",
    cells: list[int] = [12, 12],  # noqa: B006 - only read
    quantile: float = 0.55,
    feature_quantile: float = 0.55,
    unselected: float = 0.0,
    baseline: str | float = "mean",
    absolute: bool = True,
) -> Tensor:
    """Return the heatmap (T,*cells) of a clip (C,T,H,W).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        base: the method R that is rescaled.
        cells: [rows, columns] of the grid.
        quantile: of D_t, above which a frame counts.
        feature_quantile: of F_i, above which a cell counts.
        unselected: F_{t,i} of all others (0 in the paper).
        baseline: what masks, a kind of baseline or a value in network space.
        absolute: R is the size of the gradient, colour by colour; else its signed value.
    """
    cover = _rescaling.cover(model, clip, baseline)
    asked = {"cover": cover, "base": base, "absolute": absolute}
    delta = _rescaling.of_frames(model, clip, target, **asked)
    boxes = _rescaling.grid(clip.shape, cells)
    masks = [_rescaling.Mask(None, *box) for box in boxes]
    over_time = _rescaling.changes(model, clip, target, masks, **asked)
    frames = _rescaling.selected(delta, quantile)
    places = _rescaling.selected(over_time, feature_quantile)
    masks = [_rescaling.Mask(frame, *boxes[place]) for frame, place in product(frames, places)]
    importance = clip.new_full((clip.shape[1], len(boxes)), unselected)
    if masks:
        found = _rescaling.changes(model, clip, target, masks, **asked)
        rows = clip.new_tensor(frames).long()[:, None]
        importance[rows, clip.new_tensor(places).long()] = found.view(len(frames), len(places))
    return (_rescaling.contribution(delta)[:, None] * importance).view(-1, *cells)
