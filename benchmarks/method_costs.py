"""What every method of the room costs at its defaults, on a small clip, and what a batch takes.

A method is measured on the first network that it can explain of one with 3-D convolutions, one that
sees frames one by one, and one of tokens. Passes are counted, seconds taken in units (unit.py).
Memory is the most bytes of tensors that live at once, beyond the network and the clip; what kernels
need inside comes on top, so the growth of the process is given as well for a batch size.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
from collections.abc import Callable
from functools import partial

from torch import Tensor
from unit import TARGET, Setting, forward_backward, passes, ratios

from tests.attribution.live import peak
from tests.attribution.test_attribution_contract import bound, build
from vidsal import config, registry
from vidsal.attribution import _variants
from vidsal.attribution.integrated_gradients import integrated_gradients
from vidsal.attribution.occlusion import occlusion
from vidsal.errors import InputError
from vidsal.models import VideoModel

KINDS = {"3-D": "r3d_18", "frames": "cnn_lstm", "tokens": "mvit_v2_s"}
SMALL = {"r3d_18": Setting(8, 56), "cnn_lstm": Setting(8, 64), "mvit_v2_s": Setting(8, 64)}
SIZES, BATCH = (1, 2, 4, 8), 8
# Enough questions for a full batch, and few enough to count every tensor.
FEW = {"samples": BATCH, "steps": BATCH, "iterations": 2}
ROUNDS, LONG = 3, 30
log = logging.getLogger(__name__)


def table() -> dict:
    """Return for each method what it explains and what that costs."""
    tiny = {kind: build(name) for kind, name in KINDS.items()}
    small = {name: (setting.network(name), setting.clip()) for name, setting in SMALL.items()}
    found = {}
    for name in registry.names("attribution"):
        kinds = [kind for kind, case in tiny.items() if _explains(name, *case)]
        found[name] = {"explains": kinds}
        if kinds:
            network = KINDS[kinds[0]]
            found[name] |= {"network": network} | _cost(name, *small[network])
        log.info("%s: %s", name, found[name])
    return {"small clips": {n: [s.length, s.side, s.side] for n, s in SMALL.items()}, "of": found}


def _explains(name: str, model: VideoModel, clip: Tensor) -> bool:
    function, options = bound(name)
    try:
        function(model, clip, TARGET, **options)
    except InputError as error:
        log.info("%s", error)
        return False
    return True


def _cost(name: str, model: VideoModel, clip: Tensor) -> dict:
    method = partial(_defaults(name), model, clip, TARGET)
    unit, counted = partial(forward_backward, model, clip), []
    # The first call counts passes; of a long one it is measured as well, and not repeated.
    first = ratios({name: lambda: counted.append(passes(method))}, unit, 1)
    there, back = counted[0]
    cost = first if there > LONG else ratios({name: method}, unit, ROUNDS)
    with _variants.batch(BATCH):
        most = peak(partial(_defaults(name, FEW), model, clip, TARGET), *_outside(model, clip))
    return {
        "passes": {"forward": there, "backward": back},
        "f+b": cost[name],
        "peak_mb": most / 1e6,
        "peak in clips": most / (clip.numel() * clip.element_size()),
    }


def _defaults(name: str, fewer: dict | None = None) -> Callable:
    """Return a method as the workflow binds it, with fewer questions where it asks many."""
    known = registry.entry("attribution", name).options
    given = {key: value for key, value in (fewer or {}).items() if key in known}
    settings = {"attribution": {name: given}}
    options = config.bind(settings, config.choice(settings, "attribution", name))
    return partial(registry.load("attribution", name), **options)


def _outside(model: VideoModel, clip: Tensor) -> list[Tensor]:
    return [clip, *model.net.parameters(), *model.net.buffers()]


# What a batch size takes


def by_batch_size(setting: Setting) -> dict:
    """Return the most memory in MB, each in a process of its own, and how it grows."""
    spawn = multiprocessing.get_context("spawn")
    found: dict = {}
    for name in WAYS:
        found[name] = {}
        for size in SIZES:
            with spawn.Pool(1) as pool:
                found[name][str(size)] = pool.apply(_most, (name, setting, size))
        first, last = (found[name][str(size)]["tensors_mb"] for size in (SIZES[0], SIZES[-1]))
        found[name]["tensors_mb of each clip"] = (last - first) / (SIZES[-1] - SIZES[0])
        log.info("%s: %s", name, found[name])
    return found


# One full batch each: forward passes alone, and forward and backward passes.
WAYS = {
    "occlusion": lambda size: partial(occlusion, window=[1 / size, 1.0, 1.0]),
    "integrated_gradients": lambda size: partial(integrated_gradients, steps=size),
}


def _most(name: str, setting: Setting, size: int) -> dict[str, float]:
    """Return the growth of this process and the most bytes of tensors, in MB."""
    model, clip = setting.network("r3d_18"), setting.clip()
    run = partial(WAYS[name](size), model, clip, TARGET)
    with _variants.batch(size):
        before = _resident()
        run()
        grown = _resident() - before
        tensors = peak(run, *_outside(model, clip))
    return {"tensors_mb": tensors / 1e6, "resident_mb": grown}


def _resident() -> float:
    """Return the most memory that this process has had, in MB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
