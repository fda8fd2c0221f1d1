"""Frames of a trimmed clip, shrunk to the canvas and kept in HDF5 for all later steps.

One group per video: `frames` uint8 (T,H,W,3) RGB, contiguous, or `jpeg` (T,) of JPEG bytes; `time`
float64 (T,) s since the first frame of the clip; `frame_index` int64 (T,) frame numbers of the
source. Attributes: fps ("25/1"), start_time (s on the source's clock, which is 0 at the source's
first frame, so that start_time + time are the frames' times in the source), source_sha256,
source_size and canvas_size [H, W], transform (3,3): source px -> canvas px.

Where only every n-th frame of the clip is kept, the attribute `every` is n, fps is that of the kept
frames, and `clip_time`, `clip_frame_index` are time and number of all frames of the clip.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

import av
import cv2
import h5py
import numpy as np

from vidsal.errors import DamagedVideo, InputError
from vidsal.video import _folders
from vidsal.video._canvas import Canvas, asked, part, transform
from vidsal.video._disk import check_space, disk_full
from vidsal.video.decode import Health, decode, of_file, pictures

__all__ = [
    "canvas_size",
    "check_space",
    "disk_full",
    "estimate_bytes",
    "read_frames",
    "read_masks",
    "read_numbered",
    "transform",
    "write_frames",
]
STORES = ("raw", "jpeg95")
QUALITY = 95
# JPEG95 of five real clips took 0.18 to 0.43 bytes a pixel; twice the worst is on the safe side.
JPEG_BYTES_PER_PIXEL = 0.9


def write_frames(
    mkv: str | Path,
    health: dict,
    h5group: h5py.Group,
    *,
    max_side: int = 342,
    store: str = "raw",
    crop: str | Sequence[int] | None = None,
    resize: Sequence[int] | None = None,
    grey: bool = False,
    every: int = 1,
) -> None:
    """Decode a trimmed clip into an open HDF5 group, shrunk so that its longest side fits.

    Shrinking averages areas (cv2.INTER_AREA); a clip that fits is stored as it is, unless it is to
    be cropped, resized, made grey, or thinned.

    Args:
        mkv: clip that `trim` wrote.
        health: the record that `trim` returned for it.
        h5group: open, empty group.
        max_side: longest side of the canvas in pixels.
        store: `raw`, or `jpeg95` (several times smaller, lossy).
        crop: part of the picture that is kept: None (all), `centre` (the largest square in the
            middle), or [x, y, width, height] in source px.
        resize: [width, height] of the canvas, larger or smaller, in place of `max_side`.
        grey: all three channels hold the luma (BT.601).
        every: every n-th frame is kept, from the first on.

    Raises:
        InputError: an option has no such value, the video no such part, or the disk is full.
        DamagedVideo: the clip is not the one that the record describes.
    """
    plan = _plan(health["size"], max_side, store, crop, resize, grey)
    count = len(health["times"])
    with disk_full(h5group.file.filename):
        append = _dataset(h5group, (_kept(count, every), *plan.size, 3), store)
        shown = _check_count(mkv, (frame.rgb for frame in decode(mkv)), count)
        for number, rgb in enumerate(shown):
            if number % every == 0:
                append(number // every, _resize(rgb, plan))
        h5group["time"] = np.asarray(health["times"], np.float64)[::every]
        h5group["frame_index"] = np.asarray(health["frame_index"], np.int64)[::every]
        h5group.attrs["fps"] = _slower(health["fps"], every)
        h5group.attrs["start_time"] = float(health["start_time"])
        h5group.attrs["source_sha256"] = health["source_sha256"]
        h5group.attrs["source_size"] = np.asarray(health["size"], np.int64)
        h5group.attrs["canvas_size"] = np.asarray(plan.size, np.int64)
        h5group.attrs["transform"] = plan.matrix()
        if every > 1:
            h5group["clip_time"] = np.asarray(health["times"], np.float64)
            h5group["clip_frame_index"] = np.asarray(health["frame_index"], np.int64)
            h5group.attrs["every"] = every


def read_frames(h5group: h5py.Group, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Return frames [start, stop) of a group that `write_frames` filled, uint8 (T,H,W,3) RGB.

    Take every n-th frame with numpy afterwards; striding inside HDF5 is a hundred times slower.
    """
    if "frames" in h5group:
        return h5group["frames"][start:stop]
    return _decompressed(h5group, h5group["jpeg"][start:stop])


def read_numbered(
    h5group: h5py.Group, numbers: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Return frames of ascending numbers (T,) of a group, uint8 (T,H,W,3) RGB.

    Raw frames of a file that is open for reading are fetched one by one from where they lie in it,
    which HDF5 would do several times more slowly; others are read in one piece and picked from.

    Args:
        h5group: that `write_frames` filled.
        numbers: of the frames.
        out: what an earlier call returned and nobody looks at any more; it is filled anew and
            returned where it is of the right shape, since making an array costs as much as filling
            it.

    Raises:
        IndexError: there are no such frames.
        OSError: the file ends before it should.
    """
    place, (first, last) = _place(h5group), (int(numbers[0]), int(numbers[-1]))
    count = len(h5group["time"]) if place is None else place.shape[0]
    if first < 0 or last >= count:
        raise IndexError(f"{h5group.name}: frames {first} to {last} of {count}")
    if place is not None:
        return place.read(numbers, out)
    if "frames" in h5group:
        return h5group["frames"][first : last + 1][numbers - first]
    return _decompressed(h5group, h5group["jpeg"][first : last + 1][numbers - first], out)


def read_masks(path: str | Path, start: int | None = None, end: int | None = None) -> np.ndarray:
    """Return the labels of frames [start, end) of a mask recording, uint8 (T,H,W), unchanged.

    Args:
        path: a video of grey pixels in a lossless codec (FFV1), or a folder of PNG files with grey
            or palette pixels (the number of the palette entry is the label).
        start: first frame number; None for the first.
        end: frame number behind the last; None for all.

    Raises:
        InputError: pixels are no labels, or frames are missing.
    """
    first = int(start or 0)
    found = _mask_pictures(path)
    with contextlib.closing(found):
        masks = [_labels(path, frame) for frame in islice(found, first, end)]
    if not masks or (end is not None and len(masks) < end - first):
        wanted = f"frames {first} to {'the end' if end is None else end} (end exclusive)"
        raise InputError(
            f"masks {path}: {wanted} were asked for and {len(masks)} are there; give one mask for "
            "every frame of the video"
        )
    if len({mask.shape for mask in masks}) > 1:
        sizes = sorted({f"{mask.shape[1]}x{mask.shape[0]}" for mask in masks})
        raise InputError(
            f"masks {path}: pictures of {' and '.join(sizes)} px (width x height); give all "
            "of them one size"
        )
    return np.stack(masks)


def canvas_size(size: tuple[int, int], max_side: int, store: str = "raw") -> tuple[int, int]:
    """Return (H, W) of the canvas for a source of `size` (H, W): never larger than the source.

    Raises:
        InputError: `max_side` is below 1, or there is no such `store`.
    """
    if max_side < 1:
        raise InputError(f"max_side: {max_side!r} is no size; give the longest side in pixels")
    if store not in STORES:
        raise InputError(f"store: {store!r} is none of {', '.join(STORES)}")
    shrink = min(1.0, max_side / max(size))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def estimate_bytes(
    n_frames: int,
    size: tuple[int, int],
    max_side: int = 342,
    store: str = "raw",
    *,
    crop: str | Sequence[int] | None = None,
    resize: Sequence[int] | None = None,
    grey: bool = False,
    every: int = 1,
) -> int:
    """Return the bytes that `write_frames` will need; exact for raw pixels, high for `jpeg95`."""
    height, width = _plan(size, max_side, store, crop, resize, grey).size
    each = 3 if store == "raw" else JPEG_BYTES_PER_PIXEL
    clocks = 16 * n_frames if every > 1 else 0
    return int(_kept(n_frames, every) * (height * width * each + 16)) + clocks


def _plan(
    size: Sequence[int],
    max_side: int,
    store: str,
    crop: str | Sequence[int] | None,
    resize: Sequence[int] | None,
    grey: bool,
) -> Canvas:
    """Return where the pixels of a source (H, W) go."""
    kept = part(size, crop)
    made = canvas_size((kept[3], kept[2]), max_side, store)
    return Canvas(kept, made if resize is None else asked(resize), grey)


def _kept(count: int, every: int) -> int:
    """Return how many frames are left when every n-th is kept."""
    if every < 1:
        raise InputError(f"every: {every!r}: give 1 (all frames) or more")
    return -(-count // every)


def _slower(fps: str, every: int) -> str:
    """Return frames per second as "25/1" when every n-th is kept."""
    if every == 1:
        return fps
    made = Fraction(fps) / every
    return f"{made.numerator}/{made.denominator}"


def _dataset(group: h5py.Group, shape: tuple[int, ...], store: str) -> object:
    """Make the dataset of a store; return a function (number, rgb) that fills it."""
    if store == "raw":
        return group.create_dataset("frames", shape, np.uint8).__setitem__
    made = group.create_dataset("jpeg", shape[:1], h5py.vlen_dtype(np.uint8))

    def append(number: int, rgb: np.ndarray) -> None:
        options = (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
        made[number] = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), options)[1]

    return append


def _check_count(mkv: str | Path, frames: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    seen = 0
    for frame in islice(frames, count + 1):
        seen += 1
        if seen <= count:
            yield frame
    if seen != count:
        raise DamagedVideo(
            f"clip {mkv}: its record tells of {count} frames, the file has "
            f"{'more' if seen > count else seen}; delete both and run again"
        )


class _Place(NamedTuple):
    """Where raw frames (T,H,W,3) lie in a file that is open for reading."""

    descriptor: int
    start: int
    shape: tuple[int, int, int, int]
    name: str

    def read(self, numbers: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        """Return frames, each of which is read from its own place."""
        frames = _array((len(numbers), *self.shape[1:]), out)
        for frame, number in zip(frames, numbers.tolist(), strict=True):
            place = self.start + number * frame.nbytes
            if os.preadv(self.descriptor, [frame], place) != frame.nbytes:
                raise OSError(f"{self.name}: it ends in frame {number}; delete it and rerun")
        return frames


# Asking HDF5 costs up to half of what reading a clip does, so what it said of a group is kept as
# long as the group is.
_PLACES: WeakKeyDictionary[h5py.h5g.GroupID, _Place] = WeakKeyDictionary()


def _place(group: h5py.Group) -> _Place | None:
    """Return where the frames lie, if what is on the disk there is what HDF5 would give."""
    if group and (known := _PLACES.get(group.id)):  # a closed group is false
        return known
    data, file = group.get("frames"), group.file
    if data is None or file.mode != "r" or file.driver != "sec2" or data.id.get_offset() is None:
        return None
    handle = file.id.get_vfd_handle()
    _PLACES[group.id] = _Place(handle, data.id.get_offset(), data.shape, file.filename)
    return _PLACES[group.id]


def _array(shape: tuple[int, ...], out: np.ndarray | None) -> np.ndarray:
    """Return an array uint8 to be filled: `out` if it is of that shape, else a new one."""
    return out if out is not None and out.shape == shape else np.empty(shape, np.uint8)


def _decompressed(
    group: h5py.Group, stored: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    height, width = group.attrs["canvas_size"]
    frames = _array((len(stored), height, width, 3), out)
    for number, data in enumerate(stored):
        frames[number] = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return frames


def _resize(rgb: np.ndarray, plan: Canvas) -> np.ndarray:
    return plan.draw(rgb)


def _mask_pictures(path: str | Path) -> Iterator[av.VideoFrame]:
    if not _folders.is_stills(path):
        yield from (picture.pixels for picture in pictures(path, Health()))
        return
    for file in _folders.pictures(path, (".png",)):
        # As a film, because OpenCV would turn the numbers of a palette into its colours.
        yield from (picture.pixels for picture in of_file(file, Health()))


def _labels(path: str | Path, frame: av.VideoFrame) -> np.ndarray:
    if frame.format.name == "gray":
        return frame.to_ndarray()
    if frame.format.name == "pal8":
        return frame.to_ndarray()[0]
    raise InputError(
        f"masks {path}: pixels are {frame.format.name}, not labels; store one number per pixel "
        "(grey FFV1, or grey or palette PNG)"
    )
