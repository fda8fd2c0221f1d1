"""CPU seconds of the metrics per 1000 frames of 360x640 with 50 fixations, on one thread.

python benchmarks/metrics.py            into benchmarks/results/metrics.json

The set is called as scoring calls it, metric after metric inside `sharing()`; each metric is also
called alone. Machines are shared and clocks vary, so that each figure also stands as a ratio to a
yardstick that is measured in the same round: `np.sort` of the same frames. Every metric is also
compared with its definition, written down plainly below, both in time and in value.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402 - after the number of threads
import prove  # noqa: E402 - beside this file
from scipy.stats import rankdata  # noqa: E402

from vidsal.densities import density  # noqa: E402
from vidsal.metrics._frames import sharing  # noqa: E402
from vidsal.metrics.auc import auc  # noqa: E402
from vidsal.metrics.cc import cc  # noqa: E402
from vidsal.metrics.kl import kl  # noqa: E402
from vidsal.metrics.nss import nss  # noqa: E402
from vidsal.metrics.s_auc import s_auc  # noqa: E402
from vidsal.metrics.sim import sim  # noqa: E402

SHAPE, POINTS, OTHERS = (360, 640), 50, 60_000
FRAMES, PLAIN_FRAMES, ROUNDS, SEED = 40, 4, 15, 0
BAR = {"float32": 2.0, "float64": 4.0}  # CPU s per 1000 frames, the whole set
log = logging.getLogger("metrics")
Inputs = dict[str, np.ndarray]


def made(kind: str, dtype: str) -> Inputs:
    """Return maps and truth: `smooth` maps as class activation makes them, or `noisy` gradients.

    Half of the people look at the peak of the map, half around the centre; the fixations of other
    videos are as many as DHF1K's validation set has.
    """
    rng = np.random.default_rng(SEED)
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    points, maps = [], []
    for frame in range(FRAMES):
        at = rng.uniform((60, 60), (SHAPE[0] - 60, SHAPE[1] - 60))
        maps.append(np.exp(-((rows - at[0]) ** 2 + (cols - at[1]) ** 2) / (2 * 60**2)))
        near = rng.normal(at, 40, (POINTS // 2, 2))
        far = rng.normal((SHAPE[0] / 2, SHAPE[1] / 2), 70, (POINTS - POINTS // 2, 2))
        own = np.r_[near, far].clip(0, (SHAPE[0] - 1, SHAPE[1] - 1))
        points.append(np.c_[np.full(POINTS, frame), own])
    saliency = np.array(maps)
    if kind == "noisy":
        saliency *= rng.gamma(0.5, size=saliency.shape)
    places = rng.normal((SHAPE[0] / 2, SHAPE[1] / 2), (60, 110), (OTHERS, 2))
    other = np.zeros(SHAPE)
    np.add.at(other, tuple(places.clip(0, (SHAPE[0] - 1, SHAPE[1] - 1)).astype(int).T), 1)
    looked = np.concatenate(points).astype(np.int32)
    return {
        "saliency": saliency.astype(dtype),
        "fixations": looked,
        "density": density(looked, SHAPE, FRAMES, 12.0),
        "other_fixations": other,
    }


# The definitions, written down plainly: float64, one frame at a time


def plain_auc(saliency: np.ndarray, where: np.ndarray, **_: np.ndarray) -> float:
    """Rank sum of the fixated pixels among all pixels."""
    ranks = rankdata(saliency).reshape(saliency.shape)
    return float((ranks[tuple(where.T)] - 0.5).mean() / saliency.size)


def plain_s_auc(
    saliency: np.ndarray, where: np.ndarray, other_fixations: np.ndarray, **_: np.ndarray
) -> float:
    """Every fixation against every fixation of the other videos."""
    negatives = np.repeat(saliency.ravel(), other_fixations.ravel().astype(int))
    hits = saliency[tuple(where.T)]
    wins = [(negatives < hit).sum() + (negatives == hit).sum() / 2 for hit in hits]
    return float(np.mean(wins) / len(negatives))


def plain_nss(saliency: np.ndarray, where: np.ndarray, **_: np.ndarray) -> float:
    """Mean standard score at the fixations."""
    return float(((saliency - saliency.mean()) / saliency.std())[tuple(where.T)].mean())


def plain_cc(saliency: np.ndarray, density: np.ndarray, **_: np.ndarray) -> float:
    """Correlation matrix of the two."""
    return float(np.corrcoef(saliency.ravel(), density.ravel())[0, 1])


def plain_sim(saliency: np.ndarray, density: np.ndarray, **_: np.ndarray) -> float:
    """Common mass of the two distributions."""
    return float(np.minimum(saliency / saliency.sum(), density / density.sum()).sum())


def plain_kl(saliency: np.ndarray, density: np.ndarray, **_: np.ndarray) -> float:
    """Divergence as the MIT benchmark has it."""
    given, truth, eps = saliency / saliency.sum(), density / density.sum(), 2.2204e-16
    return float((truth * np.log(eps + truth / (given + eps))).sum())


METRICS: dict[str, tuple[Callable, Callable, tuple[str, ...]]] = {
    "s_auc": (s_auc, plain_s_auc, ("fixations", "other_fixations")),
    "auc": (auc, plain_auc, ("fixations",)),
    "nss": (nss, plain_nss, ("fixations",)),
    "cc": (cc, plain_cc, ("density",)),
    "sim": (sim, plain_sim, ("density",)),
    "kl": (kl, plain_kl, ("density",)),
}


def ours(name: str, given: Inputs) -> np.ndarray:
    """Return the scores of a metric."""
    function, _, needs = METRICS[name]
    return function(given["saliency"], **{need: given[need] for need in needs})


def plain(name: str, given: Inputs) -> np.ndarray:
    """Return the scores of its definition, for the first frames."""
    found, looked = [], given["fixations"]
    for frame in range(PLAIN_FRAMES):
        found.append(
            METRICS[name][1](
                given["saliency"][frame].astype(np.float64),
                where=looked[looked[:, 0] == frame, 1:],
                density=given["density"][frame].astype(np.float64),
                other_fixations=given["other_fixations"],
            )
        )
    return np.array(found)


def yardstick(given: Inputs) -> None:
    """Sort the pixels of every frame."""
    for frame in given["saliency"]:
        np.sort(frame, axis=None)


def seconds(function: Callable, frames: int) -> float:
    """Return CPU seconds of one call per 1000 frames."""
    start = time.process_time()
    function()
    return (time.process_time() - start) / frames * 1000


def measured(kind: str, dtype: str) -> dict:
    """Return the figures of one kind of maps: the best of rounds in which all take turns."""
    given = made(kind, dtype)
    rounds: dict[str, list[float]] = {name: [] for name in ("sort", "whole set", *METRICS)}
    for _ in range(ROUNDS):
        rounds["sort"].append(seconds(lambda: yardstick(given), FRAMES))
        rounds["whole set"].append(seconds(lambda: whole_set(given), FRAMES))
        for name in METRICS:
            rounds[name].append(seconds(lambda name=name: ours(name, given), FRAMES))
    cost = {name: min(values) for name, values in rounds.items()}
    return {
        "cpu_s_per_1000_frames": rounded(cost),
        "in_sorts": rounded({name: value / cost["sort"] for name, value in cost.items()}),
        "times_faster_than_plain": rounded(
            {n: seconds(lambda n=n: plain(n, given), PLAIN_FRAMES) / cost[n] for n in METRICS}
        ),
        "largest_difference_from_plain": {
            name: float(
                f"{np.abs(ours(name, given)[:PLAIN_FRAMES] - plain(name, given)).max():.1e}"
            )
            for name in METRICS
        },
        "bar": BAR[dtype],
        "holds": cost["whole set"] <= BAR[dtype],
    }


def whole_set(given: Inputs) -> None:
    """Score with every metric."""
    with sharing():
        for name in METRICS:
            ours(name, given)


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Return three significant digits."""
    return {name: float(f"{value:.3g}") for name, value in values.items()}


def main() -> None:
    """Measure and write."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    found = {
        f"{kind} {dtype}": measured(kind, dtype) for dtype in BAR for kind in ("smooth", "noisy")
    }
    about = {"shape": SHAPE, "fixations": POINTS, "fixations_of_others": OTHERS, "seed": SEED}
    prove.write("metrics", {"inputs": about, "numpy": np.__version__} | found)


if __name__ == "__main__":
    main()
