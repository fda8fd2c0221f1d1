"""A video's frames as the workflow keeps them in frames.h5, but in memory."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np

from vidsal.errors import InputError
from vidsal.video._canvas import Canvas, part
from vidsal.video.frames import canvas_size, write_frames
from vidsal.video.trim import trim

Video = str | Path | np.ndarray | h5py.Group


@contextlib.contextmanager
def frames(
    video: Video, start: int | None, end: int | None, fps: float, max_side: int
) -> Iterator[tuple[str, h5py.Group]]:
    """Yield a video's name and the group of its frames.

    Args:
        video: a file, a folder of frames, frames uint8 (T,H,W,3) RGB, or a group, which is yielded.
        start: first frame; None for the first.
        end: frame behind the last; None for all.
        fps: frames per second of an array or a folder.
        max_side: longest side of the frames.

    Raises:
        InputError: an array of another kind, or a video that cannot be used.
    """
    if isinstance(video, h5py.Group):
        yield video.name.strip("/").replace("/", "."), video
        return
    with h5py.File(f"{id(video)}.h5", "w", driver="core", backing_store=False) as file:
        group = file.create_group("video")
        if isinstance(video, np.ndarray):
            _write_array(video[start:end], group, start or 0, fps, max_side)
        else:
            _write_file(Path(video), group, (start, end), fps, max_side)
        group.attrs["part_key"] = ""
        yield "video" if isinstance(video, np.ndarray) else Path(video).stem, group


def _write_file(
    path: Path, group: h5py.Group, part_: tuple[int | None, int | None], fps: float, max_side: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mkv"
        rate = fps if path.is_dir() else None
        health = trim(path, clip, start=part_[0], end=part_[1], fps=rate)
        write_frames(clip, health, group, max_side=max_side)


def _write_array(
    video: np.ndarray, group: h5py.Group, start: int, fps: float, max_side: int
) -> None:
    if video.ndim != 4 or video.shape[3] != 3 or video.dtype != np.uint8 or not video.size:
        raise InputError(
            f"video: an array {video.dtype} {video.shape}; give frames uint8 (T,H,W,3), RGB"
        )
    size = video.shape[1:3]
    canvas = Canvas(part(size, None), canvas_size(size, max_side), grey=False)
    rate = Fraction(fps).limit_denominator(1001)
    group["frames"] = np.stack([canvas.draw(frame) for frame in video])
    group["time"] = np.arange(len(video)) / float(rate)
    group["frame_index"] = start + np.arange(len(video))
    known = {
        "fps": f"{rate.numerator}/{rate.denominator}",
        "start_time": start / float(rate),
        "source_sha256": hashlib.sha256(np.ascontiguousarray(video)).hexdigest(),
        "source_size": np.asarray(size, np.int64),
        "canvas_size": np.asarray(canvas.size, np.int64),
        "transform": canvas.matrix(),
    }
    group.attrs.update(known)
