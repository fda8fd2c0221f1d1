"""What goes into a paper: tables, tests, methods and references of a finished run."""

from __future__ import annotations

import re

import pandas as pd
import pytest


@pytest.fixture
def results(built):
    return built.folder / "results/synthetic"


def test_every_table_to_paste_is_there_and_names_every_map(results):
    summary = pd.read_csv(results / "tables/summary.tsv", sep="\t")
    pasted = pd.read_csv(results / "tables/scores_mean.tsv", sep="\t")
    assert set(zip(pasted["model"], pasted["method"], strict=True)) == set(
        zip(summary["model"], summary["method"], strict=True)
    )
    for ending in ("md", "tex", "html"):
        text = (results / f"tables/scores_mean.{ending}").read_text()
        assert "occlusion" in text
        assert "nan" not in text


def test_every_two_maps_are_compared(results):
    tests = pd.read_csv(results / "tables/tests.tsv", sep="\t")
    ranks = pd.read_csv(results / "tables/ranks.tsv", sep="\t")
    maps = ranks.groupby("metric")["map"].nunique()
    assert tests.groupby("metric").size().to_dict() == (maps * (maps - 1) / 2).to_dict()
    groups = pd.read_csv(results / "tables/groups.tsv", sep="\t")
    assert set(groups["by"]) == {"label", "prediction"}


def test_the_methods_section_cites_its_references(results):
    text = (results / "methods.md").read_text()
    listed = re.findall(r"@\w+\{(\w+),", (results / "references.bib").read_text())
    assert set(re.findall(r"@(\w+)", text)) == set(listed)
    assert "`smooth_occlusion` (a variant of `smooth_grad`)" in text


def test_groups_are_compared_anew_without_anything_else(project):
    project.change_config({"tables": {"by": ["subject"]}})
    assert set(project.planned()) == {"compare", "write_config", "write_methods", "viewer"}
