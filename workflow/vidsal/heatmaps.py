"""The heatmap file: one HDF5 per (dataset, model, method, shard), one group per video.

Group: `saliency` (T,H,W), or (H,W) once aggregated over the clip, float32 with 10 mantissa bits,
chunk (1,H,W), shuffle + gzip 1 + fletcher32, at the method's native resolution; `frame_index`
(frame numbers of the source), `time` in seconds, dimension scales, so that xarray opens it as it
is; attributes with the transform from source pixels to map pixels and where the map came from.
No time of writing is stored: two runs give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from vidsal.errors import InputError
from vidsal.parts import Found, replacing

SCHEMA = "vidsal-heatmaps/1"
MANTISSA_BITS = 10
FILTERS = {"shuffle": True, "compression": "gzip", "compression_opts": 1, "fletcher32": True}
SCALES = {"time": 0, "y": 1, "x": 2}
SCALE_ATTRIBUTES = ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST")


@dataclass(frozen=True)
class Heatmap:
    """The map of one video: saliency (T,H,W) or (H,W), source-to-map transform, attributes."""

    saliency: np.ndarray
    transform: np.ndarray
    frame_index: np.ndarray
    time: np.ndarray
    attrs: dict[str, object] = field(default_factory=dict)


def round_mantissa(values: np.ndarray, bits: int = MANTISSA_BITS) -> np.ndarray:
    """Return float32 values rounded to `bits` explicit mantissa bits, halves to even.

    Changes NSS by at most 2e-4 and KL by 2e-5, and halves the file; float16 would lose small
    gradients and uint8 changes KL by up to 2.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    raw, drop = values.view(np.uint32), np.uint32(23 - bits)
    made = raw >> drop
    made &= np.uint32(1)
    # Half a step below halves, a whole half for odd ones: the carry rounds. In place, since a
    # whole video's maps may be gigabytes.
    made += np.uint32((1 << int(drop - 1)) - 1)
    made += raw
    made &= np.uint32(0xFFFFFFFF ^ ((1 << int(drop)) - 1))
    rounded = made.view(np.float32)
    odd_ones = ~np.isfinite(values)
    rounded[odd_ones] = values[odd_ones]
    return rounded


def write_part(path: Path, heatmap: Heatmap) -> None:
    """Write the map of one video as a part, a file whose group is called `video`."""
    saliency = round_mantissa(heatmap.saliency)
    with h5py.File(path, "w", libver="v110") as file:
        group = file.create_group("video")
        _write_maps(group, saliency)
        digest = hashlib.sha256(np.ascontiguousarray(saliency)).hexdigest()
        _write_rest(group, heatmap, saliency.shape, digest)


def _write_rest(group: h5py.Group, heatmap: Heatmap, shape: tuple[int, ...], digest: str) -> None:
    """Write all of a map but its values: places, times, attributes."""
    group["frame_index"] = np.asarray(heatmap.frame_index, dtype=np.int64)
    group["time"] = np.asarray(heatmap.time, dtype=np.float64)
    group["y"] = np.arange(shape[-2], dtype=np.float64)
    group["x"] = np.arange(shape[-1], dtype=np.float64)
    attrs = dict(heatmap.attrs) | {
        "transform": np.asarray(heatmap.transform, dtype=np.float64),
        "sha256": digest,
    }
    write_attrs(group, attrs)


def write_pieces(
    path: Path,
    pieces: Iterable[np.ndarray],
    frames: int,
    describe: Callable[[tuple[int, int]], Heatmap],
) -> None:
    """Write the map of one video as a part while it is being made: what `write_part` writes.

    Args:
        path: of the part.
        pieces: the map's frames in order, float32 (t,H,W).
        frames: how many there are in all.
        describe: size (H,W) of the map to all the rest of it, with an empty saliency.

    Raises:
        InputError: the pieces are of no or of another number of frames.
    """
    digest, done = hashlib.sha256(), 0
    with h5py.File(path, "w", libver="v110") as file:
        group = file.create_group("video")
        for piece in pieces:
            rounded = round_mantissa(piece)
            if not done:
                made = _empty_maps(group, (frames, *rounded.shape[1:]))
            if done + len(rounded) > frames:
                raise InputError(f"more maps than the {frames} frames of the video; give one each")
            made[done : done + len(rounded)] = rounded
            digest.update(rounded)
            done += len(rounded)
        if not done or done < frames:
            raise InputError(f"{done} maps for the {frames} frames of the video; give one each")
        heatmap = describe(made.shape[1:])
        _write_rest(group, heatmap, made.shape, digest.hexdigest())


def _empty_maps(group: h5py.Group, shape: tuple[int, ...]) -> h5py.Dataset:
    return group.create_dataset(
        "saliency", shape=shape, dtype=np.float32, chunks=_chunk(shape), **FILTERS
    )


def _chunk(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (len(shape) - 2) + tuple(shape[-2:])


def _write_maps(group: h5py.Group, saliency: np.ndarray) -> None:
    group.create_dataset("saliency", data=saliency, chunks=_chunk(saliency.shape), **FILTERS)


def assemble(path: Path, members: Iterable[tuple[str, Found]], attrs: dict[str, object]) -> None:
    """Write a shard file by group copy, in the order given; `complete=1` is written last."""
    with replacing(Path(path)) as temporary, h5py.File(temporary, "w", libver="v110") as file:
        write_attrs(file, attrs)
        for video, found in members:
            with h5py.File(found.path, "r", locking=False) as source:
                copy_group(source[found.group or "video"], file.create_group(video))
        file.attrs["complete"] = 1


def copy_group(source: h5py.Group, target: h5py.Group) -> None:
    """Copy one video's group so that the bytes do not depend on the file it comes from.

    References to dimension scales do not survive a copy between files, so the scales are attached
    anew.
    """
    write_attrs(target, dict(source.attrs))
    for name in sorted(source):
        if source[name].chunks:
            _copy_chunks(source[name], target, name)
        else:
            source.copy(source[name], target, name=name, without_attrs=True)
        kept = {k: v for k, v in source[name].attrs.items() if k not in SCALE_ATTRIBUTES}
        write_attrs(target[name], kept)
    _attach_scales(target)


def _copy_chunks(source: h5py.Dataset, target: h5py.Group, name: str) -> None:
    """Copy a dataset chunk by chunk as stored, without unpacking.

    HDF5's own copy of a dataset of one chunk has other header bytes than a copy of that copy.
    """
    own = source.id
    made = h5py.h5d.create(
        target.id, name.encode(), own.get_type(), own.get_space(), own.get_create_plist()
    )
    for steps in np.ndindex(
        *(-(-n // c) for n, c in zip(source.shape, source.chunks, strict=True))
    ):
        offset = tuple(step * chunk for step, chunk in zip(steps, source.chunks, strict=True))
        filter_mask, stored = own.read_direct_chunk(offset)
        made.write_direct_chunk(offset, stored, filter_mask)


def _attach_scales(group: h5py.Group) -> None:
    if "saliency" not in group:
        return
    missing = 3 - group["saliency"].ndim
    for name, axis in SCALES.items():
        if axis >= missing and name in group:
            group[name].make_scale(name)
            group["saliency"].dims[axis - missing].attach_scale(group[name])


def write_attrs(target: h5py.Group | h5py.Dataset, attrs: dict[str, object]) -> None:
    """Write attributes in sorted order, since HDF5 keeps the order of writing in its bytes."""
    for name in sorted(attrs):
        target.attrs[name] = attrs[name]


def open_file(path: str | Path) -> h5py.File:
    """Open a shard file for reading without locks.

    Raises:
        InputError: the file is not there, not HDF5, or was never completed.
    """
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise InputError(f"{path}: no readable HDF5 file ({error}); delete it and rerun") from error
    if not file.attrs.get("complete"):
        file.close()
        raise InputError(f"{path}: the file was never completed; delete it and rerun")
    return file


def read(file: h5py.File, video: str) -> Heatmap:
    """Return the map of one video of an open shard file."""
    group = file[video]
    return Heatmap(
        saliency=group["saliency"][()],
        transform=group.attrs["transform"],
        frame_index=group["frame_index"][()],
        time=group["time"][()],
        attrs=dict(group.attrs),
    )


def read_all(path: str | Path) -> Iterator[tuple[str, Heatmap]]:
    """Yield (video, map) of every video of a shard file, one in memory at a time."""
    with open_file(path) as file:
        for video in file:
            yield video, read(file, video)
