"""What explaining costs, in units of one forward pass and one gradient of the same clip's input.

python benchmarks/attribution.py                  into benchmarks/results/attribution.json
python benchmarks/attribution.py shared frames    some of SECTIONS; the others' figures stay
python benchmarks/attribution.py --device cuda    clips per second on a GPU, skipped without one
python benchmarks/attribution.py --clip 8 56      on smaller clips, of 8 frames of 56 x 56 px

How the unit is measured: unit.py. `shared` is the pass that the workflow runs for all methods that
need no more, `questions` the methods that ask many (question_costs.py), `frames` frame ablation
with and without the memory of frames, `memory` what a batch size costs and `methods` a table of the
room (method_costs.py). Peers that are not installed are named, not measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import method_costs  # noqa: E402 - beside this file
import peers  # noqa: E402
import question_costs  # noqa: E402
import torch  # noqa: E402 - after the number of threads
from prove import RESULTS, write  # noqa: E402
from rescaling import one_by_one  # noqa: E402
from torch import Tensor  # noqa: E402
from unit import TARGET, Setting, forward, forward_backward, ratios, seconds, short  # noqa: E402

from vidsal import explained, registry  # noqa: E402
from vidsal.attribution import _pass, _precision  # noqa: E402
from vidsal.attribution.frame_ablation import frame_ablation  # noqa: E402
from vidsal.errors import InputError  # noqa: E402
from vidsal.models import VideoModel  # noqa: E402

NAME = "attribution"
BAR = {
    "shared pass": 1.1,
    "grad_cam": 0.55,
    "against its passes": 1.05,
    "bf16 times faster than captum": 2.3,
    "frame ablation times faster": 10.0,
    "of the bare rate on a GPU": 0.85,
}
log = logging.getLogger(NAME)


def family() -> dict[str, Callable]:
    """Return every method whose map comes out of the shared pass, as the workflow binds them."""
    found = {}
    for name in registry.names("attribution"):
        entry = registry.entry("attribution", name)
        if entry.constants.get("SHARED_PASS"):
            options = {key: own.default for key, own in entry.options.items()}
            found[name] = partial(registry.load("attribution", name), **options)
    return found


def maps(model: VideoModel, clip: Tensor, methods: dict[str, Callable]) -> list[Tensor]:
    """Return the maps of all methods that can explain the network, from one pass."""
    found = []
    with _pass.sharing(model, **explained._wanted(model, methods)):
        for name, method in methods.items():
            try:
                found.append(method(model, clip, TARGET))
            except InputError as error:
                log.debug("%s: %s", name, error)
    return found


def shared(setting: Setting) -> dict:
    """All maps of one pass; Grad-CAM alone; other libraries' Grad-CAM."""
    model, clip, methods = setting.network("r3d_18"), setting.clip(), family()
    by_layer = {
        f"{name} {layer}": partial(method, layer=layer)
        for name, method in methods.items()
        if "layer" in method.keywords
        for layer in model.cam_layers
    }
    ways = {
        "shared pass": partial(maps, model, clip, methods),
        "shared pass, all layers": partial(maps, model, clip, methods | by_layer),
        "grad_cam": partial(maps, model, clip, {"grad_cam": methods["grad_cam"]}),
        "forward": partial(forward, model, clip),
    }
    others = {f"grad_cam of {k}": way for k, way in peers.cams(model, clip, TARGET).items()}
    if peers.CAPTUM not in peers.missing():
        others["gradient, input_x_gradient, grad_cam of captum"] = peers.one_by_one(
            model, clip, TARGET
        )
    found = ratios(ways | others, partial(forward_backward, model, clip), setting.rounds)
    counts = {f"maps of {name}": len(ways[name]()) for name in list(ways)[:2]}
    return found | counts | {"not installed": peers.missing()}


def questions(setting: Setting) -> dict:
    """Integrated gradients, SmoothGrad, occlusion and RISE against their passes, and captum."""
    return question_costs.measured(setting)


def frames(setting: Setting) -> dict:
    """Frame ablation of a CNN-LSTM with and without the memory of frames."""
    model, clip = setting.network("cnn_lstm"), setting.clip()
    ways = {
        "with": partial(frame_ablation, model, clip, TARGET),
        "without": partial(frame_ablation, one_by_one(model), clip, TARGET),
    }
    figures = ratios(ways, partial(forward, model, clip), setting.rounds)
    found, full = (way() for way in ways.values())
    return {
        "forward passes": figures,
        "frame ablation times faster": figures["without"] / figures["with"],
        "largest difference": float((found - full).abs().max() / full.abs().max()),
    }


def memory(setting: Setting) -> dict:
    """The most memory that a batch size takes, of occlusion and integrated gradients."""
    return method_costs.by_batch_size(setting)


def methods(setting: Setting) -> dict:
    """Every method of the room at its defaults, on a small clip."""
    return method_costs.table()


def gpu(setting: Setting) -> dict:
    """Clips per second of the shared pass on a GPU, against the bare forward and backward pass."""
    if not torch.cuda.is_available():
        return {"skipped": "torch sees no GPU here"}
    setting = dataclasses.replace(setting, device="cuda", rounds=4 * setting.rounds)
    model, clip = setting.network("r2plus1d_18"), setting.clip()
    ways = {"shared pass": partial(maps, model, clip, family())}
    found: dict = {"gpu": torch.cuda.get_device_name()}
    for kind in _precision.KINDS:
        with _precision.precision(kind):
            bare = partial(in_precision, model, clip)
            part = 1 / ratios(ways, bare, setting.rounds, "cuda")["shared pass"]
            rate = 1 / min(seconds(bare, "cuda") for _ in range(setting.rounds))
            torch.cuda.reset_peak_memory_stats()
            ways["shared pass"]()
        found[kind] = {
            "bare clips per second": rate,
            "shared pass clips per second": rate * part,
            "of the bare rate on a GPU": part,
            "peak_mb": torch.cuda.max_memory_allocated() / 1e6,
        }
    return found


def in_precision(model: VideoModel, clip: Tensor) -> Tensor:
    """Return ds/dx the plainest way in the precision in force."""
    with _precision.trunk(model):
        return forward_backward(model, clip)


SECTIONS = {one.__name__: one for one in (shared, questions, frames, memory, methods, gpu)}


def missed(found: dict) -> list[str]:
    """Return the figures that are beyond their bar, and by how much."""
    lines = []
    for section, figures in found.items():
        for name, value in flat(figures):
            key = next((key for key in BAR if name.endswith(key)), None)
            above = key in ("shared pass", "grad_cam", "against its passes")
            if key and (value > BAR[key] if above else value < BAR[key]):
                lines.append(f"{section}: {name} {value:.3g}, bar {BAR[key]}")
    return lines


def flat(figures: object, path: str = "") -> list[tuple[str, float]]:
    """Return the numbers inside dictionaries, with the way to them."""
    if isinstance(figures, dict):
        return [one for key, value in figures.items() for one in flat(value, f"{path} {key}")]
    return [(path.strip(), figures)] if isinstance(figures, float) else []


def measured(setting: Setting = Setting(), names: tuple[str, ...] = ()) -> dict:  # noqa: B008
    """Return the figures of sections, or of all, beside those that were measured before."""
    torch.set_num_threads(1)
    path = RESULTS / f"{NAME}.json"
    found = json.loads(path.read_text(encoding="utf-8"))[NAME] if path.is_file() else {}
    for name in names or SECTIONS:
        made = short(SECTIONS[name](setting))
        found[name] = made | {"clip": [setting.length, setting.side, setting.side]}
        found |= {"processor": processor(), "torch": torch.__version__, "bar": BAR}
        found["beyond a bar"] = missed({key: found[key] for key in SECTIONS if key in found})
        write(NAME, found)  # each at once: all of them take an hour
    return found


def processor() -> str:
    """Return the name that the processor gives itself, where it does."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else "unknown"


def main() -> None:
    """Measure and write."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="section")
    known.add_argument("--clip", nargs=2, type=int, default=(16, 112), metavar=("FRAMES", "SIDE"))
    known.add_argument("--rounds", type=int, default=5)
    known.add_argument("--batch", type=int, default=8)
    known.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = known.parse_args()
    names = tuple(given.sections) or (("gpu",) if given.device == "cuda" else ())
    measured(Setting(*given.clip, rounds=given.rounds, batch=given.batch), names)


if __name__ == "__main__":
    main()
