"""What methods cost that ask a network many questions, against their passes and against captum.

Their passes at the price of bare ones: what no way of asking can go below. captum answers the same
questions one at a time and in batches; the cheaper of the two counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import peers
import torch
from torch import Tensor
from unit import TARGET, Setting, forward, forward_backward, passes, ratios, short

from vidsal.attribution import _variants
from vidsal.attribution._precision import precision
from vidsal.attribution.extremal_perturbation_3d import extremal_perturbation_3d
from vidsal.attribution.integrated_gradients import integrated_gradients
from vidsal.attribution.occlusion import occlusion
from vidsal.attribution.rise import rise
from vidsal.attribution.smooth_grad import smooth_grad
from vidsal.models import VideoModel

STEPS, NOISE, WINDOW = 16, 0.15, [0.25, 0.5, 0.5]
FASTER = {"fp32": "times faster than captum", "bf16": "bf16 times faster than captum"}
log = logging.getLogger(__name__)


def measured(setting: Setting) -> dict:
    """Return the figures of each method, and what they rest on."""
    model, clip = setting.network("r3d_18"), setting.clip()
    unit = partial(forward_backward, model, clip)
    there = ratios({"forward": partial(forward, model, clip)}, unit, setting.rounds)["forward"]
    captum = captum_ways(model, clip) if peers.CAPTUM not in peers.missing() else {}
    found = {}
    for name, method in asking().items():
        own = partial(asked, setting.batch, method, model, clip)
        ways = {kind: partial(own, kind) for kind in FASTER}
        if name in captum:
            for size in (1, setting.batch):
                ways[f"captum, batch {size}"] = partial(in_batches, size, captum[name])
        found[name] = _figures(ratios(ways, unit, setting.rounds), passes(ways["fp32"]), there)
        log.info("%s: %s", name, short(found[name]))
    about = {"forward": there, "questions": STEPS, "batch": setting.batch}
    return found | about | {"avx512_bf16": bool(torch.cpu._is_avx512_bf16_supported())}


def _figures(costs: dict[str, float], run: tuple[float, float], there: float) -> dict:
    forward_only, back = run[0] - run[1], run[1]
    found: dict = {"f+b": costs, "passes": {"forward": run[0], "backward": back}}
    found["against its passes"] = costs["fp32"] / (forward_only * there + back)
    best = min((cost for way, cost in costs.items() if way.startswith("captum")), default=None)
    if best is not None:
        found |= {key: best / costs[kind] for kind, key in FASTER.items()}
    return found


def asking() -> dict[str, Callable]:
    """Return the methods, with few questions each."""
    return {
        "integrated_gradients": partial(integrated_gradients, steps=STEPS),
        "smooth_grad": partial(smooth_grad, samples=STEPS, noise=NOISE),
        "occlusion": partial(occlusion, window=WINDOW),
        "rise": partial(rise, samples=STEPS),
        "extremal_perturbation_3d": partial(extremal_perturbation_3d, iterations=STEPS),
    }


def captum_ways(model: VideoModel, clip: Tensor) -> dict[str, Callable]:
    """Return captum's ways to the same maps; it has neither RISE nor masks."""
    black = model.preprocess.black().to(clip).expand_as(clip)
    sigma = NOISE * float(clip.max() - clip.min())
    window = (len(clip), *(round(w * s) for w, s in zip(WINDOW, clip.shape[1:], strict=True)))
    asked = {
        "integrated_gradients": (peers.integrated_gradients, (black, STEPS)),
        "smooth_grad": (peers.smooth_grad, (STEPS, sigma)),
        "occlusion": (peers.occlusion, (window,)),
    }
    return {name: partial(way, model, clip, TARGET, *more) for name, (way, more) in asked.items()}


def asked(size: int, method: Callable, model: VideoModel, clip: Tensor, kind: str) -> Tensor:
    """Return a method's map at a batch size and a precision."""
    with _variants.batch(size), precision(kind):
        return method(model, clip, TARGET)


def in_batches(size: int, way: Callable) -> Tensor:
    """Return what a way gives at a batch size."""
    with _variants.batch(size):
        return way()
