"""Every frame of a video in order, upright, packet by packet, with a count of all that went wrong.

Nothing here seeks: with B-frames in AVI, open groups of pictures or MPEG-2, seeking is off by one
frame or more in every reader that was tried. Frame n is the n-th frame that the decoder gives; in a
folder of pictures it is the n-th picture, so that an unreadable one leaves a gap. A single picture
is a video of one frame.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vidsal.errors import DamagedVideo
from vidsal.video import _folders
from vidsal.video.probe import DEFAULT_FPS, open_video, rate, refuse_by_content, turns

log = logging.getLogger(__name__)
EXAMPLES = 5
TRANSPORT_PACKETS = (188, 192, 204)  # bytes; all of a transport stream's are of one of these sizes
Result = TypeVar("Result")


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        index: frame number in the source.
        time: seconds since the first frame of the source.
        rgb: uint8 (H,W,3), upright.
    """

    index: int
    time: float
    rgb: np.ndarray


@dataclass(frozen=True)
class Picture:
    """One frame as the decoder gives it, in its own pixel format, upright."""

    index: int
    time: float
    pixels: av.VideoFrame


@dataclass
class Health:
    """What was met while reading; filled by `pictures` as it goes.

    Attributes:
        frames_decoded: frames given so far.
        corrupt_packets: packets that the file format marks as corrupt.
        corrupt_frames: frames that the decoder marks as corrupt.
        discarded: pictures of the file that are not to be shown: hidden by an edit list, or left
            out while recording (empty slots of an AVI file).
        errors: packets or pictures that could not be decoded.
        messages: the first few errors, each with the frame before which it happened.
        complaints: what FFmpeg logged as an error while it read and decoded; sometimes nothing
            else tells of a file that ends too early, or of a picture that was patched up.
        complaint: the first of them.
        odd_times: frames whose time stamp was missing or not after the one before.
        finished: whether the end of the video was reached.
    """

    frames_decoded: int = 0
    corrupt_packets: int = 0
    corrupt_frames: int = 0
    discarded: int = 0
    errors: int = 0
    messages: list[str] = field(default_factory=list)
    complaints: int = 0
    complaint: str = ""
    odd_times: int = 0
    finished: bool = False

    def error(self, text: str) -> None:
        """Count an error and keep its text if it is among the first few."""
        self.errors += 1
        if len(self.messages) < EXAMPLES:
            self.messages.append(text)

    def complain(self, text: str, count: int = 1) -> None:
        """Count complaints and keep the text of the first."""
        self.complaints += count
        self.complaint = self.complaint or f"before frame {self.frames_decoded}: {text}"


def decode(path: str | Path, *, fps: float | None = None) -> Iterator[Frame]:
    """Yield every frame of a video as RGB, in order.

    8-bit and deeper YUV, grey and palette formats become 8-bit RGB by FFmpeg's rules, with the
    colour matrix and range that the file states (BT.601 and limited where it states none).

    Args:
        path: a video file, a folder of pictures in natural order, or a single picture.
        fps: frames per second of a folder of pictures (25 when not given); files know theirs.

    Raises:
        DamagedVideo: the video cannot be opened, gives no frame, or changes its picture's size.
    """
    health, to_rgb = Health(), Converter()
    for picture in pictures(path, health, fps=fps):
        yield Frame(picture.index, picture.time, to_rgb(picture.pixels))
    if health.errors or health.corrupt_packets or health.corrupt_frames or health.complaints:
        told = "; ".join(health.messages) or health.complaint or "corrupt data"
        log.warning("video %s: damaged: %s", path, told)


def pictures(
    path: str | Path, health: Health, *, fps: float | Fraction | None = None
) -> Iterator[Picture]:
    """Yield every frame of a video in its own pixel format, and count in `health` what is wrong.

    Raises:
        DamagedVideo: as `decode`.
    """
    found = _of_stills(path, health, fps) if _folders.is_stills(path) else of_file(path, health)
    shape: tuple | None = None
    for picture in found:
        if shape is None:
            shape = _shape(picture.pixels)
        elif _shape(picture.pixels) != shape:
            raise DamagedVideo(_changed(path, picture, shape))
        health.frames_decoded += 1
        yield picture
    health.finished = True
    if shape is None:
        raise DamagedVideo(
            f"video {path}: not one frame can be decoded; get the file again or leave it out"
        )


def of_file(path: str | Path, health: Health) -> Iterator[Picture]:
    """Yield what FFmpeg makes of a file, whatever its size, in its own pixel format."""
    container, stream = open_video(path)
    with container:
        clock, upright = _Clock(stream, health), _Upright()
        for index, (frame, stamp) in enumerate(_frames(container, stream, health)):
            yield Picture(index, clock(stamp), upright(frame))
        size = Path(path).stat().st_size
        if container.format.name == "mpegts" and all(size % unit for unit in TRANSPORT_PACKETS):
            health.complain("the last packet of the transport stream is cut off")


@dataclass(frozen=True)
class Converter:
    """Turns decoded frames into uint8 (H,W,3) RGB arrays; one context for a whole video."""

    _reformatter: VideoReformatter = field(default_factory=VideoReformatter)

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """Return uint8 (H,W,3) RGB."""
        return self.to(frame, "rgb24").to_ndarray()

    def to(self, frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
        """Return the frame in another pixel format; the frame itself if it has it already."""
        return self._reformatter.reformat(frame, format=pixel_format, threads=1)


def _shape(frame: av.VideoFrame) -> tuple:
    return frame.height, frame.width, frame.format.name, frame.colorspace, frame.color_range


def _changed(path: str | Path, picture: Picture, shape: tuple) -> str:
    height, width, *pixels = shape
    frame = picture.pixels
    if (frame.height, frame.width) == (height, width):
        new = ", ".join(str(part) for part in _shape(frame)[2:])
        change = f"the pixel format changes from {', '.join(map(str, pixels))} to {new}"
    else:
        change = f"the picture changes from {width}x{height} to {frame.width}x{frame.height}"
    return (
        f"video {path}: {change} (width x height) at frame {picture.index}; cut it there into two "
        "files, or convert it to one format"
    )


def _frames(
    container: InputContainer, stream: VideoStream, health: Health
) -> Iterator[tuple[av.VideoFrame, Fraction | None]]:
    """Yield what the decoder gives with its time stamp (s), going on behind refused packets."""
    if av.logging.get_level() is None:
        av.logging.set_level(av.logging.FATAL)  # errors are counted then, though not passed on
    slots = _Slots(stream, health) if container.format.name == "avi" else None
    for packet in _packets(container, stream, health):
        health.corrupt_packets += packet.is_corrupt
        health.discarded += packet.is_discard
        if slots:
            slots.add(packet)
        try:
            frames = _listening(health, packet.decode)
        except av.error.FFmpegError as error:
            health.error(f"before frame {health.frames_decoded}: {error.strerror}")
            continue
        for frame in frames:
            health.corrupt_frames += frame.is_corrupt
            yield frame, slots.take() if slots else _stamp(frame)


def _stamp(frame: av.VideoFrame) -> Fraction | None:
    # A stream that changes in mid-file can leave a frame without a unit of time.
    unknown = frame.pts is None or frame.time_base is None
    return None if unknown else frame.pts * frame.time_base


def _packets(container: InputContainer, stream: VideoStream, health: Health) -> Iterator[av.Packet]:
    """Yield the packets of one stream, the last to flush the decoder; a read error ends them."""
    packets, flushed = container.demux(stream), False
    try:
        while (packet := _listening(health, next, packets, None)) is not None:
            flushed = packet.size == 0 and packet.dts is None
            yield packet
    except av.error.FFmpegError as error:
        text = f"before frame {health.frames_decoded}: {error.strerror}; the rest cannot be read"
        health.error(text)
    except IndexError:
        # At the end PyAV may look for a stream that came up only while reading, and not know it.
        log.debug("video %s: streams came up while reading", container.name)
    if not flushed:
        last = av.Packet()
        last.stream = stream
        yield last


def _listening(health: Health, act: Callable[..., Result], *given: object) -> Result:
    """Return act(*given), and count what FFmpeg complains of meanwhile."""
    before, _ = av.logging.get_last_error()
    try:
        return act(*given)
    finally:
        count, last = av.logging.get_last_error()
        if count > before:
            name, text = last[1:]
            health.complain(f"{name}: {text.strip()}", count - before)


class _Upright:
    """Turns frames by the rotation flag of the first one; a turned frame becomes RGB."""

    def __init__(self) -> None:
        self._turns: int | None = None
        self._to_rgb = Converter()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._turns is None:
            self._turns = turns(frame)
        if not self._turns:
            return frame
        turned = np.rot90(self._to_rgb(frame), self._turns)
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(turned), format="rgb24")


class _Slots:
    """Time stamps of an AVI file: the n-th frame shown comes at the slot of the n-th packet.

    AVI numbers its packets in the order of decoding and has no presentation times; with B-frames
    FFmpeg's guesses jump back and forth. Slots without a packet are frames left out on recording.
    """

    def __init__(self, stream: VideoStream, health: Health) -> None:
        self._tick = stream.time_base
        self._health = health
        self._waiting: deque[int] = deque()
        self._next = 0

    def add(self, packet: av.Packet) -> None:
        """Take note of a packet's slot."""
        if packet.dts is None:
            return
        self._health.discarded += max(0, packet.dts - self._next)
        self._next = packet.dts + 1
        self._waiting.append(packet.dts)

    def take(self) -> Fraction | None:
        """Return the seconds of the next frame."""
        return self._waiting.popleft() * self._tick if self._waiting else None


class _Clock:
    """Gives each frame its seconds since the first frame, strictly increasing.

    Where a stamp is missing or does not increase, a frame comes 1/fps after the one before.
    """

    def __init__(self, stream: VideoStream, health: Health) -> None:
        self._health = health
        self._step = 1 / Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
        self._start: Fraction | None = None
        self._last = -self._step

    def __call__(self, stamp: Fraction | None) -> float:
        if self._start is None and stamp is not None:
            self._start = stamp - (self._last + self._step)
        time = None if stamp is None else stamp - self._start
        if time is None or time <= self._last:
            self._health.odd_times += 1
            time = self._last + self._step
        self._last = time
        return float(time)


def _of_stills(path: str | Path, health: Health, fps: float | Fraction | None) -> Iterator[Picture]:
    step = 1 / rate(DEFAULT_FPS if fps is None else fps)
    refuse_by_content(path)
    for index, file in enumerate(_folders.pictures(path)):
        image, problem = _folders.read(file)
        if problem:
            health.error(problem)
        if image is not None:
            pixels = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            yield Picture(index, float(index * step), pixels)
