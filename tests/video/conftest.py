"""Films for tests: every picture carries its number as a bar code, so a reader can be checked."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

BITS = 8
BAR = 12  # px of one bit
SIZE = (64, BITS * BAR)
COUNT = 60
X264 = {"preset": "fast", "x264-params": "keyint=12:bframes=3:open-gop=1"}
FAST_VPX = {"cpu-used": "8", "deadline": "realtime"}
# name -> file ending, codec, pixel format, options of the encoder
KINDS = {
    "h264_b_open_gop": ("mp4", "libx264", "yuv420p", X264),
    "h264_10_bit": ("mkv", "libx264", "yuv420p10le", X264),
    "h264_422": ("mkv", "libx264", "yuv422p", X264),
    "h264_full_range": ("mkv", "libx264", "yuvj420p", X264),
    "h264_transport_stream": ("ts", "libx264", "yuv420p", X264),
    "h264_bare": ("h264", "libx264", "yuv420p", X264),
    "hevc": ("mp4", "libx265", "yuv420p", {"x265-params": "log-level=none:keyint=12"}),
    "mpeg4_b_avi": ("avi", "mpeg4", "yuv420p", {"bf": "2", "g": "12"}),
    "mjpeg": ("avi", "mjpeg", "yuvj420p", {}),
    "mpeg2_b_program_stream": ("mpg", "mpeg2video", "yuv420p", {"bf": "2", "g": "12"}),
    "vp8": ("webm", "libvpx", "yuv420p", FAST_VPX),
    "vp9": ("webm", "libvpx-vp9", "yuv420p", FAST_VPX),
    "av1": ("mp4", "libsvtav1", "yuv420p", {"preset": "12"}),
    "gif": ("gif", "gif", "rgb8", {}),
    "png_rgb": ("mov", "png", "rgb24", {}),
}


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
) -> Path:
    """Write a film of `count` pictures at 25 fps, or at the given stamps (numbers of ticks)."""
    tick = Fraction(1, 25) if stamps is None else tick
    with av.open(str(path), "w") as file:
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


@pytest.fixture(scope="session")
def kind(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that encodes one of KINDS once per session."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        ending, codec, pixels, options = KINDS[name]
        if codec not in av.codecs_available:
            pytest.skip(f"this PyAV has no encoder {codec}")
        if name not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SVT_LOG", "0")
                made[name] = encode(folder / f"{name}.{ending}", codec, pixels, options)
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
    """Return this module's helpers: picture, number_of, encode, KINDS, SIZE, COUNT."""
    import types

    helpers = (picture, number_of, encode)
    named = {helper.__name__: helper for helper in helpers}
    return types.SimpleNamespace(**named, KINDS=KINDS, SIZE=SIZE, COUNT=COUNT, X264=X264)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `kind_name` once for each of KINDS."""
    if "kind_name" in metafunc.fixturenames:
        metafunc.parametrize("kind_name", KINDS)
