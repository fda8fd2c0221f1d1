"""The definitions of other code bases against values that those code bases gave."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.metrics.conftest import CASES, SOUND, TABLE
from vidsal.metrics import emd as mover
from vidsal.metrics.auc_borji_mit import auc_borji_mit
from vidsal.metrics.auc_borji_thesis import auc_borji_thesis
from vidsal.metrics.auc_judd_mit import auc_judd_mit
from vidsal.metrics.auc_judd_pysaliency import auc_judd_pysaliency
from vidsal.metrics.auc_judd_thesis import auc_judd_thesis
from vidsal.metrics.auc_judd_unisal import auc_judd_unisal
from vidsal.metrics.auc_unfixated import auc_unfixated
from vidsal.metrics.cc import cc
from vidsal.metrics.cc_thesis import cc_thesis
from vidsal.metrics.emd import emd
from vidsal.metrics.information_gain import information_gain
from vidsal.metrics.information_gain_mit import information_gain_mit
from vidsal.metrics.kl import kl
from vidsal.metrics.kl_mit import kl_mit
from vidsal.metrics.kl_pysaliency import kl_pysaliency
from vidsal.metrics.kl_thesis import kl_thesis
from vidsal.metrics.nss import nss
from vidsal.metrics.nss_mit import nss_mit
from vidsal.metrics.s_auc_mit import s_auc_mit
from vidsal.metrics.sim_mit import sim_mit
from vidsal.metrics.sim_thesis import sim_thesis

PLAIN = {"jitter": False}
MIT = {
    "auc_judd": lambda c: auc_judd_mit(c.saliency, c.fixations, **PLAIN),
    "nss": lambda c: nss_mit(c.saliency, c.fixations),
    "cc": lambda c: cc(c.saliency, c.density),
    "sim": lambda c: sim_mit(c.saliency, c.density),
    "kl": lambda c: kl_mit(c.saliency, c.density),
    "ig": lambda c: information_gain_mit(c.saliency, c.fixations, c.baseline),
}
PYSALIENCY = {
    "auc_unfixated_exact": lambda c: auc_unfixated(c.saliency, c.fixations),
    "auc_judd_nojitter": lambda c: auc_judd_pysaliency(c.saliency, c.fixations, **PLAIN),
    "auc_judd_jitter_seed42": lambda c: auc_judd_pysaliency(c.saliency, c.fixations),
    "kl_default": lambda c: kl_pysaliency(c.saliency, c.density),
    "ig_density_log2": lambda c: information_gain(c.saliency, c.fixations, c.baseline, floor=0.0),
}
RANDOM = {
    "auc_judd_jitter": lambda c, seed: auc_judd_mit(c.saliency, c.fixations, seed=seed),
    "auc_borji": lambda c, seed: auc_borji_mit(c.saliency, c.fixations, seed=seed),
    "sauc": lambda c, seed: s_auc_mit(c.saliency, c.fixations, c.other, seed=seed),
}
ORDINARY = [case for case in SOUND if case.kind not in ("const", "zero", "tiny")]


def named(case):
    return f"{case.name}-{case.kind}"


def loaded(case, arrays, dtype=np.float64):
    case = case.load(arrays, dtype)
    case.baseline = arrays[f"{case.name}_B"].astype(np.float64)
    return case


def agree(value, expected, tolerance):
    return math.isclose(value, float(expected), rel_tol=0, abs_tol=tolerance) or (
        math.isnan(value) and expected == "nan"
    )


@pytest.mark.parametrize("key", MIT)
@pytest.mark.parametrize("case", SOUND, ids=named)
def test_mit(case, key, arrays):
    value = MIT[key](loaded(case, arrays))[0]
    assert agree(value, case.mit[key], 1e-9), (value, case.mit[key])


@pytest.mark.parametrize("key", PYSALIENCY)
@pytest.mark.parametrize("case", SOUND, ids=named)
def test_pysaliency(case, key, arrays):
    expected = case.reference[key]
    if expected == "n/a (negative map)":
        pytest.skip("pysaliency has no value for negative maps")
    value = PYSALIENCY[key](loaded(case, arrays))[0]
    if case.kind == "zero" and key == "ig_density_log2":
        assert math.isfinite(value)  # taken as the uniform distribution, as everywhere here
    else:
        assert agree(value, expected, 1e-9), (value, expected)


@pytest.mark.parametrize("key", RANDOM)
@pytest.mark.parametrize("case", ORDINARY, ids=named)
def test_random_definitions_lie_in_their_band(case, key, arrays):
    mean, sd = (case.mit[f"{key}_{kind}"] for kind in ("mean", "sd"))
    values = [RANDOM[key](loaded(case, arrays), seed)[0] for seed in range(3)]
    if mean == "nan":
        assert np.isnan(values).all()
    else:
        np.testing.assert_allclose(values, mean, rtol=0, atol=4 * sd + 0.005)


@pytest.mark.parametrize("case", ORDINARY, ids=named)
def test_float32(case, arrays):
    wide, narrow = (loaded(case, arrays, dtype) for dtype in (np.float64, np.float32))
    for key, metric in (MIT | PYSALIENCY).items():
        narrow = loaded(case, arrays, np.float32)
        value = metric(narrow)[0]
        wide = loaded(case, arrays)
        tolerance = 1e-4 if key[:2] in ("kl", "ig") else 2e-5
        np.testing.assert_allclose(value, metric(wide)[0], rtol=0, atol=tolerance)


SOLVED = [record for record in TABLE["cases"] if "emd_clipped_pot" in record]


@pytest.mark.parametrize("record", SOLVED, ids=lambda record: record["id"])
def test_earth_movers_distance(record, arrays):
    made = [arrays[f"{record['id']}_{name}"].clip(min=0) for name in ("emd_P", "emd_Q")]
    value = mover.transport(*(each / each.sum() for each in made))
    assert value == pytest.approx(record["emd_clipped_pot"], abs=1e-4)


def test_earth_movers_distance_by_hand():
    first, second = np.zeros((1, 32, 64)), np.zeros((1, 32, 64))
    first[0, :4, :4], second[0, :4, 8:12] = 1, 1
    assert emd(first, second)[0] == pytest.approx(8 / 64, abs=1e-9)
    assert emd(second, first)[0] == pytest.approx(8 / 64, abs=1e-9)
    assert emd(3 * first, first)[0] == 0
    half = first + second
    assert emd(first, half)[0] == pytest.approx(4 / 64, abs=1e-9)


THESIS = Path(__file__).parents[1] / "fixtures" / "parity" / "g1_thesis_metrics"


@pytest.mark.parametrize("pair", range(3))
def test_thesis(pair):
    expected = json.loads(THESIS.with_suffix(".json").read_text())["metric_values"][f"pair{pair}"]
    with np.load(THESIS.with_suffix(".npz")) as file:
        saliency, gaze_map, seen, other = (
            file[f"pair{pair}_{name}"].astype(np.float64)
            for name in ("sal", "gtmap", "fix", "other")
        )
    saliency, gaze_map = saliency[None], gaze_map[None]
    fixations = np.argwhere(seen[None] > 0).astype(np.int32)
    exact = {
        "thesis.auc_judd(sal01,fix)": auc_judd_thesis(saliency, fixations),
        "thesis.similarity(sal,gtmap)": sim_mit(saliency, gaze_map),
        "thesis.similarity(sal,fix)": sim_thesis(saliency, fixations),
        "thesis.cc(sal,gtmap)": cc(saliency, gaze_map),
        "thesis.cc(sal,fix)": cc_thesis(saliency, fixations),
        "thesis.kldiv(sal,gtmap)": kl(saliency, gaze_map),
        "thesis.kldiv(sal,fix)": kl_thesis(saliency, fixations),
        "herrlich.AUC_Judd_nojitter(sal,fix)": auc_judd_mit(saliency, fixations, jitter=False),
        "herrlich.NSS(sal,fix)": nss(saliency, fixations),
        "herrlich.CC(sal,gtmap)": cc(saliency, gaze_map),
        "herrlich.SIM(sal,gtmap)": sim_mit(saliency, gaze_map),
    }
    for name, value in exact.items():
        assert value[0] == pytest.approx(expected[name], abs=1e-9), name
    drawn = {
        "thesis.auc_borji(sal01,fix)__seed0": auc_borji_thesis(saliency, fixations),
        "herrlich.AUC_Judd_jitter(sal,fix)__seed0": auc_judd_mit(saliency, fixations),
        "herrlich.AUC_Borji(sal,fix)__seed0": auc_borji_mit(saliency, fixations),
        "herrlich.AUC_shuffled(sal,fix,other)__seed0": s_auc_mit(saliency, fixations, other > 0),
    }
    for name, value in drawn.items():
        assert value[0] == pytest.approx(expected[name], abs=0.02), name
    np.testing.assert_array_equal(
        auc_judd_unisal(saliency, fixations), auc_judd_thesis(saliency, fixations)
    )


@pytest.mark.parametrize("case", [c for c in CASES if c.kind in ("nan", "allnan")], ids=named)
def test_broken_maps_have_no_score(case, arrays):
    own = loaded(case, arrays)
    for metric in (MIT | PYSALIENCY).values():
        assert np.isnan(metric(own)).all()
    for metric in RANDOM.values():
        assert np.isnan(metric(own, 0)).all()
    assert np.isnan(emd(own.saliency, own.density)).all()
