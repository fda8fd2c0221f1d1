"""The methods section: says what was run, cites only what is in the bibliography, and all of it."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import yaml

from vidsal import citations, describing


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


INDEX = pd.DataFrame({"video": ["a", "b", "a"], "frames": [100, 120, 100]})
ACCURACY = pd.DataFrame({"model": ["r3d_18"], "accuracy": 0.9, "low": 0.8, "high": 1.0, "n": 12})


def made(config, metrics=("auc", "nss"), dataset="synthetic"):
    summary = pd.DataFrame({"metric": list(metrics)})
    return describing.section(config, dataset, index=INDEX, accuracy=ACCURACY, summary=summary)


def test_everything_that_ran_is_named_with_its_options(config):
    text, _ = made(config)
    for name in [*config["run"]["models"], *config["run"]["methods"], *config["run"]["controls"]]:
        assert f"- `{name}`" in text
    assert "`grad_cam_finer` (a variant of `grad_cam`)" in text
    assert "layer = 2" in text
    assert "steps = 16" in text
    assert "two videos of `synthetic`" in text
    assert "100 to 120 frames" in text
    assert "90.0 % of 12 labelled videos" in text
    assert "a proof, not a finding" in text
    # Options that are not set are the defaults, which the resolved configuration lists.
    assert "absolute" not in text


def test_citations_and_bibliography_agree(config):
    text, cited = made(config)
    used = set(re.findall(r"@(\w+)", text))
    assert used == set(re.findall(r"@\w+\{(\w+),", citations.bibtex(cited)))
    assert {"selvaraju2017", "tran2018", "schuldt2004", "efron1987"} <= used


def test_metrics_without_truth_and_stages_that_did_not_run_are_left_out(config):
    config["run"]["models"] = config["run"]["methods"] = []
    text, cited = made(config, metrics=("nss",))
    assert "`auc`" not in text
    assert "## Networks" not in text
    assert "## Explanation methods" not in text
    assert "selvaraju" not in citations.bibtex(cited)
    text, cited = made(config, metrics=())
    assert "## Statistics" not in text
    assert "efron" not in citations.bibtex(cited)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"explain": {"target": "label"}}, "the score of the class of the label"),
        (
            {"explain": {"target": {"contrast": ["predicted", "label"]}}},
            "the score of the class that the network predicts less that of the class of the label",
        ),
        ({"explain": {"every": 1}}, "(split `test`):"),
        ({"score": {"sigma": {"degrees": 1.0}}}, "1.0 degrees of visual angle"),
        ({"score": {"sigma": "dhf1k"}}, "the width used for dhf1k"),
        ({"tables": {"by": ["condition"]}}, "(by `condition`)"),
        ({"tables": {"mixed": True}}, "restricted maximum likelihood [@laird1982]"),
    ],
)
def test_options_that_change_what_is_said(config, change, sentence):
    for section, options in change.items():
        config[section] |= options
    assert sentence in made(config)[0]


def test_files_are_written_and_missing_titles_are_logged(config, tmp_path, caplog):
    class Paths:
        index, accuracy, summary = (tmp_path / f"{n}.tsv" for n in ("index", "accuracy", "summary"))
        methods, references = tmp_path / "methods.md", tmp_path / "references.bib"

    INDEX.to_csv(Paths.index, sep="\t")
    ACCURACY.to_csv(Paths.accuracy, sep="\t")
    pd.DataFrame({"metric": ["nss"]}).to_csv(Paths.summary, sep="\t")
    describing.write_methods(config, "synthetic", Paths, Paths)
    assert Paths.methods.read_text().startswith("# Methods\n\nMaps were computed for two videos")
    assert "@" in Paths.references.read_text()
    untitled = [c for c in made(config, ("nss",))[1] if not c.title]
    assert len(caplog.records) == len(untitled)
