"""What must hold for whole families of metrics, on random maps, fixations and densities.

Every metric of the room is here: a new file is tested without a change of this one.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from vidsal import densities, registry
from vidsal.metrics._frames import sharing
from vidsal.metrics._reasons import reasons

NAMES = registry.names("metrics")
METRICS = {name: registry.load("metrics", name) for name in NAMES}
SHAPE, SIGMA = (4, 12, 14), 1.5
RANKS = ("auc", "s_auc", "auc_unfixated", "auc_judd_pysaliency", "auc_judd_mit")
STANDARDISED = ("nss", "cc", "nss_mit", "cc_thesis", "nss_salema", "cc_salema")
MASSES = ("sim", "kl", "kl_mit", "kl_thesis", "sim_mit", "emd", "information_gain")
STRETCHED = ("auc_borji_thesis", "auc_judd_thesis", "auc_judd_unisal", "information_gain_mit")
UNITS = ("sim", "sim_mit", "sim_thesis", "sim_salema", "relevance_mass")
PLAIN = {"auc_judd_mit": {"jitter": False}, "auc_judd_pysaliency": {"jitter": False}}
ROUNDS = range(5)


def made(seed, dtype=np.float64):
    """A random video: maps, and all that any metric needs."""
    rng = np.random.default_rng(seed)
    count = rng.integers(30, 60)
    points = np.column_stack([rng.integers(0, side, count) for side in SHAPE]).astype(np.int32)
    saliency = rng.gamma(0.7, size=SHAPE).astype(dtype)
    other = rng.integers(0, 4, SHAPE[1:]).astype(np.float64)
    frames = np.column_stack([rng.integers(0, side, 300) for side in (12, 3, *SHAPE[1:])])
    return {
        "saliency": saliency,
        "fixations": points,
        "density": densities.density(points, SHAPE[1:], SHAPE[0], SIGMA).astype(np.float64),
        "mask": rng.random(SHAPE) < 0.3,
        "other_fixations": other,
        "baseline": densities.smoothed(other, SIGMA),
        "other_frames": frames.astype(np.int32),
    }


def score(name, given, **changed):
    """The scores of a metric on a video, some of it changed."""
    given = given | changed
    needs = [p.name for p in inspect.signature(METRICS[name]).parameters.values()]
    needs = {need: given[need] for need in needs if need in given}
    return METRICS[name](**needs, **PLAIN.get(name, {}))


def of_frames(given, frames):
    """The video that consists of some frames of another, in their order."""
    numbers = given["fixations"][:, 0]
    points = [given["fixations"][numbers == frame].copy() for frame in frames]
    for number, own in enumerate(points):
        own[:, 0] = number
    cut = {name: given[name][list(frames)] for name in ("saliency", "density", "mask")}
    return given | cut | {"fixations": np.concatenate(points)}


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("name", RANKS)
def test_only_the_order_of_the_pixels_counts(name, seed):
    given = made(seed)
    expected = score(name, given)
    for change in (np.sqrt, np.exp, lambda maps: maps**3 - 7):
        found = score(name, given, saliency=change(given["saliency"]))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("name", STANDARDISED + STRETCHED)
def test_affine_maps_change_nothing(name, seed):
    given = made(seed)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        factor, shift = 2.0 ** rng.integers(-5, 6), rng.integers(-3, 4)
        found = score(name, given, saliency=factor * given["saliency"] + shift)
        np.testing.assert_allclose(found, score(name, given), rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("name", MASSES + UNITS)
def test_positive_scaling_changes_nothing(name, seed):
    given = made(seed)
    for factor in (1e-6, 0.3, 255, 1e9):
        found = score(name, given, saliency=factor * given["saliency"])
        np.testing.assert_allclose(found, score(name, given), rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("name", NAMES)
def test_range(name, seed):
    given = made(seed)
    found = score(name, given)
    assert found.dtype == np.float64
    assert found.shape == SHAPE[:1]
    assert np.isfinite(found).all()
    if "auc" in name or name in UNITS:
        assert ((found >= 0) & (found <= 1)).all()
    if name.startswith("cc"):
        assert (np.abs(found) <= 1 + 1e-12).all()
    if name.startswith(("kl", "emd")):
        assert (found >= 0).all()


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("name", ["cc", "sim", "emd", "sim_mit"])
def test_map_and_density_may_be_exchanged(name, seed):
    given = made(seed)
    swapped = score(name, given, saliency=given["density"], density=given["saliency"])
    np.testing.assert_allclose(swapped, score(name, given), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "best"),
    [("cc", 1), ("sim", 1), ("kl", 0), ("kl_mit", 0), ("kl_pysaliency", 0), ("emd", 0)],
)
@pytest.mark.parametrize("seed", ROUNDS)
def test_equal_maps_are_the_best(name, best, seed):
    given = made(seed)
    found = score(name, given, saliency=given["density"])
    np.testing.assert_allclose(found, best, rtol=0, atol=1e-9)
    worse = score(name, given)
    assert (worse < best - 1e-3).all() if best else (worse > 1e-3).all()


def test_the_baseline_gains_nothing_over_itself():
    given = made(0)
    itself = np.broadcast_to(given["baseline"], SHAPE)
    for name in ("information_gain", "information_gain_mit"):
        np.testing.assert_allclose(score(name, given, saliency=itself), 0, rtol=0, atol=1e-12)
    flat = METRICS["information_gain"](
        np.ones(SHAPE), given["fixations"], given["baseline"], against="uniform"
    )
    np.testing.assert_allclose(flat, 0, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", ROUNDS[:2])
@pytest.mark.parametrize("name", NAMES)
def test_frames_are_scored_by_themselves(name, seed):
    given = made(seed)
    expected = score(name, given)
    order = np.random.default_rng(seed).permutation(SHAPE[0])
    np.testing.assert_array_equal(score(name, of_frames(given, order)), expected[order])
    loop = [score(name, of_frames(given, [frame]))[0] for frame in range(SHAPE[0])]
    np.testing.assert_array_equal(loop, expected)
    parts = [score(name, of_frames(given, piece)) for piece in ([0, 1, 2], [3])]
    np.testing.assert_array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sharing_changes_nothing(dtype):
    given = made(1, dtype)
    given["other_fixations"] += 1  # so many negatives that ranks are shared, too
    alone = {name: score(name, given) for name in NAMES}
    for order in (NAMES, NAMES[::-1]):
        with sharing():
            for name in order:
                np.testing.assert_allclose(score(name, given), alone[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", ROUNDS[:2])
@pytest.mark.parametrize("name", NAMES)
def test_float32_is_close_to_float64(name, seed):
    narrow = made(seed, np.float32)
    wide = narrow | {"saliency": narrow["saliency"].astype(np.float64)}
    tolerance = 1e-4 if name.startswith(("kl", "information")) else 2e-5
    np.testing.assert_allclose(score(name, narrow), score(name, wide), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_undefined_has_a_reason_and_leaves_other_frames_alone(name):
    given = made(2)
    expected = score(name, given)
    saliency, points = given["saliency"].copy(), given["fixations"]
    saliency[0, 3, 3] = np.nan
    points = points[points[:, 0] != 1]
    changed = {"saliency": saliency, "fixations": points}
    changed["density"], changed["mask"] = given["density"].copy(), given["mask"].copy()
    changed["density"][1], changed["mask"][1] = 0, False
    found = score(name, given, **changed)
    assert np.isnan(found[:2]).all()
    np.testing.assert_array_equal(found[2:], expected[2:])
    needs = inspect.signature(METRICS[name]).parameters
    codes = reasons(**{need: value for need, value in (given | changed).items() if need in needs})
    assert codes[0] == "not_finite"
    assert codes[1] in ("no_fixation", "empty_mask")
    assert codes[2:] == ["", ""]


@pytest.mark.parametrize("name", NAMES)
def test_constant_maps_never_crash(name):
    given = made(3)
    for level in (0.0, 0.1, -2.0):
        found = score(name, given, saliency=np.full(SHAPE, level))
        assert found.shape == SHAPE[:1]
        if name in ("auc", "s_auc", "auc_unfixated"):
            np.testing.assert_allclose(found, 0.5, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(("s_auc", "information"))])
def test_no_fixation_elsewhere_is_undefined(name):
    given = made(4)
    nobody = {"other_fixations": np.zeros(SHAPE[1:]), "baseline": np.zeros(SHAPE[1:])}
    nobody["other_frames"] = np.zeros((0, 4), np.int32)
    assert np.isnan(score(name, given, **nobody)).all()
    needs = inspect.signature(METRICS[name]).parameters
    known = {need: value for need, value in (given | nobody).items() if need in needs}
    assert set(reasons(**known)) == {"no_other_fixation"}
