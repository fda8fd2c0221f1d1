"""Where the time of a training goes, and whether its clips come fast enough.

python benchmarks/training.py           into benchmarks/results/training.json

R3D-18 at 16 x 112 x 112, 8 clips a step, on one thread of the CPU: how much of the loop's time lies
inside the forward and backward passes, with clips made when asked for (0 threads) and ahead (1).
And clips a second: what the loader makes with 0, 1 and 2 threads, against what the network learns
from. Videos are noise of 240 x 320 px as `frames.h5` keeps them (longest side at most 342), of
which every clip is cut, mirrored and recoloured.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from unittest import mock

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import h5py  # noqa: E402 - after the number of threads
import numpy as np  # noqa: E402
import torch  # noqa: E402

from vidsal import _sampling, training  # noqa: E402
from vidsal._recipe import Recipe  # noqa: E402
from vidsal.models import VideoModel  # noqa: E402
from vidsal.models.r3d_18 import r3d_18  # noqa: E402

VIDEOS, FRAMES, SIZE, BATCH, SEED = 16, 60, (240, 320), 8, 0
CHANGES = {"crop": 0.2, "jitter": 0.2, "saturation": 0.2}
BAR = {"inside forward and backward": 0.9}
log = logging.getLogger("training")


def write_videos(path: Path) -> None:
    """Write videos of noise, raw frames as the workflow stores them."""
    rng = np.random.default_rng(SEED)
    with h5py.File(path, "w", libver="v110") as file:
        for number in range(VIDEOS):
            frames = rng.integers(0, 256, (FRAMES, *SIZE, 3), dtype=np.uint8)
            file[f"video{number}/frames"] = frames
            file[f"video{number}/time"] = np.arange(FRAMES) / 25


class Clock:
    """Seconds spent inside what it was put around."""

    def __init__(self) -> None:
        """Start at 0."""
        self.seconds: dict[str, float] = {}

    def around(self, name: str, function: Callable) -> Callable:
        """Return the function with its seconds added up under a name."""

        def timed(*arguments: object, **more: object) -> object:
            start = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                spent = time.perf_counter() - start
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return timed


@contextmanager
def watched(model: VideoModel) -> Iterator[Clock]:
    """Take the time of the passes, the optimizer, and the wait for clips."""
    clock = Clock()
    wait = clock.around("waiting for clips", lambda made, count: [next(made) for _ in range(count)])
    with (
        mock.patch.object(model.net, "forward", clock.around("forward", model.net.forward)),
        mock.patch.object(
            torch.Tensor, "backward", clock.around("backward", torch.Tensor.backward)
        ),
        mock.patch.object(
            torch.optim.AdamW, "step", clock.around("optimizer", torch.optim.AdamW.step)
        ),
        mock.patch.object(training, "islice", wait),
    ):
        yield clock


def model() -> VideoModel:
    """Return the network, its weights drawn from a seed."""
    torch.manual_seed(SEED)
    return r3d_18(2)


def loop(samples: list, workers: int) -> dict[str, float]:
    """Return shares of the loop's time: one epoch, and the validation of half a batch."""
    net = model()
    silent = mock.patch.multiple(
        training._saving, save=lambda *_: None, write_results=lambda *_: None
    )
    with tempfile.TemporaryDirectory() as name, watched(net) as clock, silent:
        folder, start = Path(name), time.perf_counter()
        training.train(
            net,
            samples,
            samples[: BATCH // 2],
            folder=folder,
            work=folder,
            epochs=1,
            batch_size=BATCH,
            workers=workers,
            **CHANGES,
        )
        total = time.perf_counter() - start
    shares = {part: spent / total for part, spent in clock.seconds.items()}
    inside = shares["forward"] + shares["backward"]
    learning = clock.seconds["forward"] + clock.seconds["backward"]
    # Validation runs forward only, a third of the cost: its clips count as that much.
    seen = len(samples) + BATCH / 2 / 3
    return {
        "wall_s": total,
        "inside forward and backward": inside,
        **shares,
        "clips a second of the network": seen / learning,
    }


def loader(samples: list, workers: int, count: int = 96) -> float:
    """Return clips a second that so many threads make when nobody else wants the processor."""
    defaults = inspect.signature(training.train).parameters
    options = {one.name: defaults[one.name].default for one in fields(Recipe)} | CHANGES
    clips = _sampling.source(model(), samples, Recipe(**options))
    ahead = _sampling.Ahead(workers)
    start = time.perf_counter()
    for _ in ahead.map(lambda n: clips.changed(n % VIDEOS, n // VIDEOS), range(count), 2 * BATCH):
        pass
    spent = time.perf_counter() - start
    ahead.close()
    return count / spent


def measured() -> dict:
    """Return all figures, and whether the bar is kept."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="vidsal-training-") as name:
        path = Path(name) / "frames.h5"
        write_videos(path)
        with h5py.File(path, "r", locking=False) as file:
            samples = [(file[f"video{number}"], number % 2) for number in range(VIDEOS)]
            rates = {f"{n} threads": loader(samples, n) for n in (0, 1, 2)}
            loops = {f"{n} threads": loop(samples, n) for n in (0, 1)}
    network = loops["1 threads"]["clips a second of the network"]
    found = {
        "inputs": {"model": "r3d_18", "clip": [16, 112, 112], "batch": BATCH, "seed": SEED},
        "loop": {
            title: {k: float(f"{v:.4g}") for k, v in one.items()} for title, one in loops.items()
        },
        "clips a second of the loader": {k: round(v, 1) for k, v in rates.items()},
        "loader against network": round(rates["1 threads"] / network, 1),
        "bar": BAR,
    }
    found["bar is kept"] = all(
        one["inside forward and backward"] >= BAR["inside forward and backward"]
        for one in loops.values()
    )
    return found


def main() -> None:
    """Measure and write."""
    import prove

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prove.write("training", measured())


if __name__ == "__main__":
    main()
