"""Writers of video files: lossless FFV1 for machines, H.264 for people; same input, same bytes.

One thread and bitexact flags, because with more threads, or with the writer's name and random
identifiers in the file, two runs would differ. Both write to the path given; whoever needs a file
that is either whole or absent gives a temporary name and renames it.
"""

from __future__ import annotations

import contextlib
import errno
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from vidsal.errors import InputError
from vidsal.video._disk import disk_full
from vidsal.video.decode import Converter
from vidsal.video.probe import place, rate

MILLISECOND = Fraction(1, 1000)  # the clock of Matroska
# 8-bit formats without alpha that FFV1 stores as they are, and the deprecated names of the same
# planes in full range (the range is a tag of the file). All others are stored as RGB in `bgr0`,
# because their way to RGB depends on where chroma is sampled, which Matroska would not carry over.
STORED = {
    **{"gray": "gray", "yuv420p": "yuv420p", "yuv422p": "yuv422p", "yuv444p": "yuv444p"},
    **{"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"},
}


@contextlib.contextmanager
def ffv1(
    path: str | Path, fps: str | float | Fraction, like: av.VideoFrame
) -> Iterator[Callable[[av.VideoFrame, float], None]]:
    """Give a function (frame, seconds) that appends to a lossless FFV1 Matroska file.

    Frames are stored in their own pixel format where FFV1 has it, with the colour tags of `like`,
    and as RGB otherwise, so that decoding the file to RGB gives what decoding the source gives.
    Every frame is a key frame with checksums. Times are rounded to milliseconds.

    Args:
        path: file to write, whatever its ending; removed again when the block fails.
        fps: nominal frames per second.
        like: the first frame, whose size, pixel format and colour tags all frames share.
    """
    bitexact = {"fflags": "+bitexact"}
    with _whole_or_gone(path), av.open(place(path), "w", "matroska", bitexact) as file:
        stream = _ffv1_stream(file, rate(fps), like)
        yield _appender(file, stream)
        file.mux(stream.encode())


def write_ffv1(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: str | float | Fraction,
    times: Sequence[float] | None = None,
    gray: bool = False,
) -> None:
    """Write arrays as a lossless FFV1 Matroska file; reading gives the same values.

    Args:
        path: file to write.
        frames: uint8 (H,W,3) RGB, or (H,W) with `gray`.
        fps: frames per second.
        times: seconds of each frame, increasing; frame number / fps when not given.
        gray: store one channel, such as labels of a mask.

    Raises:
        InputError: there is no frame, or the disk is full.
    """
    kind = "gray" if gray else "rgb24"
    made = (av.VideoFrame.from_ndarray(np.ascontiguousarray(f), format=kind) for f in frames)
    first, made = _peek(made, path)
    step = 1 / rate(fps)
    with ffv1(path, fps, first) as append:
        for number, frame in enumerate(made):
            append(frame, float(number * step) if times is None else float(times[number]))


def write_h264(
    path: str | Path, frames: Iterable[np.ndarray], fps: str | float | Fraction, *, crf: int = 20
) -> None:
    """Write an MP4 that any browser plays: H.264, yuv420p, BT.709, index first.

    Odd sizes are padded by repeating the last row or column. Another ffmpeg than the one that
    imageio-ffmpeg brings is used when the environment variable IMAGEIO_FFMPEG_EXE names it.

    Args:
        path: file to write; removed again when it cannot be finished.
        frames: uint8 (H,W,3) RGB.
        fps: frames per second.
        crf: quality of x264, 0 (lossless) to 51 (worst).

    Raises:
        InputError: there is no frame, the disk is full, or ffmpeg refuses (its own words are in the
            message).
    """
    first, frames = _peek(iter(frames), path)
    height, width = first.shape[:2]
    command = _h264_command(path, (width + width % 2, height + height % 2), rate(fps), crf)
    with _whole_or_gone(path):
        _feed(command, (_even(frame).tobytes() for frame in frames), path)


def write_gif(path: str | Path, frames: Iterable[np.ndarray], fps: str | float | Fraction) -> None:
    """Write an animated GIF that repeats for ever, of 256 colours chosen for the whole film.

    Args:
        path: file to write; removed again when it cannot be finished.
        frames: uint8 (H,W,3) RGB, all of one size; all of them are held in memory.
        fps: frames per second; a GIF counts hundredths of a second.

    Raises:
        InputError: there is no frame, or the disk is full.
    """
    from PIL import Image

    _, frames = _peek(iter(frames), path)
    pictures = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    colours = _common_colours(pictures)
    # Without dither: noise that moves from frame to frame would flicker and fill the file.
    drawn = [one.quantize(palette=colours, dither=Image.Dither.NONE) for one in pictures]
    each = max(20, round(1000 / rate(fps), -1))
    with _whole_or_gone(path):
        drawn[0].save(
            path, "GIF", save_all=True, append_images=drawn[1:], duration=each, loop=0, disposal=1
        )


def _common_colours(pictures: list) -> object:
    """Return an image whose palette fits up to 16 pictures, evenly from first to last."""
    from PIL import Image

    places = np.linspace(0, len(pictures) - 1, min(16, len(pictures))).round().astype(int)
    some = np.concatenate([np.asarray(pictures[place]) for place in places])
    # Five bits of each channel: of a million colours the choice would take minutes.
    some = some & 0xF8 | 4
    return Image.fromarray(some).quantize(256, method=Image.Quantize.MEDIANCUT)


@contextlib.contextmanager
def _whole_or_gone(path: str | Path) -> Iterator[None]:
    try:
        with disk_full(path):
            yield
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _ffv1_stream(file: av.container.OutputContainer, fps: Fraction, like: av.VideoFrame) -> object:
    slices = "4" if min(like.width, like.height) >= 4 else "1"
    options = {"level": "3", "slices": slices, "slicecrc": "1", "g": "1", "flags": "+bitexact"}
    stream = file.add_stream("ffv1", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = like.width, like.height, _stored(like)
    context = stream.codec_context
    context.thread_count = 1
    context.time_base = MILLISECOND
    if _stored(like) != "bgr0":
        context.color_range, context.colorspace = like.color_range, like.colorspace
        context.color_primaries, context.color_trc = like.color_primaries, like.color_trc
    return stream


def _stored(frame: av.VideoFrame) -> str:
    name = STORED.get(frame.format.name, "bgr0")
    # With an odd height FFmpeg takes another way to RGB, which looks at the place of chroma.
    odd = frame.height % 2 or frame.width % 2
    return "bgr0" if odd and name != "gray" else name


def _appender(
    file: av.container.OutputContainer, stream: object
) -> Callable[[av.VideoFrame, float], None]:
    convert, last = Converter(), -1

    def append(frame: av.VideoFrame, time: float) -> None:
        nonlocal last
        if stream.pix_fmt == "bgr0":
            frame = convert.to(convert.to(frame, "rgb24"), "bgr0")
        # Two frames within one millisecond keep their order; the health record has the true times.
        last = max(last + 1, round(time / MILLISECOND))
        frame.pts, frame.time_base, frame.pict_type = last, MILLISECOND, 0
        file.mux(stream.encode(frame))

    return append


def _peek(items: Iterator, path: str | Path) -> tuple[object, Iterator]:
    first = next(items, None)
    if first is None:
        raise InputError(f"video {path}: there is no frame to write; give at least one")
    return first, chain([first], items)


def _even(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame).astype(np.uint8, casting="safe", copy=False)


def _h264_command(path: str | Path, size: tuple[int, int], fps: Fraction, crf: int) -> list[str]:
    import ffmpeg
    import imageio_ffmpeg

    source = ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{size[0]}x{size[1]}", framerate=str(fps)
    )
    # Without the matrix both written and stated, browsers and FFmpeg would guess differently.
    tags = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}
    output = source.filter("scale", out_color_matrix="bt709", out_range="tv").output(
        place(path),
        format="mp4",
        vcodec="libx264",
        pix_fmt="yuv420p",
        crf=crf,
        threads=1,
        movflags="+faststart",
        fflags="+bitexact",
        color_range="tv",
        **{"flags:v": "+bitexact"},
        **tags,
    )
    command = output.global_args("-loglevel", "error", "-nostdin").overwrite_output()
    return command.compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())


def _feed(command: list[str], pieces: Iterable[bytes], path: str | Path) -> None:
    """Run ffmpeg on the pieces; it is killed when making them fails."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            with contextlib.suppress(BrokenPipeError):  # ffmpeg says why on its error output
                process.stdin.writelines(pieces)
            _, said = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        if b"No space left on device" in said:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        words = " ".join(said.decode(errors="replace").split())[-300:]
        raise InputError(f"video {path}: ffmpeg cannot write it: {words}")
