"""How far a map moves when parts of the clip are masked: what temporal rescaling asks.

Ismail et al., NeurIPS 2020 (arXiv 2010.13924): the change of a mask is sum |R(X) - R(X masked)|
over the whole map R. For gradients the sum runs over the colours too.

A network that sees frames one by one, f_t = phi(x_t), s = G(f_1..f_T), need not be asked anew for
every mask within one frame: the other frames keep their features and their Jacobians J_u, and only
g_u = dG/df_u changes, so that R_u = J_u^T g_u is a product. J_u costs as many backward passes of
one frame as phi has outputs, whatever the number of masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vidsal.attribution import _pass, _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.attribution._method import Method, function
from vidsal.attribution._state import backward_through_rnn, untouched
from vidsal.errors import InputError
from vidsal.models import VideoModel

PRODUCTS_AT_ONCE = 64


class Mask(NamedTuple):
    """A box that is covered: rows and columns of one frame, or of all frames (frame None)."""

    frame: int | None
    rows: slice = slice(None)
    columns: slice = slice(None)

    def applied(self, clip: Tensor, cover: Tensor) -> Tensor:
        """Return a copy of a clip (C,T,H,W) with the box covered."""
        frames = slice(None) if self.frame is None else slice(self.frame, self.frame + 1)
        box = (slice(None), frames, self.rows, self.columns)
        masked = clip.clone()
        masked[box] = cover.expand_as(clip)[box]
        return masked


def changes(
    model: VideoModel,
    clip: Tensor,
    target: int,
    masks: Sequence[Mask],
    *,
    cover: Tensor,
    base: Method,
    absolute: bool,
) -> Tensor:
    """Return sum |R(X) - R(X masked)| of each mask, (n,).

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        masks: what is covered, one after another.
        cover: what stands there, broadcasts to the clip.
        base: the method R; "gradient" is ds/dx of every colour by itself.
        absolute: R is the size of the gradient (only for "gradient").
    """
    if base != "gradient":
        return _of_maps(model, clip, target, masks, cover, function(base))
    within_frames = all(mask.frame is not None for mask in masks)
    if model.frame_features is not None and within_frames:
        return _of_frames(model, clip, target, masks, cover, absolute)
    return _of_gradients(model, clip, target, masks, cover, absolute)


def _of_maps(
    model: VideoModel,
    clip: Tensor,
    target: int,
    masks: Sequence[Mask],
    cover: Tensor,
    method: Method,
) -> Tensor:
    whole = method(model, clip, target)
    variants = (mask.applied(clip, cover) for mask in masks)
    return torch.stack([(method(model, one, target) - whole).abs().sum() for one in variants])


def _of_gradients(
    model: VideoModel,
    clip: Tensor,
    target: int,
    masks: Sequence[Mask],
    cover: Tensor,
    absolute: bool,
) -> Tensor:
    variants = (mask.applied(clip, cover) for mask in masks)
    whole = _sized(_pass.capture(model, clip, target).gradient, absolute)
    found = _variants.gradients(model, variants, target)
    return torch.stack([(_sized(one, absolute) - whole).abs().sum() for one in found])


def _sized(gradient: Tensor, absolute: bool) -> Tensor:
    return gradient.abs() if absolute else gradient


# Networks that see frames one by one


def _of_frames(
    model: VideoModel,
    clip: Tensor,
    target: int,
    masks: Sequence[Mask],
    cover: Tensor,
    absolute: bool,
) -> Tensor:
    """Return the changes by the Jacobians of the frames' features."""
    net, frames = model.net, clip.detach().transpose(0, 1)
    whole = _sized(_pass.capture(model, clip, target).gradient, absolute).transpose(0, 1)
    with untouched(net), backward_through_rnn(net):
        with torch.no_grad():
            features = model.frame_features(frames)
        _pass.PASSES.forward += 1
        rows, own = _rows_and_own(model, clip, target, masks, cover, features)
        places = torch.tensor([mask.frame for mask in masks], device=clip.device)
        total = (_sized(own, absolute) - whole[places]).flatten(1).abs().sum(dim=1)
        for number in range(len(frames)):
            others = (places != number).nonzero()[:, 0]
            if len(others):
                wanted = rows[others, number]
                total[others] += _moved(model, clip, number, wanted, whole[number], absolute)
    return total


def _rows_and_own(
    model: VideoModel,
    clip: Tensor,
    target: int,
    masks: Sequence[Mask],
    cover: Tensor,
    features: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return dG/df of each masked clip (n,T,D), and its masked frame's gradient (n,C,H,W)."""
    rows, own = [], []
    for some in _chunks(masks, _variants.batch_size() * len(features)):
        places = torch.tensor([mask.frame for mask in some], device=clip.device)
        covered = [mask.applied(clip, cover)[:, mask.frame] for mask in some]
        with torch.enable_grad():
            masked = torch.stack(covered).requires_grad_()
            made = model.frame_features(masked)
            sequences = features.repeat(len(some), 1, 1)
            each = torch.arange(len(some), device=clip.device)
            sequences[each, places] = made.detach()
            found = _head_gradient(model, sequences, target)
            (gradient,) = torch.autograd.grad(made, masked, found[each, places])
        _count(len(some), len(some), clip)
        rows.append(found)
        own.append(gradient)
    return torch.cat(rows), torch.cat(own)


def _head_gradient(model: VideoModel, sequences: Tensor, target: int) -> Tensor:
    """Return d logit / d features (n,T,D) of sequences of features (n,T,D)."""
    sequences = sequences.detach().requires_grad_()
    logits = model.head(sequences)
    _pass.check_target(logits, target)
    return torch.autograd.grad(logits[:, target].sum(), sequences)[0]


def _moved(
    model: VideoModel, clip: Tensor, number: int, rows: Tensor, whole: Tensor, absolute: bool
) -> Tensor:
    """Return sum |J^T g - R| for each g of `rows` (n,D), with J and R of frame `number`."""
    width = rows.shape[1]
    if len(rows) > width:
        jacobian = torch.cat(list(_pulled_back(model, clip, number, torch.eye(width).to(rows))))
        found = (some @ jacobian for some in rows.split(PRODUCTS_AT_ONCE))
    else:
        found = _pulled_back(model, clip, number, rows)
    flat = whole.flatten()
    return torch.cat([(_sized(some, absolute) - flat).abs().sum(dim=1) for some in found])


def _pulled_back(model: VideoModel, clip: Tensor, number: int, rows: Tensor) -> Iterator[Tensor]:
    """Yield J^T g (n,C*H*W) for the rows g (m,D), J of frame `number`, some at a time.

    The frame goes forward once in as many copies as rows go backward together.
    """
    copies = min(len(rows), _variants.batch_size() * 4)
    with torch.enable_grad():
        batch = clip[:, number].repeat(copies, 1, 1, 1).requires_grad_()
        features = model.frame_features(batch)
    _count(copies, 0, clip)
    for some in rows.split(copies):
        padded = torch.cat([some, some.new_zeros(copies - len(some), rows.shape[1])])
        (found,) = torch.autograd.grad(features, batch, padded, retain_graph=True)
        _count(0, copies, clip)
        yield found[: len(some)].flatten(1)


def _count(forward: int, backward: int, clip: Tensor) -> None:
    """Count passes of single frames as the parts of a clip's pass that they are."""
    _pass.PASSES.forward += Fraction(forward, clip.shape[1])
    _pass.PASSES.backward += Fraction(backward, clip.shape[1])


def _chunks(masks: Sequence[Mask], size: int) -> Iterator[Sequence[Mask]]:
    for start in range(0, len(masks), size):
        yield masks[start : start + size]


# What the algorithms share


def grid(shape: tuple[int, ...], cells: Sequence[int]) -> list[tuple[slice, slice]]:
    """Return the boxes (rows, columns) of `cells` (rows, columns) over a frame, in reading order.

    Where a side is no multiple, boxes differ by a pixel.

    Raises:
        InputError: there are not two numbers of cells, or more cells than pixels.
    """
    sides = tuple(shape[-2:])
    fits = len(cells) == 2 and all(0 < c <= s for c, s in zip(cells, sides, strict=True))
    if not fits:
        raise InputError(
            f"cells {list(cells)} in the options of temporal rescaling: give [rows, columns] of a "
            f"grid over {sides[0]} x {sides[1]} px"
        )
    edges = [
        [round(number * side / count) for number in range(count + 1)]
        for side, count in zip(sides, cells, strict=True)
    ]
    rows, columns = ([slice(*pair) for pair in pairwise(at)] for at in edges)
    return [(row, column) for row in rows for column in columns]


def contribution(delta: Tensor) -> Tensor:
    """Return the changes (T,) min-max scaled to 0..1; all ones where they are all equal."""
    low, high = delta.min(), delta.max()
    return torch.where(high > low, (delta - low) / (high - low), torch.ones_like(delta))


def selected(delta: Tensor, quantile: float) -> list[int]:
    """Return the places whose change lies above a quantile of all, in order."""
    return (delta > torch.quantile(delta, quantile)).nonzero()[:, 0].tolist()


def cover(model: VideoModel, clip: Tensor, baseline: str | float) -> Tensor:
    """Return what masks: a kind of baseline, or a value in network space."""
    if isinstance(baseline, str):
        return make_baseline(model, clip, baseline)
    return clip.new_full((1, 1, 1, 1), baseline)


def of_frames(model: VideoModel, clip: Tensor, target: int, **asked: object) -> Tensor:
    """Return the change D_t of masking each frame (T,)."""
    masks = [Mask(frame) for frame in range(clip.shape[1])]
    return changes(model, clip, target, masks, **asked)


def weighted(model: VideoModel, clip: Tensor, target: int, base: Method, weight: Tensor) -> Tensor:
    """Return the base map with its frames weighted by (T,), brought to the map's own length."""
    heatmap = function(base)(model, clip, target)
    if len(heatmap) != len(weight):
        weight = functional.interpolate(weight[None, None], len(heatmap), mode="linear")[0, 0]
    return weight[:, None, None] * heatmap
