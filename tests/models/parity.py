"""Published checkpoints without their files: weights from a recipe, inputs, and tolerances.

tests/fixtures/parity holds what the original programs gave for weights that are drawn anew from
their names (see the README there); tests/fixtures/statedicts the names and shapes of published
checkpoints. A test saves such a checkpoint as it was published, loads it as a user would, and
compares.
"""

from __future__ import annotations

import json
import math
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import torch

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
KINETICS = {"mean": (0.43216, 0.39467, 0.37645), "std": (0.22803, 0.22145, 0.21699)}
ROUNDING = 1e-8
FACTORS = {
    "bias": lambda n: 0.05 * n,
    "bn_weight": lambda n: 1 + 0.1 * n,
    "bn_bias": lambda n: 0.05 * n,
    "bn_mean": lambda n: 0.1 * n,
    "bn_var": lambda n: 1 + 0.2 * np.abs(n),
}


@cache
def recipe(name: str) -> dict:
    """Return the JSON of a fixture: tensors, layout, settings, tolerances."""
    return json.loads((FIXTURES / "parity" / f"{name}.json").read_text(encoding="utf-8"))


def state(name: str) -> dict[str, torch.Tensor]:
    """Return the weights of a fixture under their published names, checked against its sums."""
    seed = recipe(name)["base_seed"]
    made = {key: _tensor(key, *rest, seed) for key, *rest in recipe(name)["tensors"]}
    for key, expected in recipe(name)["weight_checks"].items():
        values = made[key].astype(np.float64)
        np.testing.assert_array_equal(made[key].flatten()[:3], np.float32(expected["first"]))
        np.testing.assert_allclose(np.abs(values).sum(), expected["abs_sum_f64"], rtol=1e-9)
    return {key: torch.from_numpy(value) for key, value in made.items()}


def _tensor(name: str, shape: list[int], kind: str, gain: float, seed: int) -> np.ndarray:
    if kind == "counter":
        return np.zeros(shape, np.int64)
    if kind == "const":
        return np.full(shape, gain, np.float32)
    draw = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    n = draw.standard_normal(shape)
    if kind == "weight":
        return (n * (gain * math.sqrt(2 / math.prod(shape[1:])))).astype(np.float32)
    return FACTORS[kind](n).astype(np.float32)


def shapes(name: str) -> dict[str, torch.Tensor]:
    """Return tensors of the names and shapes of a published checkpoint, all of them different."""
    found = json.loads((FIXTURES / "statedicts" / f"{name}.json").read_text(encoding="utf-8"))
    draw = torch.Generator().manual_seed(0)
    return {key: torch.rand(shape, generator=draw) for key, shape in found["shapes"].items()}


def saved(folder: Path, weights: dict, *, prefix: str = "", wrapper: str = "", **beside) -> str:
    """Save a checkpoint as it was published: names prefixed, wrapped, other things beside it."""
    named = {prefix + key: value for key, value in weights.items()}
    path = folder / "published.pth"
    torch.save({wrapper: named, **beside} if wrapper else named, path)
    return str(path)


def clip(
    name: str, mean: tuple = (0, 0, 0), std: tuple = (1, 1, 1), repeat: int = 1
) -> torch.Tensor:
    """Return a picture sequence of inputs.npz as a normalised batch (1,3,T,H,W) float32.

    Args:
        name: "clip_rgb_112" or "kth_rgb_40".
        mean: of values in 0..1, per channel.
        std: likewise.
        repeat: times that every pixel stands in each direction.
    """
    frames = np.load(FIXTURES / "parity" / "inputs.npz")[name].astype(np.float32) / np.float32(255)
    frames = frames.repeat(repeat, axis=1).repeat(repeat, axis=2)
    values = (frames - np.float32(mean)) / np.float32(std)
    return torch.from_numpy(values.transpose(3, 0, 1, 2).copy())[None]


def expected(name: str, output: str) -> np.ndarray:
    """Return an output of the original program."""
    return np.load(FIXTURES / "parity" / f"{name}.npz")[output]


def compare(name: str, output: str, found: object) -> None:
    """Assert that an output is the original's within the fixture's own tolerance."""
    rule, reference = recipe(name)["tolerance"][output], expected(name, output).astype(np.float64)
    values = found.detach().cpu().numpy() if isinstance(found, torch.Tensor) else np.asarray(found)
    assert values.shape == reference.shape
    apart = values.astype(np.float64) - reference
    if rule["kind"] == "uint8":
        assert (np.abs(apart) > rule["max_abs"]).mean() <= rule["fraction_allowed_above"]
        return
    assert np.linalg.norm(apart) <= rule["rel_l2"] * np.linalg.norm(reference)
    assert np.abs(apart).max() <= rule.get("max_abs", math.inf)


def dead(net: torch.nn.Module, clips: torch.Tensor) -> list[str]:
    """Return the trainable tensors whose gradient on clips is nothing, or mere rounding."""
    net.train()
    labels = torch.arange(len(clips)) % 2
    torch.nn.functional.cross_entropy(net(clips), labels).backward()
    learners = [(name, one) for name, one in net.named_parameters() if one.requires_grad]
    return [name for name, one in learners if one.grad is None or one.grad.abs().max() < ROUNDING]
