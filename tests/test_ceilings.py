"""Observers as maps of observers, normalised scores, averages by convention, score against lag."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vidsal import averages, ceiling_tables, ceilings, lags
from vidsal.densities import density
from vidsal.heatmaps import Heatmap
from vidsal.metrics.auc import auc
from vidsal.metrics.cc import cc
from vidsal.metrics.nss import nss
from vidsal.metrics.sim import sim

SIZE, FRAMES, SIGMA = (40, 60), 6, 0.1
METRICS = {function.__name__: (function, {}) for function in (auc, nss, cc)}
VIDEOS = Path(__file__).parent / "fixtures" / "metrics"


def gaze(observers, spread, seed=0):
    """Observers who look at a place that moves, each with some error of their own."""
    rng = np.random.default_rng(seed)
    subject, frame = np.divmod(np.arange(observers * FRAMES), FRAMES)
    x = (10 + 7 * frame + rng.normal(0, spread, len(frame))).clip(0, SIZE[1] - 1)
    y = (20 + rng.normal(0, spread, len(frame))).clip(0, SIZE[0] - 1)
    return pd.DataFrame({"subject": [f"s{s:02d}" for s in subject], "frame": frame, "x": x, "y": y})


def measured(table, metrics=METRICS, seed=0, splits=4):
    clip = ceilings.Clip("v", SIZE, FRAMES, options={"sigma": SIGMA})
    return ceilings.ceilings(clip, table, metrics, np.random.default_rng(seed), splits=splits)


def value(table, kind, metric):
    return table.set_index(["kind", "metric", "frame"]).loc[(kind, metric, -1), "value"]


def test_agreement_lifts_the_ceiling():
    close, loose = (measured(gaze(12, spread)) for spread in (1.0, 8.0))
    for kind in ceilings.KINDS:
        for metric in METRICS:
            assert value(close, kind, metric) > value(loose, kind, metric)


def test_people_who_look_at_random_are_at_chance():
    rng, observers = np.random.default_rng(3), 40
    frame = np.tile(np.arange(FRAMES), observers)
    x, y = (rng.uniform(0, side - 1, len(frame)) for side in SIZE[::-1])
    subject = np.repeat([f"s{s:02d}" for s in range(observers)], FRAMES)
    found = measured(pd.DataFrame({"subject": subject, "frame": frame, "x": x, "y": y}))
    for kind in ceilings.KINDS:
        assert value(found, kind, "auc") == pytest.approx(0.5, abs=0.06)


def test_an_observer_is_not_predicted_by_their_own_gaze():
    """Everybody looks at another place all the time: others say nothing about anyone."""
    rows = [(f"s{s}", t, 5 + 12 * s, 20) for s in range(5) for t in range(FRAMES)]
    table = pd.DataFrame(rows, columns=["subject", "frame", "x", "y"])
    for kind in ("leave_one_out", "split_half"):
        assert value(measured(table), kind, "nss") < 0


def test_correction_brings_the_half_to_the_whole():
    """The corrected score of 16 observers is that of 16 observers as a map of many others."""
    only = {"nss": METRICS["nss"]}
    clip = ceilings.Clip("v", SIZE, FRAMES, options={"sigma": SIGMA})
    differences = {"split_half": [], "all_observers": []}
    for seed in range(10):
        some, many = gaze(16, 6.0, seed), gaze(200, 6.0, 1000 + seed)
        fresh = ceilings._scored(clip, only, some, many).set_index("frame").loc[-1, "value"]
        found = measured(some, only, seed, splits=4)
        for kind, values in differences.items():
            values.append(value(found, kind, "nss") - fresh)
    half, corrected = (np.mean(values) for values in differences.values())
    assert half < -0.05
    assert abs(corrected) < 0.5 * abs(half)


def test_same_seed_same_rows_and_too_few_observers_none():
    table = gaze(6, 2.0)
    pd.testing.assert_frame_equal(measured(table), measured(table.sample(frac=1, random_state=1)))
    assert len(measured(gaze(3, 2.0))) == 0


def test_normalised_is_zero_at_the_baseline_and_one_at_the_ceiling():
    def table(**values):
        return pd.DataFrame({"metric": list(values), "value": list(values.values())})

    low, high = table(nss=1.0, kl=2.0, cc=0.2), table(nss=3.0, kl=0.5, cc=0.2)
    for scores, expected in ((low, 0), (high, 1), (table(nss=2.0, kl=1.25), 0.5)):
        made = ceilings.normalised(scores, low, high, ["metric"]).set_index("metric")["normalised"]
        assert made["nss"] == pytest.approx(expected)
        assert made["kl"] == pytest.approx(expected)
    assert np.isnan(ceilings.normalised(low, low, high, ["metric"])["normalised"].iloc[2])
    other = ceilings.normalised(table(auc=1.0), low, high, ["metric"])
    assert other["normalised"].isna().all()


@pytest.fixture(scope="module")
def per_frame():
    """Scores of the two small videos, as scoring writes them."""
    tables = []
    with np.load(VIDEOS / "cases.npz") as arrays:
        for video in ("v0", "v1"):
            points = arrays[f"{video}_P"]
            saliency = arrays[f"{video}_S"].astype(np.float64)
            n = np.bincount(points[:, 0], minlength=len(saliency))
            given = {"auc": auc, "nss": nss, "cc": cc, "sim": sim}
            for name, function in given.items():
                truth = points if name in ("auc", "nss") else arrays[f"{video}_G"]
                values = function(
                    saliency, truth.astype(np.float64) if truth is not points else truth
                )
                own = {"video": video, "frame": range(len(n)), "metric": name, "value": values}
                tables.append(pd.DataFrame({**own, "n": n}))
    made = pd.concat(tables, ignore_index=True)
    return made.assign(dataset="d", split="test", model="m", method="x", aggregation="frames")


def test_conventions_against_reference(per_frame):
    expected = json.loads((VIDEOS / "cases.json").read_text())["video"]
    names = {"auc": "auc_uniform_exact", "nss": "nss", "cc": "cc", "sim": "sim"}
    clip = per_frame.iloc[:1].assign(frame=-1, value=99.0)
    made = averages.averages(pd.concat([per_frame, clip]))
    made = made.set_index(["convention", "metric"])["mean"]
    for convention in ("frame_micro", "video_macro", "fixation_weighted"):
        for own, reference in names.items():
            if reference in expected[convention]:
                known = expected[convention][reference]
                assert made[convention, own] == pytest.approx(known, abs=1e-9)
    assert made["dhf1k_subset", "nss"] == pytest.approx(made["frame_micro", "nss"])


def test_subset_is_random_and_seeded(per_frame, monkeypatch):
    monkeypatch.setattr(averages, "SUBSET", 3)
    found = [averages.averages(per_frame, seed=seed) for seed in (0, 0, 1)]
    one, again, other = (t[t["convention"] == "dhf1k_subset"]["mean"].to_numpy() for t in found)
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("lag", [-2, 0, 1])
def test_curve_peaks_at_the_lag_that_was_put_in(lag):
    count = 20
    frame = np.arange(count)
    points = np.column_stack([frame, np.full(count, 20), 5 + 2 * frame]).astype(np.int32)
    maps = density(points, SIZE, count, 3.0)
    attrs = {"source_size": SIZE, "seen": [0, 0, SIZE[1], SIZE[0]]}
    heatmap = Heatmap(maps, np.eye(3), frame, frame / 25, attrs)
    looked = pd.DataFrame({"subject": "s", "frame": frame + lag, "x": points[:, 2], "y": 20})
    only = {"nss": METRICS["nss"]}
    curve = lags.lag_curve("v", heatmap, only, looked, range(-4, 5)).set_index("lag")
    assert curve["value"].idxmax() == lag
    assert curve.loc[0, "frames"] == count - abs(lag)


def test_tables_of_ceilings_and_of_scores_between_baseline_and_ceiling(tmp_path):
    def rows(model, method, values):
        own = {"dataset": "d", "split": "test", "model": model, "method": method, "frame": -1}
        own |= {"aggregation": "frames", "metric": "nss", "target": "", "n": 5, "outside": 0}
        return pd.DataFrame({**own, "video": ["a", "b", "c"], "value": values, "reason": ""})

    scores = [rows("net", "cam", [1.5, 2.0, 2.5]), rows("none", "centre", [0.5, 1.0, 1.5])]
    scores.append(rows("none", "random", [0.0, 0.1, -0.1]))
    pd.concat(scores).to_parquet(tmp_path / "scores.parquet")
    tops = [rows("none", kind, [2.5, 3.0, 3.5]) for kind in ceilings.KINDS]
    single = tops[0].assign(frame=0, value=99.0)
    pd.concat([*tops, single]).to_parquet(tmp_path / "shard.parquet")
    out = tmp_path / "ceilings.tsv", tmp_path / "normalised.tsv"
    shards = [str(tmp_path / "shard.parquet")]
    ceiling_tables.write_ceilings(str(tmp_path / "scores.parquet"), shards, *out, seed=0)
    top = pd.read_csv(out[0], sep="\t").set_index("method")["mean"]
    assert top.to_dict() == dict.fromkeys(ceilings.KINDS, 3.0)
    made = pd.read_csv(out[1], sep="\t").set_index("method")
    assert set(made["baseline_control"]) == {"centre"}
    assert made["normalised"].to_dict() == pytest.approx({"cam": 0.5, "centre": 0, "random": -0.5})
