"""What exact reading costs, against a bare PyAV loop; what clips from the cache save, against none.

python benchmarks/video.py              into benchmarks/results/video.json

Decoding: both sides read the same file with one thread and turn every frame to RGB with one
conversion context (`rgb`), or leave it as the decoder gives it (`frames`). Ours keeps the health
record, the clock and the checks besides. Clips: 16 frames, stride 2, at random places; from
frames.h5 as training reads them, against decoding the video up to their end, which is what the
workflow would do without the cache, since it never seeks; also against seeking, where the file is
of a kind in which that gives the right frames. `ready` clips are augmented and preprocessed too.
`copy` copies the bytes of a clip from memory to memory: no way of reading that copies is faster.

Decoding up to a clip costs in proportion to where it lies, hence to the length of the film, and a
clip from the cache always the same. A line through the cost of decoding gives the ratio that films
of other lengths would have, and from which length on it is above the bar.
Films are made on the spot, a texture that moves under noise; real ones are added where ../shared
is there. All sides take turns in each round; ratios are of CPU seconds, medians over rounds.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from fractions import Fraction
from functools import partial
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["SVT_LOG"] = "0"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import av  # noqa: E402 - after the number of threads
import cv2  # noqa: E402
import h5py  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from av.video.reformatter import VideoReformatter  # noqa: E402

from vidsal._recipe import Recipe, augment  # noqa: E402
from vidsal.models import Preprocessing  # noqa: E402
from vidsal.training import train  # noqa: E402
from vidsal.video.decode import Health, decode, pictures  # noqa: E402
from vidsal.video.frames import read_numbered, write_frames  # noqa: E402
from vidsal.video.probe import open_video  # noqa: E402
from vidsal.video.stored import OpenFiles  # noqa: E402
from vidsal.video.trim import trim  # noqa: E402

COUNT, ROUNDS, CLIPS, SEED = 250, 9, 12, 0
LENGTH, STRIDE = 16, 2
PREPROCESS = Preprocessing((112, 112), (0.43, 0.39, 0.38), (0.23, 0.22, 0.22))
DEFAULTS = {name: one.default for name, one in inspect.signature(train).parameters.items()}
DEFAULTS["sampling"] = "dense"  # which is the model's, not the training's
RECIPE = Recipe(**{one.name: DEFAULTS[one.name] for one in fields(Recipe)})
BAR = {"decoding": 1.3, "clips": 50.0}
# Frames of a film of Kinetics (10 s), and in the mean of KTH and of DHF1K.
LENGTHS = (300, 480, 580)
# name -> file ending, encoder, (H, W), options, whether seeking is exact there
FILMS = {
    "h264 340x256": ("mp4", "libx264", (256, 340), {"preset": "fast"}, True),
    "h264 340x256, key frame every 12": ("mp4", "libx264", (256, 340), {"g": "12"}, True),
    "hevc 320x240": ("mp4", "libx265", (240, 320), {"x265-params": "log-level=none"}, True),
    "mpeg4 avi 320x240": ("avi", "mpeg4", (240, 320), {"bf": "2", "g": "12", "b": "800k"}, False),
    "mpeg4 avi 160x120": ("avi", "mpeg4", (120, 160), {"bf": "2", "g": "12", "b": "300k"}, False),
    "mpeg2 ps 320x240": ("mpg", "mpeg2video", (240, 320), {"bf": "2", "b": "1500k"}, False),
    "vp9 320x240": (
        "webm",
        "libvpx-vp9",
        (240, 320),
        {"cpu-used": "8", "deadline": "realtime"},
        True,
    ),
    "av1 320x240": ("mp4", "libsvtav1", (240, 320), {"preset": "12"}, True),
}
REAL = {
    "real kth avi": ("kth/person01_jogging_d1_uncomp.avi", False),
    "real ucf101 avi": ("ucf101/ApplyEyeMakeup_test.avi", False),
    "real kinetics mp4": ("kinetics/arm_wrestling_mmaction2_demo.mp4", True),
}
log = logging.getLogger("video")
torch.set_num_threads(1)


def film(path: Path, codec: str, size: tuple[int, int], options: dict[str, str]) -> Path:
    """Write a film of a smooth texture that moves, under noise."""
    rng = np.random.default_rng(SEED)
    texture = cv2.GaussianBlur(rng.normal(0, 250, (*size, 3)), (0, 0), 2) + 128
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25, options=options)
        (stream.height, stream.width), stream.pix_fmt, stream.thread_count = size, "yuv420p", 1
        for number in range(COUNT):
            moved = np.roll(texture, (number, 2 * number), (0, 1)) + rng.normal(0, 3, texture.shape)
            picture = moved.clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def films(folder: Path) -> Iterator[tuple[str, Path, bool]]:
    """Yield the name and path of each film, and whether seeking in it is exact."""
    for name, (ending, codec, size, options, exact) in FILMS.items():
        path = folder / f"{name.replace(' ', '_')}.{ending}"
        yield name, film(path, codec, size, options), exact
    for name, (path, exact) in REAL.items():
        if (ROOT.parent / "shared/data/videos" / path).is_file():
            yield name, ROOT.parent / "shared/data/videos" / path, exact


def seconds(function: Callable[[], object]) -> float:
    """Return CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


# The two ways to decode a whole file


def bare(path: Path, stream: int, rgb: bool) -> None:
    """Read every frame of a stream with PyAV and nothing else."""
    reformatter = VideoReformatter()
    with av.open(str(path)) as container:
        chosen = container.streams[stream]
        chosen.thread_count = 1
        for frame in container.decode(chosen):
            if rgb:
                reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()


def ours(path: Path, rgb: bool) -> None:
    """Read every frame the way the workflow does."""
    for _ in decode(path) if rgb else pictures(path, Health()):
        pass


def decoding(path: Path) -> dict[str, float]:
    """Return the ratios of ours to bare, and milliseconds of a frame."""
    with open_video(path)[0] as container:
        stream = max(container.streams.video, key=lambda s: (s.width * s.height, -s.index)).index
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for rgb in (False, True):
            kind = "rgb" if rgb else "frames"
            both = [seconds(lambda rgb=rgb: bare(path, stream, rgb))]
            both.append(seconds(lambda rgb=rgb: ours(path, rgb)))
            times.setdefault(kind, []).append(both)
    count = sum(1 for _ in pictures(path, Health()))
    found = {}
    for kind, pairs in times.items():
        pairs = np.array(pairs)
        found[f"{kind} ratio"] = float(np.median(pairs[:, 1] / pairs[:, 0]))
        found[f"{kind} ms a frame"] = float(np.median(pairs[:, 1])) / count * 1000
    return found


# The three ways to read a clip


def by_decoding(path: Path, numbers: np.ndarray) -> np.ndarray:
    """Read frames of ascending numbers (T,) the way the workflow decodes: in order, all of them."""
    wanted, found = set(numbers.tolist()), []
    with contextlib.closing(decode(path)) as source:
        for frame in source:
            if frame.index in wanted:
                found.append(frame.rgb)
            if frame.index >= numbers[-1]:
                break
    return np.stack(found)


def by_seeking(path: Path, numbers: np.ndarray, rate: Fraction) -> np.ndarray:
    """Read them from the key frame before them on, and convert no other frame."""
    wanted, found, convert = set(numbers.tolist()), [], VideoReformatter()
    container, stream = open_video(path)
    with container:
        origin = stream.start_time or 0
        container.seek(int(numbers[0] / rate / stream.time_base) + origin, stream=stream)
        for frame in container.decode(stream):
            number = round((frame.pts - origin) * stream.time_base * rate)
            if number in wanted:
                found.append(convert.reformat(frame, format="rgb24", threads=1).to_ndarray())
            if number >= numbers[-1]:
                break
    return np.stack(found)


class Cache:
    """frames.h5 of one film, read the way training does: each clip into the array of the last."""

    def __init__(self, files: OpenFiles, path: Path) -> None:
        """Take the files that are open, and where the film's is."""
        self._files, self._path, self._out = files, path, None

    def clip(self, numbers: np.ndarray) -> np.ndarray:
        """Read frames of ascending numbers (T,)."""
        with self._files.group(self._path, "video") as group:
            self._out = read_numbered(group, numbers, self._out)
        return self._out

    def ready(self, numbers: np.ndarray, rng: np.random.Generator) -> object:
        """Read, augment and preprocess them as training does, for a network of 112x112 px."""
        return PREPROCESS(augment(self.clip(numbers), rng, RECIPE))


def copied(frames: np.ndarray, numbers: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Copy frames that are in memory already."""
    np.copyto(out, frames[numbers[0] : numbers[-1] + 1 : STRIDE])
    return out


def clips(path: Path, exact: bool, folder: Path) -> dict[str, float]:
    """Return how many times as fast clips come from frames.h5, and clips a second from there."""
    record, stored = trim(path, folder / "clip.mkv"), folder / "frames.h5"
    with h5py.File(stored, "w", libver="v110") as file:
        write_frames(folder / "clip.mkv", record, file.create_group("video"))
    rate, rng = Fraction(record["fps"]), np.random.default_rng(SEED)
    with h5py.File(stored, "r") as file:
        frames = file["video/frames"][()]
    out, rounds = np.empty_like(frames[:LENGTH]), []
    with contextlib.closing(OpenFiles(partial(h5py.File, mode="r", locking=False))) as files:
        cache = Cache(files, stored)
        for _ in range(CLIPS):
            starts = rng.integers(len(frames) - LENGTH * STRIDE, size=CLIPS)
            drawn = starts[:, None] + np.arange(LENGTH) * STRIDE
            ways = {
                "cache": [partial(cache.clip, one) for one in drawn],
                "copy": [partial(copied, frames, one, out) for one in drawn],
                "decoding": [partial(by_decoding, path, drawn[0])],
                "ready": [partial(cache.ready, one, rng) for one in drawn[:2]],
            }
            if exact:
                ways["seeking"] = [partial(by_seeking, path, drawn[0], rate)]
            check(ways)
            spent = {name: mean_seconds(way) for name, way in ways.items()}
            rounds.append(spent | {"decoded": int(drawn[0, -1]) + 1})
    return figures_of(pd.DataFrame(rounds), len(frames))


def figures_of(rounds: pd.DataFrame, length: int) -> dict[str, float]:
    """Return what the seconds of each way in each round come to, for a film of so many frames."""
    middle = rounds.median()
    found = {"frames": length, "clips ratio": (rounds["decoding"] / rounds["cache"]).median()}
    if "seeking" in rounds:
        found["clips ratio to seeking"] = (rounds["seeking"] / rounds["cache"]).median()
    found["clips ratio of a bare copy"] = (rounds["decoding"] / rounds["copy"]).median()
    slope, opening = np.polyfit(rounds["decoded"], rounds["decoding"], 1)
    for many in LENGTHS:
        spent = opening + slope * mean_decoded(many)
        found[f"clips ratio, {many} frames"] = spent / middle["cache"]
    enough = (BAR["clips"] * middle["cache"] - opening) / slope
    least = max(LENGTH * STRIDE, 2 * (enough - mean_decoded(0)))
    found[f"frames for a clips ratio of {BAR['clips']:.0f}"] = least
    found["clips a second"] = 1 / middle["cache"]
    return found | {"clips a second, ready": 1 / middle["ready"]}


def mean_decoded(length: int) -> float:
    """Return how many frames are decoded for a clip at a random place, in the mean."""
    last = length - LENGTH * STRIDE - 1
    return last / 2 + (LENGTH - 1) * STRIDE + 1


def mean_seconds(calls: list[Callable[[], object]]) -> float:
    """Return CPU seconds of a call, one after the other."""
    return sum(seconds(call) for call in calls) / len(calls)


def check(ways: dict[str, list[Callable[[], np.ndarray]]]) -> None:
    """Stop when two ways of reading give different pixels."""
    given = {name: calls[0]().copy() for name, calls in ways.items() if name != "ready"}
    for name, pixels in given.items():
        if not np.array_equal(pixels, given["cache"]):
            sys.exit(f"video: {name} and cache do not give the same pixels")


def measured() -> dict:
    """Return the figures of every film, and which of them miss a bar."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="vidsal-video-") as name:
        for title, path, exact in films(Path(name)):
            figures = decoding(path) | clips(path, exact, Path(name))
            found[title] = {key: float(f"{value:.3g}") for key, value in figures.items()}
            log.info("%-34s %s", title, found[title])
    slow = {
        t: f for t, f in found.items() if max(f["frames ratio"], f["rgb ratio"]) > BAR["decoding"]
    }
    cheap = {t: f for t, f in found.items() if f["clips ratio"] < BAR["clips"]}
    return {
        "inputs": {"frames": COUNT, "rounds": ROUNDS, "clips": CLIPS, "seed": SEED},
        "av": av.__version__,
        "films": found,
        "bar": BAR,
        "films above the bar of decoding": sorted(slow),
        "films below the bar of clips": sorted(cheap),
    }


def main() -> None:
    """Measure and write."""
    import prove

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prove.write("video", measured())


if __name__ == "__main__":
    main()
