"""Frames of a trimmed clip, shrunk to the canvas and kept in HDF5 for all later steps.

One group per video: `frames` uint8 (T,H,W,3) RGB, contiguous, or `jpeg` (T,) of JPEG bytes; `time`
float64 (T,) s since the first frame of the clip; `frame_index` int64 (T,) frame numbers of the
source. Attributes: fps ("25/1"), source_sha256, source_size and canvas_size [H, W], transform
(3,3): source px -> canvas px.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import cv2
import h5py
import numpy as np

from vidsal.errors import DamagedVideo, InputError
from vidsal.video import _folders
from vidsal.video._disk import check_space, disk_full
from vidsal.video.decode import Health, decode, pictures

__all__ = [
    "canvas_size",
    "check_space",
    "disk_full",
    "estimate_bytes",
    "read_frames",
    "read_masks",
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
) -> None:
    """Decode a trimmed clip into an open HDF5 group, shrunk so that its longest side fits.

    Shrinking averages areas (cv2.INTER_AREA); a clip that fits is stored as it is.

    Args:
        mkv: clip that `trim` wrote.
        health: the record that `trim` returned for it.
        h5group: open, empty group.
        max_side: longest side of the canvas in pixels.
        store: `raw`, or `jpeg95` (several times smaller, lossy).

    Raises:
        InputError: an option has no such value, or the disk is full.
        DamagedVideo: the clip is not the one that the record describes.
    """
    height, width = canvas_size(health["size"], max_side, store)
    count = len(health["times"])
    with disk_full(h5group.file.filename):
        append = _dataset(h5group, (count, height, width, 3), store)
        shown = _check_count(mkv, (frame.rgb for frame in decode(mkv)), count)
        for number, rgb in enumerate(shown):
            append(number, _resize(rgb, height, width))
        h5group["time"] = np.asarray(health["times"], np.float64)
        h5group["frame_index"] = np.asarray(health["frame_index"], np.int64)
        h5group.attrs["fps"] = health["fps"]
        h5group.attrs["source_sha256"] = health["source_sha256"]
        h5group.attrs["source_size"] = np.asarray(health["size"], np.int64)
        h5group.attrs["canvas_size"] = np.asarray((height, width), np.int64)
        h5group.attrs["transform"] = transform(health["size"], (height, width))


def read_frames(h5group: h5py.Group, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Return frames [start, stop) of a group that `write_frames` filled, uint8 (T,H,W,3) RGB.

    Take every n-th frame with numpy afterwards; striding inside HDF5 is a hundred times slower.
    """
    if "frames" in h5group:
        return h5group["frames"][start:stop]
    height, width = h5group.attrs["canvas_size"]
    stored = h5group["jpeg"][start:stop]
    frames = np.empty((len(stored), height, width, 3), np.uint8)
    for number, data in enumerate(stored):
        frames[number] = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return frames


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


def transform(source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """Return the 3x3 float64 matrix from source px to target px of a resize; sizes are (H, W).

    Pixel centres are at integers, so x' = (x + 0.5) * s - 0.5.
    """
    down, across = target[0] / source[0], target[1] / source[1]
    return np.array(
        [[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]], np.float64
    )


def estimate_bytes(
    n_frames: int, size: tuple[int, int], max_side: int = 342, store: str = "raw"
) -> int:
    """Return the bytes that `write_frames` will need; exact for raw pixels, high for `jpeg95`."""
    height, width = canvas_size(size, max_side, store)
    each = 3 if store == "raw" else JPEG_BYTES_PER_PIXEL
    return int(n_frames * (height * width * each + 16))


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


def _resize(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    if rgb.shape[:2] == (height, width):
        return rgb
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)


def _mask_pictures(path: str | Path) -> Iterator[av.VideoFrame]:
    if not Path(path).is_dir():
        for picture in pictures(path, Health()):
            yield picture.pixels
        return
    for file in _folders.pictures(path, (".png",)):
        for picture in pictures(file, Health()):
            yield picture.pixels


def _labels(path: str | Path, frame: av.VideoFrame) -> np.ndarray:
    if frame.format.name == "gray":
        return frame.to_ndarray()
    if frame.format.name == "pal8":
        return frame.to_ndarray()[0]
    raise InputError(
        f"masks {path}: pixels are {frame.format.name}, not labels; store one number per pixel "
        "(grey FFV1, or grey or palette PNG)"
    )
