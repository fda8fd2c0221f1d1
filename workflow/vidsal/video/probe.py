"""What a video file or a folder of frames says of itself, and one sentence when it is no video."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.format import Flags
from av.video.stream import VideoStream

from vidsal.errors import DamagedVideo, InputError
from vidsal.video import MAX_PIXELS, _folders

DEFAULT_FPS = 25
BLOCK = 1 << 20
CLOCK_TIME = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d*)?)", re.ASCII)
WEB_PAGE = (b"<!doctype html", b"<html")


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before its frames are read.

    Attributes:
        path: the file or folder.
        codec: name of the decoder; the file ending for pictures.
        pixel_format: FFmpeg's name of the stored pixels.
        stream: number of the chosen stream in the file: the video stream with the most pixels.
        video_streams: how many video streams there were to choose from.
        size: (H, W) of the upright picture.
        rotation: degrees, counterclockwise, by which stored pixels are turned to stand upright.
        sar: shape of a pixel, width:height; recorded, never corrected.
        interlaced: whether the first frame is flagged as interlaced; recorded, never corrected.
        fps: average frames per second.
        frames_header: number of frames that the file claims; None when it claims none.
        duration: seconds that the file claims for the video stream; None when it claims none.
    """

    path: str
    codec: str
    pixel_format: str
    stream: int
    video_streams: int
    size: tuple[int, int]
    rotation: int
    sar: str
    interlaced: bool
    fps: Fraction
    frames_header: int | None
    duration: float | None


def probe(path: str | Path, *, fps: float | None = None) -> VideoInfo:
    """Return what a video says of itself; its first frame is decoded, nothing more.

    Args:
        path: a video file, a folder of pictures in natural order, or a single picture.
        fps: frames per second of a folder of pictures (25 when not given); files know theirs.

    Raises:
        DamagedVideo: nothing at that path can be used as a video.
    """
    if _folders.is_stills(path):
        return _probe_stills(path, fps)
    container, stream = open_video(path)
    with container:
        first = _first_frame(path, container, stream)
        return _describe(str(path), container, stream, first)


def open_video(path: str | Path) -> tuple[InputContainer, VideoStream]:
    """Open a video file and choose the stream to read: the one with the most pixels.

    Raises:
        DamagedVideo: the file is missing, empty, a web page, cut off, or has no picture.
    """
    refuse_by_content(path)
    try:
        # Text in tags is not ours to judge, so bytes that are no UTF-8 must not stop a video.
        container = av.open(place(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:  # not every one of FFmpeg's is an OSError
        raise DamagedVideo(f"video {path}: {_why_not(Path(path), error)}") from error
    try:
        stream = _choose(path, container)
    except DamagedVideo:
        container.close()
        raise
    # One thread: an error then belongs to the packet at hand, and CPU time to the job's share.
    stream.thread_count = 1
    # Streams may name another size than the file, and change it on the way.
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return container, stream


def refuse_by_content(path: str | Path) -> None:
    """Refuse what is plainly no video: nothing there, an empty file, a web page."""
    path = Path(path)
    if not path.exists():
        raise DamagedVideo(
            f"video {path}: there is no such file; check the path in the sample sheet"
        )
    if path.is_dir():
        return
    if path.stat().st_size == 0:
        raise DamagedVideo(f"video {path}: the file is empty (0 bytes); copy or download it again")
    with open(path, "rb") as file:
        head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(mark in head for mark in WEB_PAGE):
        raise DamagedVideo(
            f"video {path}: it is a web page saved under a video's name (a failed download?); "
            "open it in a browser to see why, then download the video again"
        )


def place(path: str | Path) -> str:
    """Return the absolute path, which FFmpeg cannot mistake for `protocol:address`."""
    return str(Path(path).absolute())


def turns(frame: av.VideoFrame) -> int:
    """Return how many quarter turns counterclockwise make a decoded frame upright (0 to 3)."""
    return round(frame.rotation / 90) % 4


def sha256(path: str | Path) -> str:
    """Return the sha256 of a file, or of the pictures' bytes of a folder in natural order."""
    digest = hashlib.sha256()
    files = _folders.pictures(path) if Path(path).is_dir() else [Path(path)]
    for file in files:
        with open(file, "rb") as handle:
            while block := handle.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def rate(value: str | float | Fraction) -> Fraction:
    """Return frames per second as a fraction; 29.97 and the like become their decimal value.

    Raises:
        InputError: it is no number above 0.
    """
    try:
        made = Fraction(str(value)).limit_denominator(1_000_000)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"fps: {value!r} is no number; give one such as 25 or 30000/1001"
        ) from error
    if made <= 0:
        raise InputError(f"fps: {value!r} is not above 0; give one such as 25 or 30000/1001")
    return made


def _choose(path: str | Path, container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise DamagedVideo(
            f"video {path}: it has no video stream (sound only?); give a file with a picture"
        )
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise DamagedVideo(
            f"video {path}: its codec is unknown to this FFmpeg; convert it, say to H.264"
        )
    chosen = max(known, key=lambda s: (s.width * s.height, -s.index))
    if chosen.width * chosen.height > MAX_PIXELS:
        raise DamagedVideo(
            f"video {path}: its header claims a picture of {chosen.width}x{chosen.height} px, more "
            f"than {MAX_PIXELS}; get the file again, or make it smaller"
        )
    return chosen


def _probe_stills(path: str | Path, fps: float | None) -> VideoInfo:
    refuse_by_content(path)
    files = _folders.pictures(path)
    size = next(
        (image.shape[:2] for image, _ in map(_folders.read, files) if image is not None), None
    )
    if size is None:
        raise DamagedVideo(
            f"video {path}: not one of its {len(files)} pictures can be read; get them again or "
            "leave it out"
        )
    return VideoInfo(
        path=str(path),
        codec=files[0].suffix.lower().lstrip("."),
        pixel_format="rgb24",
        stream=0,
        video_streams=1,
        size=(int(size[0]), int(size[1])),
        rotation=0,
        sar="1:1",
        interlaced=False,
        fps=rate(DEFAULT_FPS if fps is None else fps),
        frames_header=len(files),
        duration=None,
    )


def _describe(
    path: str, container: InputContainer, stream: VideoStream, first: av.VideoFrame
) -> VideoInfo:
    sar = stream.sample_aspect_ratio or Fraction(1)
    size = (first.height, first.width)
    return VideoInfo(
        path=path,
        codec=stream.codec_context.name,
        pixel_format=first.format.name,
        stream=stream.index,
        video_streams=len(container.streams.video),
        size=size[::-1] if turns(first) % 2 else size,
        rotation=turns(first) * 90,
        sar=f"{sar.numerator}:{sar.denominator}",
        interlaced=first.interlaced_frame,
        fps=Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_FPS),
        frames_header=stream.frames or None,
        duration=_duration(container, stream),
    )


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the seconds that the header claims for this stream, where it claims any.

    Bare streams and MPEG-PS and -TS have none (FFmpeg guesses from bit rate or last stamp);
    Matroska keeps the time at which the stream ends as a tag; the length of the whole file counts
    only where nothing else is in it.
    """
    if Flags(container.format.flags) & (Flags.no_timestamps | Flags.ts_discont):
        return None
    if stream.duration:
        return float(stream.duration * stream.time_base)
    start = float((stream.start_time or 0) * stream.time_base)
    if tag := CLOCK_TIME.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = tag.groups()
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - start
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base - start
    return None


def _first_frame(path: str | Path, container: InputContainer, stream: VideoStream) -> av.VideoFrame:
    try:
        for packet in container.demux(stream):
            if frames := _frames_of(packet):
                return frames[0]
    except av.error.FFmpegError as error:
        raise DamagedVideo(f"video {path}: {_no_frames(error)}") from error
    raise DamagedVideo(f"video {path}: {_no_frames(None)}")


def _frames_of(packet: av.Packet) -> list[av.VideoFrame]:
    # A damaged packet at the start hides no later frame; `decode` counts it.
    try:
        return packet.decode()
    except av.error.FFmpegError:
        return []


def _no_frames(error: Exception | None) -> str:
    why = f" ({error})" if error else ""
    return f"not one frame can be decoded{why}; get the file again or leave it out"


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "it may not be read; check its permissions"
    atoms = _mp4_atoms(path)
    if "ftyp" in atoms[:1] and "moov" not in atoms:
        return (
            "its index (the moov atom) is missing, so the recording or download was cut off; "
            "get the file again or repair it with untrunc"
        )
    why = error.strerror or error
    return f"it is no video that FFmpeg can open ({why}); check the file, or convert it"


def _mp4_atoms(path: Path) -> list[str]:
    """Return the names of the top-level atoms of an MP4 file, as far as they can be followed."""
    names: list[str] = []
    end = path.stat().st_size
    with open(path, "rb") as file:
        while len(names) < 100 and len(head := file.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            names.append(name.decode("latin1"))
            used = 8
            if size == 1 and len(long := file.read(8)) == 8:
                size, used = struct.unpack(">Q", long)[0], 16
            if size < used or size > end:
                break
            file.seek(size - used, 1)
    return names
