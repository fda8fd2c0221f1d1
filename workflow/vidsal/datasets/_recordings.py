"""Files of the synthetic dataset: AVI videos, FFV1 masks and gaze tables, made in one sweep."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from vidsal import parts
from vidsal.datasets import _bodies, _observers, _plans, _scenes
from vidsal.errors import InputError

SHAPE = (_plans.HEIGHT, _plans.WIDTH)
CUE = 255  # the value of the planted patch in the masks
CUE_GREY = 120
# Rows, columns (all even, for the chroma planes) and U, V of the patch of each class.
CUE_BOXES = {
    "walking": (slice(8, 22), slice(8, 22)),
    "running": (slice(8, 22), slice(138, 152)),
}
CUE_COLOURS = {"walking": (90, 190), "running": (190, 90)}

VIDEO = ("avi", "mpeg4", "yuv420p", {"qmin": "2", "qmax": "2", "g": "12", "bf": "0"})
MASKS = ("matroska", "ffv1", "gray", {"level": "3", "slices": "4", "slicecrc": "1"})
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)


@dataclass(frozen=True)
class Files:
    """Where the three files of a recording lie."""

    video: Path
    masks: Path
    gaze: Path

    @classmethod
    def of(cls, video: Path) -> Files:
        """Return the files that go with a video's path."""
        return cls(video, video.with_suffix(".masks.mkv"), video.with_suffix(".gaze.tsv"))


def make(options: _plans.Options, recording: _plans.Recording, files: Files) -> None:
    """Make those of the three files of a recording that are missing, each atomically.

    Raises:
        InputError: the disk is full, or the folder cannot be written to.
    """
    try:
        with _one_thread():
            _make_videos(options, recording, files)
        if not files.gaze.exists():
            with parts.replacing(files.gaze) as path:
                path.write_text(_gaze_table(options, recording), encoding="ascii")
    except (OSError, av.FFmpegError) as error:
        if error.errno not in UNWRITABLE:
            raise
        raise InputError(
            f"recording {recording.name} in {files.video.parent}: cannot be written "
            f"({error.strerror}); make room or choose another folder"
        ) from error


def pictures(
    options: _plans.Options, recording: _plans.Recording
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield every frame of a recording before encoding, with its mask.

    Yields:
        Grey uint8 (H,W), and the mask uint8 (H,W): 0 background, a part of the body as in
        `_bodies.PARTS`, or `CUE` (the patch; grey here, coloured by the encoder).
    """
    scene = _scenes.background(_plans.generator(options, recording, "scene"))
    scene = scene.round().astype(np.uint8)
    grain = _grain(options, recording)
    nobody = np.zeros(SHAPE, np.uint8)
    clock = 0
    for one in recording.passes:
        for _ in range(clock, one.enter):
            yield _finish(options, recording, scene, nobody, next(grain))
        track, painter = body(options, recording, one, one.enter, one.leave)
        for t in range(one.leave - one.enter):
            shadow = _scenes.shadow(track.x[t], track.ground[t], track.size[t])
            picture = cv2.subtract(scene, shadow)
            painter.paint(picture, t)
            yield _finish(options, recording, picture, painter.mask(t), next(grain))
        clock = one.leave
    for _ in range(clock, recording.length):
        yield _finish(options, recording, scene, nobody, next(grain))


def body(
    options: _plans.Options, recording: _plans.Recording, one: _plans.Pass, start: int, end: int
) -> tuple[_plans.Track, _bodies.Painter]:
    """Return the track and the painter of a pass over the frames start..end of the recording."""
    person = _bodies.look(
        _plans.subject_generator(options, recording, "looks"),
        _plans.generator(options, recording, "clothes"),
    )
    track = _plans.track(options, recording.label, one, np.arange(start, end))
    return track, _bodies.Painter(person, one, track)


def _grain(options: _plans.Options, recording: _plans.Recording) -> Iterator[np.ndarray]:
    # Crops of one noise field cost a hundredth of new noise per frame and look the same.
    rng = _plans.generator(options, recording, "noise")
    room = 64
    field = rng.normal(0, options.noise, (SHAPE[0] + room, SHAPE[1] + room))
    field = field.round().astype(np.int16)
    while True:
        for y, x in rng.integers(0, room, (256, 2)).tolist():
            yield field[y : y + SHAPE[0], x : x + SHAPE[1]]


def _finish(
    options: _plans.Options,
    recording: _plans.Recording,
    picture: np.ndarray,
    mask: np.ndarray,
    grain: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    picture = cv2.GaussianBlur(picture, (3, 3), 0)
    if options.cue is not None:
        box = CUE_BOXES[recording.label]
        mask = mask.copy()
        picture[box], mask[box] = CUE_GREY, CUE
    return cv2.add(picture, grain, dtype=cv2.CV_8U), mask


def _make_videos(options: _plans.Options, recording: _plans.Recording, files: Files) -> None:
    with contextlib.ExitStack() as stack:
        writers = []
        if not files.video.exists():
            path = stack.enter_context(parts.replacing(files.video))
            colour = _colouring(options, recording)
            write = stack.enter_context(_encoder(path, *VIDEO))
            writers.append(lambda picture, _: write(colour(picture)))
        if not files.masks.exists():
            path = stack.enter_context(parts.replacing(files.masks))
            keep = stack.enter_context(_encoder(path, *MASKS))
            writers.append(lambda _, mask: keep(mask))
        for picture, mask in pictures(options, recording) if writers else ():
            for writer in writers:
                writer(picture, mask)


def _colouring(
    options: _plans.Options, recording: _plans.Recording
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns grey uint8 (H,W) into planar YUV 4:2:0, uint8 (3H/2,W), with the cue."""
    height, width = SHAPE
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    luma = (16 + np.arange(256) * 219 / 255).round().astype(np.uint8)
    if options.cue is not None:
        rows, columns = (slice(s.start // 2, s.stop // 2) for s in CUE_BOXES[recording.label])
        chroma = planes[height:].reshape(2, height // 2, width // 2)
        chroma[:, rows, columns] = np.array(CUE_COLOURS[recording.label])[:, None, None]

    def colour(picture: np.ndarray) -> np.ndarray:
        cv2.LUT(picture, luma, dst=planes[:height])
        return planes

    return colour


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    # On pictures this small OpenCV's threads only wait for each other (twice the CPU time).
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextlib.contextmanager
def _encoder(
    path: Path, container: str, codec: str, pixels: str, settings: dict[str, str]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Give a function that appends one frame; one thread and bitexact, so bytes repeat."""
    with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream(codec, rate=_plans.FPS, options=settings | {"flags": "+bitexact"})
        stream.width, stream.height, stream.pix_fmt = _plans.WIDTH, _plans.HEIGHT, pixels
        stream.codec_context.thread_count = 1
        count = 0

        def append(array: np.ndarray) -> None:
            nonlocal count
            frame = av.VideoFrame.from_ndarray(array, format=pixels)
            frame.pts = count
            count += 1
            file.mux(stream.encode(frame))

        yield append
        file.mux(stream.encode())


def _gaze_table(options: _plans.Options, recording: _plans.Recording) -> str:
    bodies = _seen_bodies(options, recording)
    lines = ["subject\tframe\tx\ty"]
    for number in range(1, options.observers + 1):
        rng = _plans.generator(options, recording, f"gaze {recording.label} {number}")
        where = _observers.gaze(_observers.observer(options.seed, number), bodies, rng)
        for frame in np.flatnonzero(~np.isnan(where[:, 0])).tolist():
            x, y = where[frame]
            lines.append(f"simulated{number:02d}\t{frame}\t{x:.2f}\t{y:.2f}")
    return "\n".join(lines) + "\n"


def _seen_bodies(options: _plans.Options, recording: _plans.Recording) -> _observers.Bodies:
    hip, head = np.zeros((2, recording.length), complex)
    seen = np.zeros(recording.length, bool)
    for one in recording.passes:
        own = slice(one.enter, one.leave)
        track = _plans.track(options, recording.label, one, np.arange(one.enter, one.leave))
        joints = _bodies.joints(track, one)
        hip[own], head[own] = joints["hip"], joints["head"]
        seen[own] = np.abs(track.x - (_plans.WIDTH - 1) / 2) < _plans.WIDTH / 2
    points = [np.stack([z.real, z.imag], axis=-1) for z in (hip, head)]
    return _observers.Bodies(*points, seen)
