"""Figures of the models: drawn where a model was trained, or could be right or wrong."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest

from tests.workflow.project import SMALL, make_project

SHEET = "video\tpath\tsplit\tlabel\nfirst\tfirst.avi\ttest\t{}\nsecond\tsecond.avi\ttest\t\n"


def test_the_page_shows_training_and_confusion(built):
    figures = built.folder / "results/synthetic/figures"
    text = (built.folder / "results/synthetic/page.html").read_text()
    assert {"training of cnn_lstm", "confusion of cnn_lstm"} <= set(
        re.findall(r"<figcaption>([^<]*)</figcaption>", text)
    )
    for kind in ("training", "confusion"):
        assert (figures / kind / "cnn_lstm.svg").stat().st_size
    counts = (figures / "confusion/cnn_lstm.csv").read_text().splitlines()[1:]
    shown = sum(int(n) for line in counts for n in line.split(",")[1:])
    accuracy = (built.folder / "results/synthetic/tables/accuracy.tsv").read_text()
    assert shown == int(accuracy.split()[-1]) > 0


def test_predictions_are_tabled_and_dumped(built):
    results = built.folder / "results/synthetic"
    samples = pickle.loads((results / "predictions/cnn_lstm.pkl").read_bytes())
    overall = pd.read_csv(results / "tables/accuracy.tsv", sep="\t").iloc[0]
    right = [sample["gt_label"][0] == sample["pred_score"].argmax() for sample in samples]
    assert (len(right), np.mean(right)) == (overall["n"], pytest.approx(overall["accuracy"]))
    classes = pd.read_csv(results / "tables/classes.tsv", sep="\t")
    assert set(classes["class"]) <= {"walking", "running"}
    assert classes["support"].sum() == overall["n"]
    assert classes["recall"].mean() == pytest.approx(overall["mean_class"])


@pytest.mark.parametrize(("label", "drawn"), [("", 0), ("walking", 1)])
def test_given_weights_have_no_history_and_unlabelled_videos_no_confusion(
    root, tmp_path, label, drawn
):
    change = {
        "run": {**SMALL["run"], "datasets": ["mine"], "models": ["tsn"]},
        "datasets": {"mine": {"method": "folder", "table": "sheet.tsv"}},
        "models": {"tsn": {"weights": "weights.pth", "num_classes": 2}},
    }
    project = make_project(root, tmp_path, SMALL | change)
    (tmp_path / "sheet.tsv").write_text(SHEET.format(label))
    for name in ("weights.pth", "first.avi", "second.avi"):
        (tmp_path / name).touch()
    planned = project.planned()
    assert "plot_history" not in planned
    assert planned.get("plot_confusion", 0) == drawn
    assert planned["classify"] == 1
