"""The tables of tests of a dataset: complete, the same every time, grouped by any column."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from vidsal import comparing, directions, paired, ranking
from vidsal.score_shards import SCORE_COLUMNS

NAMES = ("tests", "ranks", "overall", "agreement", "groups", "between", "within")
MAPS = [("net", "gradient"), ("net", "grad_cam"), ("other", "gradient"), ("none", "random")]
VIDEOS = [f"v{i:02d}" for i in range(10)]
LABELS = ["walk", "run"] * 5
RIGHT = {"net": [True] * 6 + [False] * 4, "other": [True, False] * 5}


def scores(metrics=("nss", "kl"), planted=()):
    """Rows of scores; in the videos labelled run, `planted` maps score 2 more."""
    rng, rows = np.random.default_rng(0), []
    for metric in metrics:
        for model, method in MAPS:
            for video, label in zip(VIDEOS, LABELS, strict=True):
                value = rng.normal() + 2 * (label == "run" and method in planted)
                row = {"video": video, "frame": -1, "model": model, "method": method}
                rows.append(row | {"metric": metric, "value": value, "aggregation": "frames"})
    table = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    return table.assign(dataset="d", split="test", target="x", n=5, outside=0, reason="")


@pytest.fixture
def config(root):
    made = yaml.safe_load((root / "config.yaml").read_text())
    made["tables"]["by"] = ["label", "prediction", "condition", "subject"]
    return made


def write(config, folder, table):
    """Write everything that the job reads, run it, and return its tables."""
    folder.mkdir(exist_ok=True)
    table.to_parquet(folder / "scores.parquet")
    predictions = []
    for model, right in RIGHT.items():
        path = folder / "predictions" / model / "test-000of001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        own = pd.DataFrame({"video": VIDEOS, "label": LABELS, "correct": right})
        own.loc[0, "label"] = ""
        own.to_parquet(path)
        predictions.append(str(path))
    rows = pd.DataFrame({"video": VIDEOS, "path": "p", "split": "test", "label": LABELS})
    rows["condition"] = ["fast"] * 4 + ["slow"] * 5 + [""]
    rows.to_csv(folder / "rows.tsv", sep="\t", index=False)
    out = SimpleNamespace(**{name: folder / f"{name}.tsv" for name in NAMES})
    comparing.write_comparisons(
        config, folder / "scores.parquet", predictions, [folder / "rows.tsv"], out
    )
    return {name: pd.read_csv(getattr(out, name), sep="\t") for name in NAMES}


def test_every_pair_map_and_metric_has_its_row(config, tmp_path):
    found = write(config, tmp_path, scores())
    assert len(found["tests"]) == 2 * 6
    assert len(found["ranks"]) == 2 * 4
    assert set(found["overall"]["among"]) == {"all", "methods"}
    assert list(found["overall"]["maps"]) == [4, 3] * 2
    assert len(found["agreement"]) == 3
    assert found["tests"]["p_nemenyi"].between(0, 1).all()


def test_the_rows_are_those_of_the_modules_and_small_is_good_for_kl(config, tmp_path):
    table = scores()
    found = write(config, tmp_path, table)
    read = comparing.read_scores(tmp_path / "scores.parquet")
    wide = {key["metric"]: own for key, own in comparing.wide_tables(read)}
    assert list(wide["kl"].columns) == [f"{model}/{method}" for model, method in MAPS]
    for metric, lower in (("nss", False), ("kl", True)):
        expected = paired.compare(wide[metric], lower=lower, seed=config["seed"])
        own = found["tests"][found["tests"]["metric"] == metric]
        assert own["wins"].to_numpy() == pytest.approx(expected["wins"].to_numpy())
        assert own["p"].to_numpy() == pytest.approx(expected["p"].to_numpy(), rel=1e-5)
        ranks = found["ranks"][found["ranks"]["metric"] == metric]["mean_rank"]
        expected = ranking.ranks(wide[metric], lower=lower, seed=config["seed"])["mean_rank"]
        assert ranks.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-5)


def test_groups_by_label_condition_and_prediction(config, tmp_path):
    groups = write(config, tmp_path, scores())["groups"]
    by = dict(iter(groups.groupby("by")))
    assert set(by) == {"label", "prediction", "condition"}  # no video has a subject
    assert set(by["label"]["map"]) == {f"{model}/{method}" for model, method in MAPS}
    counts = by["condition"].groupby("group")["n"].first()
    assert counts.to_dict() == {"fast": 4, "slow": 5}
    # A control predicts nothing; the first video has no label, so that nobody is right or wrong.
    counts = by["prediction"][by["prediction"]["metric"] == "nss"].set_index(["map", "group"])["n"]
    assert counts.to_dict() == {
        ("net/gradient", "right"): 5,
        ("net/gradient", "wrong"): 4,
        ("net/grad_cam", "right"): 5,
        ("net/grad_cam", "wrong"): 4,
        ("other/gradient", "right"): 4,
        ("other/gradient", "wrong"): 5,
    }


def test_a_planted_difference_between_labels_is_found_where_it_is(config, tmp_path):
    found = write(config, tmp_path, scores(planted=("grad_cam",)))["between"]
    own = found[(found["by"] == "label") & (found["metric"] == "nss")].set_index("map")
    assert own.loc["net/grad_cam", "p_holm"] < 0.05
    assert (own.drop("net/grad_cam")["p_holm"] > 0.05).all()


def test_within_groups_only_maps_on_the_same_videos_are_compared(config, tmp_path):
    found = write(config, tmp_path, scores())["within"]
    own = found[(found["by"] == "prediction") & (found["metric"] == "nss")]
    assert set(zip(own["a"], own["b"], strict=True)) == {("net/gradient", "net/grad_cam")}
    assert own.set_index("group")["n"].to_dict() == {"right": 5, "wrong": 4}


def test_maps_are_not_compared_within_each_of_many_groups(config, tmp_path, monkeypatch):
    monkeypatch.setattr(comparing.strata, "MOST_GROUPS", 1)
    found = write(config, tmp_path, scores())
    assert found["within"].empty
    assert set(found["between"]["by"]) == {"label", "prediction", "condition"}


def test_two_runs_write_the_same_bytes(config, tmp_path):
    for name in ("a", "b"):
        write(config, tmp_path / name, scores())
    for name in NAMES:
        first, second = (tmp_path / f / f"{name}.tsv" for f in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_a_dataset_without_scores_has_empty_tables(config, tmp_path):
    found = write(config, tmp_path, scores()[:0])
    assert all(table.empty for table in found.values())


def test_directions_are_what_files_say_for_variants_too(config, tmp_path):
    config["run"]["metrics"] = ["nss", "kl_too", "mine"]
    config["metrics"] = {"kl_too": {"method": "kl"}}
    config["rooms"] = str(tmp_path)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "mine.py").write_text(
        '"""Mine."""\n\nLOWER_IS_BETTER = True\n\n\ndef mine(saliency, mask):\n    return 0\n'
    )
    assert directions.lower_is_better(config) == {"kl_too", "mine"}
    config["run"]["controls"] = ["random", "people"]
    config["controls"] = {"people": {"method": "observers"}}
    assert directions.ceilings(config) == {"people"}
