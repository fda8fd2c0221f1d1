"""Points on a grid; densities against references and against scipy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from vidsal import fixations
from vidsal.densities import PATCHES, density, on_grid

METRICS = Path(__file__).parent / "fixtures" / "metrics"
CASES = json.loads((METRICS / "cases.json").read_text())["cases"]
REFERENCES = [case for case in CASES if case["kind"] not in ("uint8", "emptyfix")]


def test_on_grid_rounds_to_the_nearest_centre_and_counts(put):
    table = fixations.read(put("0 -0.5 0\n0 0.49 1\n1 0.5 9.5\n2 9.49 0\n3 0 0\n-1 0 0\n", "r.txt"))
    points, counts = on_grid(table, np.eye(3), (10, 10), 3)
    assert points.dtype == np.int32
    assert points.tolist() == [[0, 0, 0], [0, 1, 0], [2, 0, 9]]
    # the row with frame -1 was left out in reading
    assert counts == {"kept": 3, "outside": 1, "frame_outside": 1}


def test_on_grid_follows_the_matrix():
    table = pd.DataFrame({"subject": "a", "frame": [0, 0], "x": [10.0, 19.0], "y": [4.0, 7.0]})
    half = np.array([[0.5, 0, 0.5 * 0.5 - 0.5 - 5], [0, 0.5, 0.5 * 0.5 - 0.5], [0, 0, 1]])
    points, _ = on_grid(table, half, (4, 5), 1)
    assert points.tolist() == [[0, 2, 0], [0, 3, 4]]


def test_empty_table_on_grid(put):
    points, counts = on_grid(fixations.read(put("")), np.eye(3), (4, 4), 2)
    assert points.shape == (0, 3)
    assert counts["kept"] == 0
    assert not density(points, (4, 4), 2, 1.0).any()


@pytest.mark.parametrize("case", REFERENCES, ids=lambda case: case["id"])
def test_density_reference(case):
    with np.load(METRICS / "cases.npz") as arrays:
        expected, points = arrays[f"{case['id']}_G"].astype(np.float64), arrays[f"{case['id']}_P"]
    height = expected.shape[0]
    points = np.column_stack([np.zeros(len(points), int), points])
    made = density(points, expected.shape, 1, height * 12.74 / 360)[0]
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected / expected.sum(), atol=1e-9, rtol=1e-4)


@pytest.mark.parametrize("sigma", [0.05, 0.7, 3.0, 40.0])
@pytest.mark.parametrize("count", [1, 40, PATCHES + 50])
def test_density_equals_scipy_at_the_edges_too(sigma, count):
    shape, rng = (23, 31), np.random.default_rng(count)
    chosen = rng.choice(23 * 31, size=count, replace=False)
    points = np.column_stack([np.zeros(count, int), chosen // 31, chosen % 31])
    points = np.concatenate([points, points[:3]])
    counts = np.zeros(shape)
    np.add.at(counts, tuple(points[:, 1:].T), 1)
    expected = gaussian_filter(counts, sigma, mode="reflect", truncate=4.0)
    made = density(points, shape, 1, sigma)[0]
    np.testing.assert_allclose(made, expected / expected.sum(), atol=1e-9, rtol=1e-5)


def test_density_sums_to_one_and_keeps_frames_apart():
    points = np.array([[3, 0, 0], [1, 5, 5], [3, 9, 19]], np.int32)
    made = density(points, (10, 20), 5, 2.0)
    np.testing.assert_allclose(made.sum(axis=(1, 2), dtype=np.float64), [0, 1, 0, 1, 0], atol=1e-6)
    assert made[1].argmax() == 5 * 20 + 5
