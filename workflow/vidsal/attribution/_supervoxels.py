"""Supervoxels: a clip cut into compact pieces of even colour, by SLIC over time and space.

Achanta et al., TPAMI 2012: k-means on CIELAB colour and place, with the distance
D^2 = |dlab|^2 + (compactness / S)^2 |dplace|^2, S the edge of a cube of V/K voxels, from centres on
a grid. A voxel is compared with every centre, in a matrix product, and not only with those within
2 S; what that would leave far away is cut off when pieces are made connected.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from vidsal.errors import InputError
from vidsal.models import VideoModel

ROUNDS = 10
# Pieces smaller than this part of the mean size join a neighbour.
SMALLEST = 1 / 4
# CIELAB from linear sRGB: to XYZ over the white point D65, row by row.
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _XYZ.sum(axis=1)


def supervoxels(
    model: VideoModel,
    clip: Tensor,
    segments: int,
    compactness: float = 10.0,
    spacing: float | None = None,
) -> Tensor:
    """Return the number of the piece that each voxel is in, int64 (T,H,W) on the clip's device.

    Pieces are connected, numbered 0 to n - 1 in the order in which they are met, and the same for
    the same clip; n is near `segments`, not equal to it.

    Args:
        model: its preprocessing says which colours the clip's numbers are.
        clip: (C,T,H,W), preprocessed.
        segments: pieces wanted.
        compactness: how much place counts against colour, in units of L*: 1 follows colours
            closely, 100 gives near boxes.
        spacing: px that a frame's step is worth; when not given, the clip counts as a cube, so that
            pieces are cut along all three axes alike.

    Raises:
        InputError: one of them is not above 0.
    """
    if segments < 1 or compactness <= 0 or (spacing is not None and spacing <= 0):
        raise InputError(
            f"segments {segments}, compactness {compactness}, spacing {spacing} in the options of "
            "a method: supervoxels need numbers above 0"
        )
    colours = lab(model, clip)
    shape = colours.shape[:3]
    step = spacing or float(np.sqrt(shape[1] * shape[2])) / shape[0]
    labels = slic(colours, segments, compactness, (step, 1.0, 1.0))
    return torch.from_numpy(connected(labels)).to(clip.device)


def present(clip: Tensor, nothing: Tensor, labels: Tensor, sets: np.ndarray) -> Iterator[Tensor]:
    """Yield the clip with only some of its pieces, once for each row of `sets` (m,n)."""
    for there in torch.from_numpy(sets.astype(bool)).to(clip.device):
        yield torch.where(there[labels], clip, nothing)


def lab(model: VideoModel, clip: Tensor) -> np.ndarray:
    """Return the CIELAB colours of a preprocessed clip, float32 (T,H,W,3)."""
    about = model.preprocess
    values = clip.detach().permute(1, 2, 3, 0).cpu().double().numpy()
    colours = (values * np.array(about.std) + np.array(about.mean)) / (about.scale * 255)
    if about.channels == "bgr":
        colours = colours[..., ::-1]
    colours = colours.clip(0, 1)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _XYZ.T / _WHITE
    dark = ratio * (29 / 6) ** 2 / 3 + 4 / 29
    x, y, z = np.moveaxis(np.where(ratio <= (6 / 29) ** 3, dark, np.cbrt(ratio)), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def slic(
    colours: np.ndarray, segments: int, compactness: float, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Return labels int64 (T,H,W) of colours (T,H,W,3): k-means on colour and place, 10 rounds."""
    shape = colours.shape[:3]
    extents = [extent * own for extent, own in zip(shape, spacing, strict=True)]
    edge = float(np.prod(extents) / segments) ** (1 / 3)
    points = _points(colours, spacing, compactness / edge)
    centres = points.reshape(*shape, 6)[_seeds(shape, extents, edge)].astype(np.float64)
    labels = np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        before, labels = labels, _nearest(points, centres)
        if np.array_equal(before, labels):
            break
        centres = _means(points, labels, centres)
    return labels.reshape(shape)


def connected(labels: np.ndarray) -> np.ndarray:
    """Return labels (T,H,W) whose pieces are connected: apart ones are split, small ones joined."""
    pieces = _components(labels)
    smallest = labels.size / len(np.unique(labels)) * SMALLEST
    while True:
        sizes = np.bincount(pieces.ravel())
        small = np.flatnonzero(sizes < smallest)
        if not len(small) or len(sizes) == 1:
            return _in_order(pieces)
        pieces = _joined(pieces, small, len(sizes))


def _points(colours: np.ndarray, spacing: tuple, scale: float) -> np.ndarray:
    """Return (V,6) float32: colour, and place in units that make D^2 a plain square distance."""
    grid = np.indices(colours.shape[:3], dtype=np.float32)
    places = [axis * np.float32(own * scale) for axis, own in zip(grid, spacing, strict=True)]
    return np.concatenate([colours, np.stack(places, axis=-1)], axis=-1).reshape(-1, 6)


def _seeds(shape: tuple, extents: list[float], edge: float) -> tuple[np.ndarray, ...]:
    """Return the frames, rows and columns of the first centres, on a grid."""
    axes = []
    for count, extent in zip(shape, extents, strict=True):
        number = min(max(1, round(extent / edge)), count)
        axes.append(((np.arange(number) + 0.5) * count / number).astype(int))
    return tuple(axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))


def _nearest(points: np.ndarray, centres: np.ndarray, chunk: int = 1 << 16) -> np.ndarray:
    """Return the number of each point's nearest centre, the lower of equally near ones."""
    own = centres.astype(np.float32)
    # |p - c|^2 without the |p|^2 that all centres have in common.
    half = (own**2).sum(axis=1) / 2
    places = range(0, len(points), chunk)
    return np.concatenate([(half - points[i : i + chunk] @ own.T).argmin(axis=1) for i in places])


def _means(points: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the mean of each centre's points, or the centre itself when it has none."""
    counts = np.bincount(labels, minlength=len(centres))
    sums = [np.bincount(labels, axis, minlength=len(centres)) for axis in points.T]
    means = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    return np.where(counts[:, None] > 0, means, centres)


def _faces(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values on both sides of every face between two voxels."""
    ones, others = [], []
    for axis in range(3):
        front = [slice(None)] * 3
        back = [slice(None)] * 3
        front[axis], back[axis] = slice(None, -1), slice(1, None)
        ones.append(values[tuple(front)].ravel())
        others.append(values[tuple(back)].ravel())
    return np.concatenate(ones), np.concatenate(others)


def _components(labels: np.ndarray) -> np.ndarray:
    """Return the number of the connected piece of equal labels that each voxel is in."""
    one, other = _faces(labels)
    first, second = _faces(np.arange(labels.size).reshape(labels.shape))
    same = one == other
    return _grouped(first[same], second[same], labels.size).reshape(labels.shape)


def _joined(pieces: np.ndarray, small: np.ndarray, count: int) -> np.ndarray:
    """Return pieces with every small one joined to the neighbour it shares most faces with."""
    one, other = _faces(pieces)
    apart = one != other
    pairs = np.concatenate([one[apart] * count + other[apart], other[apart] * count + one[apart]])
    pairs, faces = np.unique(pairs, return_counts=True)
    own, neighbour = pairs // count, pairs % count
    order = np.lexsort((neighbour, -faces, own))
    # Of each piece's neighbours the first in this order: most faces, then the lowest number.
    best = order[np.unique(own[order], return_index=True)[1]]
    chosen = best[np.isin(own[best], small)]
    return _grouped(own[chosen], neighbour[chosen], count)[pieces]


def _grouped(ones: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Return the number of the group that each of `count` things is in, given pairs of them."""
    edges = coo_array((np.ones(len(ones), np.int8), (ones, others)), shape=(count, count))
    return connected_components(edges, directed=False)[1].astype(np.int64)


def _in_order(pieces: np.ndarray) -> np.ndarray:
    """Return pieces numbered in the order in which they are met."""
    _, first, inverse = np.unique(pieces.ravel(), return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse].reshape(pieces.shape)
