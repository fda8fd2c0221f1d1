"""The 20 static cases and 2 videos whose values two reference implementations gave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "fixtures" / "metrics"
TABLE = json.loads((FOLDER / "cases.json").read_text())
BROKEN = ("nan", "allnan", "emptyfix")


class Case:
    """One static case: arrays in the shapes of the metrics' contract, and reference values."""

    def __init__(self, name: str, record: dict) -> None:
        self.name, self.kind = name, record["kind"]
        self.reference, self.mit = record["pysaliency"], record["mit"]

    def load(self, arrays: np.lib.npyio.NpzFile, dtype: type = np.float64) -> Case:
        """Read the arrays; the map is cast to ``dtype``."""
        self.saliency = arrays[f"{self.name}_S"].astype(dtype)[None]
        self.density = arrays[f"{self.name}_G"].astype(dtype)[None]
        points = arrays[f"{self.name}_P"]
        self.fixations = np.column_stack([np.zeros(len(points), np.int32), points]).astype(np.int32)
        self.other = np.zeros(self.saliency.shape[1:])
        np.add.at(self.other, tuple(arrays[f"{self.name}_O"].T), 1.0)
        return self


CASES = [Case(record["id"], record) for record in TABLE["cases"]]
SOUND = [case for case in CASES if case.kind not in BROKEN]


@pytest.fixture(scope="session")
def arrays() -> np.lib.npyio.NpzFile:
    """The arrays of all cases."""
    return np.load(FOLDER / "cases.npz")


@pytest.fixture(params=SOUND, ids=lambda case: f"{case.name}-{case.kind}")
def case(request: pytest.FixtureRequest, arrays: np.lib.npyio.NpzFile) -> Case:
    """A case with finite pixels and with fixations, in float64."""
    return request.param.load(arrays)


@pytest.fixture(params=SOUND, ids=lambda case: f"{case.name}-{case.kind}")
def case32(request: pytest.FixtureRequest, arrays: np.lib.npyio.NpzFile) -> Case:
    """The same in float32, as heatmap files hold it."""
    return request.param.load(arrays, np.float32)


@pytest.fixture(params=["nan", "allnan"])
def unusable(request: pytest.FixtureRequest, arrays: np.lib.npyio.NpzFile) -> Case:
    """A case whose map holds NaN."""
    return next(case for case in CASES if case.kind == request.param).load(arrays)


@pytest.fixture
def unseen(arrays: np.lib.npyio.NpzFile) -> Case:
    """A case without fixations; its density is all zero here, as our own densities are."""
    case = next(case for case in CASES if case.kind == "emptyfix").load(arrays)
    case.density = np.zeros_like(case.density)
    return case


@pytest.fixture(params=[0, 1])
def video(request: pytest.FixtureRequest, arrays: np.lib.npyio.NpzFile) -> dict:
    """A small video: saliency, density, fixations and reference values per frame."""
    name = f"v{request.param}"
    return {
        "saliency": arrays[f"{name}_S"].astype(np.float64),
        "density": arrays[f"{name}_G"],
        "fixations": arrays[f"{name}_P"],
        "reference": TABLE["video"]["per_frame"][request.param],
    }


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers of the property tests."""
    return np.random.default_rng(20240607)
