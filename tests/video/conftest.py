"""Films for tests: every picture carries its number as a bar code, so a reader can be checked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import imageio_ffmpeg
import numpy as np
import pytest

BITS = 8
BAR = 12  # px of one bit
SIZE = (64, BITS * BAR)
COUNT = 60
X264 = {"preset": "fast", "x264-params": "keyint=12:bframes=3:open-gop=1"}
X265 = {"x265-params": "log-level=none:keyint=12:bframes=3:open-gop=1"}
FAST_VPX = {"cpu-used": "8", "deadline": "realtime"}
HIDDEN_VPX = {"cpu-used": "5", "deadline": "good", "auto-alt-ref": "1", "lag-in-frames": "16"}
HIDDEN_VPX |= {"b": "100k", "threads": "1"}
MPEG_B = {"bf": "2", "g": "12"}
FIELDS = {"flags": "+ildct+ilme", "field_order": "tt"}
UNEVEN = np.cumsum(np.random.default_rng(1).integers(10, 90, COUNT)).tolist()  # ms


class Kind(NamedTuple):
    """How a film of this kind is made; `stamps` in ms, 25 frames a second without."""

    ending: str
    codec: str
    pixels: str
    options: dict[str, str]
    stamps: list[int] | None = None
    muxer: dict[str, str] | None = None


KINDS = {
    "h264_b_open_gop": Kind("mp4", "libx264", "yuv420p", X264),
    "h264_one_gop": Kind("mp4", "libx264", "yuv420p", {"g": "1000"}),
    "h264_intra": Kind("mp4", "libx264", "yuv420p", {"g": "1"}),
    "h264_interlaced": Kind("mp4", "libx264", "yuv420p", {"x264-params": "tff=1:bframes=3"}),
    "h264_10_bit": Kind("mkv", "libx264", "yuv420p10le", X264),
    "h264_422": Kind("mkv", "libx264", "yuv422p", X264),
    "h264_full_range": Kind("mkv", "libx264", "yuvj420p", X264),
    "h264_b_avi": Kind("avi", "libx264", "yuv420p", X264),
    "h264_transport_stream": Kind("ts", "libx264", "yuv420p", X264),
    "h264_bare": Kind("h264", "libx264", "yuv420p", X264),
    "h264_uneven_mp4": Kind("mp4", "libx264", "yuv420p", X264, UNEVEN),
    "h264_uneven_mkv": Kind("mkv", "libx264", "yuv420p", X264, UNEVEN),
    "hevc_b_open_gop": Kind("mp4", "libx265", "yuv420p", X265),
    "hevc_10_bit": Kind("mkv", "libx265", "yuv420p10le", X265),
    "mpeg4_b_avi": Kind("avi", "mpeg4", "yuv420p", MPEG_B),
    "mpeg4_packed_avi": Kind("avi", "mpeg4", "yuv420p", {"bf": "1", "g": "12"}),
    "mjpeg": Kind("avi", "mjpeg", "yuvj420p", {}),
    "mpeg2_b_program_stream": Kind("mpg", "mpeg2video", "yuv420p", MPEG_B),
    "mpeg2_b_transport_stream": Kind("ts", "mpeg2video", "yuv420p", MPEG_B),
    "mpeg2_interlaced": Kind("mpg", "mpeg2video", "yuv420p", MPEG_B | FIELDS),
    "vp8": Kind("webm", "libvpx", "yuv420p", FAST_VPX),
    "vp8_hidden_frames": Kind("webm", "libvpx", "yuv420p", HIDDEN_VPX),
    "vp9": Kind("webm", "libvpx-vp9", "yuv420p", FAST_VPX),
    "vp9_hidden_frames": Kind("webm", "libvpx-vp9", "yuv420p", HIDDEN_VPX),
    "vp9_without_duration": Kind("webm", "libvpx-vp9", "yuv420p", FAST_VPX, UNEVEN, {"live": "1"}),
    "av1": Kind("mp4", "libsvtav1", "yuv420p", {"preset": "12"}),
    "av1_uneven_mkv": Kind("mkv", "libsvtav1", "yuv420p", {"preset": "12"}, UNEVEN),
    "gif": Kind("gif", "gif", "rgb8", {}),
    "png_rgb": Kind("mov", "png", "rgb24", {}),
}


def seconds(name: str) -> np.ndarray:
    """Return the seconds from the first frame to each frame of one of KINDS."""
    stamps = KINDS[name].stamps
    return np.arange(COUNT) / 25 if stamps is None else (np.array(stamps) - stamps[0]) / 1000


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a colourful uint8 (H,W,3) picture with its number as a bar code in the top rows."""
    y, x = np.mgrid[: size[0], : size[1]]
    channels = [x * 2 + number * 3, y * 3 + number, x + y + number * 5]
    made = (np.stack(channels, axis=-1) % 256).astype(np.uint8)
    for bit in range(BITS):
        made[:16, bit * BAR : (bit + 1) * BAR] = 255 * (number >> bit & 1)
    return made


def number_of(rgb: np.ndarray) -> int:
    """Return the number that the bar code of a picture shows."""
    bars = [rgb[4:12, bit * BAR + 3 : (bit + 1) * BAR - 3].mean() > 128 for bit in range(BITS)]
    return sum(1 << bit for bit, on in enumerate(bars) if on)


def encode(
    path: Path,
    codec: str,
    pixels: str,
    options: dict[str, str] | None = None,
    *,
    count: int = COUNT,
    stamps: list[int] | None = None,
    tick: Fraction = Fraction(1, 1000),
    size: tuple[int, int] = SIZE,
    sar: Fraction | None = None,
    muxer: dict[str, str] | None = None,
) -> Path:
    """Write a film of `count` pictures at 25 fps, or at the given stamps (numbers of ticks)."""
    tick = Fraction(1, 25) if stamps is None else tick
    with av.open(str(path), "w", options=muxer or {}) as file:
        stream = file.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        stream.thread_count = 1
        stream.codec_context.time_base = tick
        if sar:
            stream.codec_context.sample_aspect_ratio = sar
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame.pts = number if stamps is None else stamps[number]
            frame.time_base = tick
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def two_passes(source: Path, path: Path, want: Kind) -> Path:
    """Encode a film a second time, knowing its pictures: only then VP8 and VP9 hide frames."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(source)]
    command += ["-c:v", want.codec, "-pix_fmt", want.pixels, "-fps_mode", "passthrough"]
    for name, value in want.options.items():
        command += [f"-{name}", value]
    for number in "12":
        passes = ["-pass", number, "-passlogfile", str(path.with_suffix(""))]
        subprocess.run([*command, *passes, str(path)], check=True)
    return path


def pack(path: Path) -> Path:
    """Rewrite an MPEG-4 AVI the way DivX and Xvid do, a B-frame in the packet of the P-frame.

    The packet that the B-frame came from holds an empty picture instead. UCF101 and HMDB51 are
    full of such files; FFmpeg reads them and writes none.
    """
    mark, empty = b"\0\0\1\xb6", b"\0\0\1\xb6\x50\x00"
    loose = path.with_name("loose.avi")
    path.rename(loose)
    with av.open(str(loose)) as source, av.open(str(path), "w") as file:
        stream = file.add_stream_from_template(source.streams.video[0])
        data = [bytes(packet) for packet in source.demux(video=0) if packet.size]
        data[0] = data[0].replace(mark, b"\0\0\1\xb2DivX503b1393p" + mark, 1)
        for number, packet in enumerate(_packed(data, mark, empty)):
            made = av.Packet(packet)
            made.stream, made.dts, made.pts = stream, number, number
            made.time_base, made.is_keyframe = Fraction(1, 25), number == 0
            file.mux(made)
    return path


def _packed(data: list[bytes], mark: bytes, empty: bytes) -> Iterator[bytes]:
    is_b = [packet[packet.index(mark) + 4] >> 6 == 2 for packet in data] + [False]
    for number, packet in enumerate(data):
        if is_b[number]:
            yield empty
        else:
            yield packet + data[number + 1] if is_b[number + 1] else packet


def _make(path: Path, want: Kind, plain: Callable[[], Path]) -> Path:
    if "hidden" in path.stem:
        return two_passes(plain(), path, want)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SVT_LOG", "0")
        more = {"stamps": want.stamps, "muxer": want.muxer}
        encode(path, want.codec, want.pixels, want.options, **more)
    return pack(path) if "packed" in path.stem else path


@pytest.fixture(scope="session")
def kind(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that encodes one of KINDS once per session."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        want = KINDS[name]
        if want.codec not in av.codecs_available:
            pytest.skip(f"this PyAV has no encoder {want.codec}")
        if name not in made:
            path = folder / f"{name}.{want.ending}"
            made[name] = _make(path, want, lambda: make("png_rgb"))
        return made[name]

    return make


@pytest.fixture(scope="session")
def frame_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 12 PNG frames whose names sort naturally only."""
    import cv2

    folder = tmp_path_factory.mktemp("frames")
    for number in range(12):
        cv2.imwrite(str(folder / f"frame{number}.png"), picture(number)[..., ::-1])
    return folder


@pytest.fixture(scope="session")
def films() -> object:
    """Return this module's helpers: picture, number_of, encode, seconds, KINDS, SIZE, COUNT."""
    import types

    helpers = (picture, number_of, encode, seconds)
    named = {helper.__name__: helper for helper in helpers}
    return types.SimpleNamespace(**named, KINDS=KINDS, SIZE=SIZE, COUNT=COUNT, X264=X264)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `kind_name` once for each of KINDS."""
    if "kind_name" in metafunc.fixturenames:
        metafunc.parametrize("kind_name", KINDS)
