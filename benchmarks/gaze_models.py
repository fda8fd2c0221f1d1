"""What predicting gaze costs, beside the bare network and beside a loop over single frames.

python benchmarks/gaze_models.py                  into benchmarks/results/gaze_models.json
python benchmarks/gaze_models.py --device cuda    on a GPU, skipped without one
python benchmarks/gaze_models.py --frames 16      of 192 x 256 px; 10,000 small ones for the memory

`speed`: seconds per frame of the stream (frames made its input, network, maps on the CPU), of the
bare network on the same batches of ready input, and of a loop that gives the network one frame at a
time and keeps the graph of its state, as the original of SalEMA does. They take turns; ratios are
medians over rounds. `memory`: the largest resident set after a tenth of the frames, and at the end.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402 - after the number of threads
import torch  # noqa: E402
from prove import write  # noqa: E402 - beside this file
from unit import seconds, short  # noqa: E402

from vidsal import registry  # noqa: E402
from vidsal.gaze._model import GazeModel  # noqa: E402

NAME = "gaze_models"
NETWORKS = ("salgan", "sal_ema", "sal_clstm")
BAR = {"stream over bare": 1.05, "loop over stream": 1.3, "memory at the end over a tenth": 1.02}
SMALL = {"width": 1 / 8, "size": [48, 64]}
log = logging.getLogger(NAME)


def network(name: str, device: str, **options: object) -> GazeModel:
    """Return a network with random weights."""
    torch.manual_seed(0)
    model = registry.load("gaze", name)(**options)
    model.net.to(device)
    return model


def noise(count: int, height: int, width: int) -> Iterator[np.ndarray]:
    """Yield frames uint8 (t,H,W,3), 32 at a time, each piece the same but for a shift."""
    piece = np.random.default_rng(0).integers(0, 256, (32, height, width, 3), dtype=np.uint8)
    for start in range(0, count, 32):
        yield np.roll(piece, start, axis=2)[: count - start]


def speed(frames: int, rounds: int, batch: int, device: str) -> dict:
    """Return seconds per frame and ratios of every network."""
    return {name: speed_of(name, frames, rounds, batch, device) for name in NETWORKS}


def speed_of(name: str, frames: int, rounds: int, batch: int, device: str) -> dict:
    """Return seconds per frame of one network, and how they compare."""
    model, plain = network(name, device, batch=batch), network(name, device)
    plain.net.to(memory_format=torch.contiguous_format)
    (given,) = (np.concatenate(list(noise(frames, 192, 256))),)
    ready = [
        model.inputs(given[start : start + batch], None)[None].to(device)
        for start in range(0, frames, batch)
    ]

    def stream() -> None:
        for _ in model.predict(iter([given])):
            pass

    def bare() -> None:
        state = None
        with torch.inference_mode():
            for clip in ready:
                _, state = model.net(clip, state)

    def loop() -> None:
        state, made = None, []
        for frame in given:
            clip = model.inputs(frame[None], None)[None].to(device)
            logits, state = plain.net(clip, state)
            made.append(logits.sigmoid().detach().cpu().numpy())

    ways = {"stream": stream, "bare": bare, "loop": loop}
    for way in ways.values():
        way()
    spent = [{key: seconds(way, device) for key, way in ways.items()} for _ in range(rounds)]
    found = {key: statistics.median(one[key] for one in spent) / frames for key in ways}
    return found | {
        "stream over bare": statistics.median(one["stream"] / one["bare"] for one in spent),
        "loop over stream": statistics.median(one["loop"] / one["stream"] for one in spent),
    }


def memory(frames: int, device: str) -> dict:
    """Return the largest resident set (MB) after a tenth of the frames, and at the end."""
    model = network("sal_ema", device, batch=32, **SMALL)
    done, early = 0, 0.0
    for maps in model.predict(noise(frames, 48, 64)):
        done += len(maps)
        if not early and done >= frames / 10:
            early = largest()
    return {
        "frames": done,
        "at a tenth, MB": early,
        "at the end, MB": largest(),
        "memory at the end over a tenth": largest() / early,
    }


def largest() -> float:
    """Return the largest resident set of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def missed(found: dict) -> list[str]:
    """Return a line for every figure beyond its bar."""
    lines = []
    for name, figures in found.items():
        for key, bar in BAR.items():
            value = figures.get(key)
            wrong = value is not None and (value < bar if key.startswith("loop") else value > bar)
            if wrong:
                lines.append(f"{name}: {key} {value:.3g}, bar {bar}")
    return lines


def measured(
    frames: int = 8, rounds: int = 3, batch: int = 8, device: str = "cpu", long: int = 10_000
) -> dict:
    """Return all figures; the memory first, before anything large was held."""
    torch.set_num_threads(1)
    held = memory(long, device)
    found = {"memory": held} | speed(frames, rounds, batch, device)
    about = {"frames": frames, "batch": batch, "device": device, "torch": torch.__version__}
    return short(found) | about | {"bar": BAR, "beyond a bar": missed(found)}


def main() -> None:
    """Measure and write."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--frames", type=int, default=8)
    known.add_argument("--rounds", type=int, default=3)
    known.add_argument("--batch", type=int, default=8)
    known.add_argument("--long", type=int, default=10_000)
    known.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = known.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("gaze_models: no GPU here; nothing was measured")
    write(NAME, measured(given.frames, given.rounds, given.batch, given.device, given.long))


if __name__ == "__main__":
    main()
