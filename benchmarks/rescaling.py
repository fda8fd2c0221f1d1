"""What temporal rescaling of a 30x120x120 clip with 12x12 cells costs on the KTH CNN-LSTM.

python benchmarks/rescaling.py          into benchmarks/results/rescaling.json

The original makes one map per mask: 30 frames, and 144 cells of each of the 13 frames above the
0.55 quantile, on top of the clip's own, 1,903 maps in all. Ours looks at every masked frame once
and pulls the 300 features of every frame back once. Both are counted in passes of a clip, and in
CPU seconds of this run; the original's are those of a few of its maps, times their number. The
floor is what any method needs that takes these gradients exactly: the masked frames there and back,
and one backward pass of every frame per feature or per mask, whichever is less. A short clip is
done both ways in full, to see that they agree.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import torch  # noqa: E402 - after the path
from prove import write  # noqa: E402 - beside this file

from vidsal.attribution import _pass, _rescaling  # noqa: E402
from vidsal.attribution.temporal_rescaling import temporal_rescaling  # noqa: E402
from vidsal.models import VideoModel  # noqa: E402
from vidsal.models.cnn_lstm import cnn_lstm  # noqa: E402

THREADS, SEED, TARGET, CELLS, QUANTILE = 1, 0, 1, [12, 12], 0.55
LENGTH, SIDE, FEATURES, MAPS = 30, 120, 300, 4
BAR_CPU_MINUTES = 15.0


class OneByOne(VideoModel):
    """The same network, asked for a whole map per mask."""

    frame_features = None


def one_by_one(model: VideoModel) -> VideoModel:
    """Return the model as the original sees it."""
    return OneByOne(**{one.name: getattr(model, one.name) for one in dataclasses.fields(model)})


def network(length: int, side: int) -> tuple[VideoModel, torch.Tensor]:
    """Return the KTH network with random weights, and a clip of moving blotches."""
    torch.manual_seed(SEED)
    model = cnn_lstm(2, features=FEATURES, layers=3, length=length, size=[side, side])
    model.net.eval()
    coarse = torch.rand(1, 3, length // 3, 6, 6)
    clip = torch.nn.functional.interpolate(coarse, (length, side, side), mode="trilinear")[0]
    return model, clip


def cpu(function: object) -> tuple[object, float]:
    """Return what a call gives and its CPU seconds, of all threads."""
    start = time.process_time()
    made = function()
    return made, time.process_time() - start


def passes(function: object) -> tuple[float, float]:
    """Return the passes of a call, forward and backward."""
    before = _pass.PASSES.forward, _pass.PASSES.backward
    function()
    after = _pass.PASSES.forward, _pass.PASSES.backward
    return float(after[0] - before[0]), float(after[1] - before[1])


def agreement() -> float:
    """Return the largest relative difference from the full loop on a clip of 6x40x40."""
    model, clip = network(6, 40)
    asked = {"cells": [4, 4], "quantile": QUANTILE, "baseline": "black", "unselected": 0.1}
    short = temporal_rescaling(model, clip, TARGET, **asked)
    full = temporal_rescaling(one_by_one(model), clip, TARGET, **asked)
    return float(((short - full).abs() / full.abs().max()).max())


def ours() -> dict[str, float]:
    """Return CPU seconds and passes of the whole map."""
    model, clip = network(LENGTH, SIDE)
    seconds: dict[str, float] = {}

    def run() -> None:
        made, seconds["cpu_s"] = cpu(
            lambda: temporal_rescaling(
                model, clip, TARGET, cells=CELLS, quantile=QUANTILE, baseline="black"
            )
        )
        seconds["frames asked"] = int((made.flatten(1).amax(dim=1) > 0).sum())

    there, back = passes(run)
    return seconds | {"passes forward": there, "passes backward": back}


def original(maps: int) -> dict[str, float]:
    """Return CPU seconds of one of the original's maps, and of all of them."""
    model, clip = network(LENGTH, SIDE)
    rest = one_by_one(model)
    masks = [_rescaling.Mask(frame) for frame in range(MAPS)]
    cover = clip.new_zeros(1, 1, 1, 1)
    asked = {"cover": cover, "base": "gradient", "absolute": True}
    _, seconds = cpu(lambda: _rescaling.changes(rest, clip, TARGET, masks, **asked))
    each = seconds / (MAPS + 1)
    return {"maps": maps, "cpu_s of a map": each, "cpu_s": each * maps}


def floor(masks: int) -> float:
    """Return the backward passes of a clip that no exact way can do without."""
    return (LENGTH * min(FEATURES, masks) + masks) / LENGTH


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(THREADS)
    found = ours()
    masks = LENGTH + int(found["frames asked"]) * CELLS[0] * CELLS[1]
    peer = original(masks + 1)
    write(
        "rescaling",
        {
            "clip": [LENGTH, SIDE, SIDE],
            "cells": CELLS,
            "ours": found,
            "original": peer,
            "times faster": peer["cpu_s"] / found["cpu_s"],
            "floor of backward passes": floor(masks),
            "largest relative difference on 6x40x40": agreement(),
            "bar": {"cpu minutes": BAR_CPU_MINUTES, "relative difference": 1e-4},
            "holds": found["cpu_s"] < 60 * BAR_CPU_MINUTES,
        },
    )


if __name__ == "__main__":
    main()
