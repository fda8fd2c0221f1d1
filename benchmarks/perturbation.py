"""Masks in 200 passes against the published descent of 2,000, on a trained R3D-18 at 8 x 56 x 56.

python benchmarks/perturbation.py                          5 clips x 2 areas: about 50 CPU-minutes
python benchmarks/perturbation.py --clips 1 --iterations 100

Compared are, of the final masks, the published energy with its weights (100 times -log p, 300 times
the area's mean square) and the probability of the class where the mask is made 0 or 1 at exactly
its area. The network learns on the synthetic dataset, through the workflow; it and what the
published descents found are kept in benchmarks/runs/perturbation, so that a run can be taken up.
Into benchmarks/results/perturbation.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import h5py  # noqa: E402 - after the number of threads
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from prove import write  # noqa: E402 - beside this file
from torch import Tensor  # noqa: E402

from tests.attribution.original_masks import MOMENTUM, RATE, Energy, original  # noqa: E402
from tests.workflow.project import make_project  # noqa: E402
from vidsal.attribution import _mask_reward, _mask_search, _pass  # noqa: E402
from vidsal.attribution._mask_generator import MaskGenerator  # noqa: E402
from vidsal.attribution._mask_losses import area_loss  # noqa: E402
from vidsal.attribution._mask_perturbation import Perturbation  # noqa: E402
from vidsal.model_folders import load_model  # noqa: E402
from vidsal.models import VideoModel  # noqa: E402
from vidsal.video.frames import read_frames  # noqa: E402

NAME, AREAS, OURS = "perturbation", (0.1, 0.2), 200
SMALL = {"size": [56, 56], "length": 8, "stride": 4}
RESULTS = "results/synthetic"
WORK = ROOT / "benchmarks" / "runs" / NAME
# Steps of ours after which its curves are read.
STEPS = (0, 10, 20, 30, 40, 50, 60, 75, 90)
# Iterations after which the published descents are kept.
EACH = 50
# Iterations of one mask that are done alone as well.
CHECKED = 5
# Passes at which the curves of energy are read.
CURVE = (10, 25, 50, 75, 100, 150, 200, 300, 500, 1000, 1500, 2000)
BAR = {"worse": 0.02, "iteration over a pass": 1.05}
log = logging.getLogger(NAME)


@dataclass(frozen=True)
class Clip:
    """A clip that the network knows the class of."""

    name: str
    frames: Tensor
    target: int


def trained() -> Path:
    """Return the folder of a project in which the network is trained; train it if need be."""
    folder = WORK / "project"
    if not (folder / RESULTS / "predictions/r3d_18").is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        config = {"run": {"models": ["r3d_18"]}, "models": {"r3d_18": SMALL}}
        made = make_project(ROOT, folder, config)
        made.run(f"{RESULTS}/predictions/r3d_18/test-000of001.parquet")
    return folder


def clips(project: Path, model: VideoModel, count: int) -> list[Clip]:
    """Return the first clips of different people that the network classifies as they are."""
    table = pd.read_parquet(project / RESULTS / "predictions/r3d_18/test-000of001.parquet")
    table = table[table["predicted"] == table["label"]].sort_values("video")
    found, seen = [], set()
    with h5py.File(project / RESULTS / "frames/test-000of001.h5") as file:
        for row in table.to_dict("records"):
            person = row["video"].rsplit("_", 1)[0]
            frames = read_frames(file[row["video"]])
            clip = model.preprocess(frames[model.layout(len(frames))[0]])
            right = int(row["predicted_index"])
            if person not in seen and answer(model, clip) == right:
                found.append(Clip(row["video"], clip, right))
                seen.add(person)
    if len(found) < count:
        raise RuntimeError(f"only {len(found)} clips of different people are classified rightly")
    return found[:count]


def answer(model: VideoModel, clip: Tensor) -> int:
    """Return the class that the network gives a clip."""
    with torch.inference_mode():
        return int(model.net(clip[None]).argmax())


def published(energies: list[Energy], name: str, iterations: int) -> dict:
    """Return the parameters (n,T,h,w) and energies (iterations,n) of the published descents.

    All masks go through the network together, which changes nothing of each of them and is three
    times as fast; what was found is kept every EACH iterations, so that a run can be taken up.
    """
    path = WORK / f"{name}-{iterations}.pt"
    found = torch.load(path) if path.is_file() else begun(energies)
    while len(found["history"]) < iterations:
        found = descended(energies, found, min(EACH, iterations - len(found["history"])))
        part = path.with_suffix(".part")
        torch.save(found, part)
        part.replace(path)
        log.info("published: %d of %d iterations", len(found["history"]), iterations)
    return found


def begun(energies: list[Energy]) -> dict:
    """Return the state of descents before their first step."""
    first = energies[0]
    ones = torch.ones(len(energies), first.clip.shape[1], *first.masks.cells)
    return {"parameters": ones, "history": torch.zeros(0, len(energies)), "steps": None, "cpu_s": 0}


def descended(energies: list[Energy], found: dict, count: int) -> dict:
    """Return the state after so many further steps; every mask for itself."""
    start, done = time.process_time(), len(found["history"])
    parameters = found["parameters"].clone().requires_grad_()
    steps = torch.optim.SGD([parameters], RATE, MOMENTUM, dampening=MOMENTUM)
    if found["steps"]:
        steps.load_state_dict(found["steps"])
    history = [found["history"]]
    for iteration in range(done, done + count):
        values = together(energies, parameters, iteration)
        steps.zero_grad()
        values.sum().backward()
        steps.step()
        with torch.no_grad():
            parameters.clamp_(0, 1)
        history.append(values.detach()[None])
    return {
        "parameters": parameters.detach(),
        "history": torch.cat(history),
        "steps": steps.state_dict(),
        "cpu_s": found["cpu_s"] + time.process_time() - start,
    }


def together(energies: list[Energy], parameters: Tensor, iteration: int) -> Tensor:
    """Return the energies (n,) of masks, from one pass of all of them."""
    masks = energies[0].masks
    padded = masks(parameters)
    frames = masks.crop(padded)
    pairs = list(zip(energies, padded, frames, strict=True))
    seen = torch.stack([energy.seen(frame[None])[0] for energy, _, frame in pairs])
    logits = energies[0].net(seen)
    return torch.stack(
        [
            sum(
                dataclasses.replace(energy, net=lambda _, row=row: row[None]).parts(
                    *mask, iteration
                )
            )
            for (energy, *mask), row in zip(pairs, logits, strict=True)
        ]
    )


def check(energy: Energy, history: Tensor) -> None:
    """Refuse energies (iterations,) of a mask among others that it does not have alone."""
    _, alone, _ = original(energy, CHECKED)
    torch.testing.assert_close(history[:CHECKED], alone.sum(dim=0), rtol=1e-3, atol=1e-2)


def known(energy: Energy, logits: Tensor) -> Energy:
    """Return the energy whose network has answered already, with logits (K,)."""
    return dataclasses.replace(energy, net=lambda _: logits[None])


def judged(energy: Energy, parameters: Tensor) -> dict[str, float]:
    """Return energy and its parts, and the probability behind the mask at exactly its area."""
    padded = energy.masks(parameters)
    frame = energy.masks.crop(padded)
    with torch.inference_mode():
        reward, small = (float(part) for part in energy.parts(padded, frame, 0))
        hard = (energy.clip * binary(frame, energy.area))[None]
        probability = float(energy.net(hard)[0].softmax(0)[energy.target])
    return {"energy": reward + small, "reward": reward, "area": small, "binarised": probability}


def binary(mask: Tensor, area: float) -> Tensor:
    """Return 1 in the largest part `area` of a mask, exactly, and 0 elsewhere."""
    chosen = torch.zeros(mask.numel())
    chosen[mask.flatten().topk(round(area * mask.numel())).indices] = 1
    return chosen.view_as(mask)


def ours(model: VideoModel, clip: Clip) -> tuple[list[Tensor], list[dict[int, float]], int]:
    """Return the parameters of each area, the energies on the way, and the passes of an area.

    The energy after so many passes is that of the better of the masks of an area, after these.
    """
    task = _mask_search.Search("ours", AREAS, "preserve", "fade", OURS, 7, 11, 0)
    before = _pass.PASSES.backward
    *way, best = _mask_search.descent(model, clip.frames, clip.target, task, kept)
    spent = _pass.PASSES.backward - before
    levels, count = _mask_search.plan(OURS)
    starts, curves = _mask_search.STARTS, []
    for number, area in enumerate(AREAS):
        energy = Energy(model.net, clip.frames, clip.target, area)
        own = slice(number * starts, (number + 1) * starts)
        curves.append(
            {
                levels + starts * step: min(judged(energy, one)["energy"] for one in way[step][own])
                for step in STEPS
                if step <= count
            }
        )
    # The first passes serve all areas; counted here as if each had paid for them.
    return list(best), curves, max(OURS, -(-spent // len(AREAS)))


def kept(mask: Tensor, area: float) -> Tensor:
    """Return what extremal_perturbation_3d adds to the reward."""
    return 3 * area_loss(mask.flatten(), area)


def rows(model: VideoModel, chosen: list[Clip], iterations: int) -> Iterator[dict]:
    """Yield one comparison per clip and area."""
    pairs = [(clip, area) for clip in chosen for area in AREAS]
    energies = [Energy(model.net, clip.frames, clip.target, area) for clip, area in pairs]
    long = published(energies, f"{len(chosen)}-clips", iterations)
    check(energies[0], long["history"][:, 0])
    mine = {clip.name: ours(model, clip) for clip in chosen}
    for number, ((clip, area), energy) in enumerate(zip(pairs, energies, strict=True)):
        found, curves, passes = mine[clip.name]
        which = AREAS.index(area)
        way = {n: float(long["history"][n - 1, number]) for n in CURVE if n <= iterations}
        row = {
            "clip": clip.name,
            "area": area,
            "passes": passes,
            "ours": rounded(judged(energy, found[which])),
            "published": rounded(judged(energy, long["parameters"][number])),
            "curve of ours": rounded(curves[which]),
            "curve of the published": rounded(way),
        }
        log.info("%s", json.dumps(row))
        yield row


def rounded(values: dict) -> dict:
    """Return the numbers with four places."""
    return {str(key): round(value, 4) for key, value in values.items()}


def cost(model: VideoModel, clip: Clip, repeats: int = 15) -> dict[str, float]:
    """Return CPU seconds of a pass and of a mask's iteration, and the median of their ratios."""
    frames, target = clip.frames, clip.target
    generator = MaskGenerator(tuple(frames.shape[-2:]), 7, 11, frames, 4)
    parameters = torch.rand(1, frames.shape[1], *generator.cells)
    steps = _mask_search.Adam(parameters, repeats)
    seen = Perturbation(frames, "fade")
    with _mask_reward.reward(model, seen, target, "preserve") as ask:

        def bare() -> None:
            batch = frames[None].clone().requires_grad_()
            torch.autograd.grad(model.net(batch)[0, target], batch)

        def iteration() -> None:
            slope = _mask_search.slope_of(ask, generator, parameters, AREAS[:1], kept, 1.0)
            steps(parameters, slope)

        pairs = [(timed(bare), timed(iteration)) for _ in range(repeats)]
    return {
        "pass_cpu_s": round(statistics.median(one for one, _ in pairs), 4),
        "iteration_cpu_s": round(statistics.median(two for _, two in pairs), 4),
        "ratio": round(statistics.median(two / one for one, two in pairs), 4),
    }


def timed(function: Callable[[], None]) -> float:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def summary(found: list[dict]) -> dict:
    """Return medians and the worst case of ours against the published; less energy is better."""
    gains = {
        "energy": [row["published"]["energy"] - row["ours"]["energy"] for row in found],
        "binarised": [row["ours"]["binarised"] - row["published"]["binarised"] for row in found],
    }
    return {
        name: {"median_gain": round(statistics.median(one), 4), "worst": round(min(one), 4)}
        for name, one in gains.items()
    }


def main() -> None:
    """Measure and write."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=2000)
    given = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    project = trained()
    model = load_model(project / RESULTS / "models/r3d_18")
    model.net.requires_grad_(False)
    chosen = clips(project, model, given.clips)
    spent = cost(model, chosen[0])
    log.info("cost %s", spent)
    found = list(rows(model, chosen, given.iterations))
    about = {"published_iterations": given.iterations, "iterations": OURS, "bar": BAR}
    write(NAME, {"cost": spent, **about, "gain": summary(found), "rows": found})


if __name__ == "__main__":
    main()
