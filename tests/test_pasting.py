"""Tables to paste: what is bold, what is marked, and that every format says the same."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from vidsal import paired, pasting

MAPS = [
    ("net", "good"),
    ("net", "nearly_as_good"),
    ("net", "bad"),
    ("none", "centre"),
    ("none", "random"),
    ("none", "observers"),
]
MEANS = dict(zip([method for _, method in MAPS], [2.0, 1.98, 1.0, 1.3, 0.0, 4.0], strict=True))
ENDINGS = ("tsv", "md", "tex", "html")


def tables(videos=14, metrics=("auc",), lower=(), seed=0, absent=()):
    """Summary and tests of maps on videos that are hard or easy for all of them."""
    rng, summaries, tests = np.random.default_rng(seed), [], []
    for metric in metrics:
        noise = rng.normal(0, 1, (videos, 1)) + rng.normal(0, 0.1, (videos, len(MAPS)))
        values = noise + [MEANS[method] for _, method in MAPS]
        values = pd.DataFrame(-values if metric in lower else values)
        values.columns = [f"{model}/{method}" for model, method in MAPS]
        values[[f"net/{name}" for name in absent]] = np.nan
        made = paired.compare(values, lower=metric in lower, samples=99)
        tests.append(made.assign(metric=metric, aggregation="frames"))
        for (model, method), column in zip(MAPS, values, strict=True):
            mean, n = values[column].mean(), values[column].notna().sum()
            bounds = {"low": mean - 0.1, "high": mean + 0.1}
            facts = {"model": model, "method": method, "metric": metric, "mean": mean, "n": n}
            summaries.append(facts | bounds | {"aggregation": "frames"})
    return pd.DataFrame(summaries), pd.concat(tests)


def written(tmp_path, **options):
    lower = options.get("lower", ())
    paths = {ending: tmp_path / f"scores_frames.{ending}" for ending in ENDINGS}
    pasting.write_tables(*tables(**options), paths.values(), lower=lower)
    return {ending: path.read_text() for ending, path in paths.items()}


@pytest.mark.parametrize("lower", [(), ("auc",)])
def test_the_best_is_bold_its_equal_is_marked_and_what_beats_the_controls(tmp_path, lower):
    texts = written(tmp_path, lower=lower)
    table = pd.read_csv(tmp_path / "scores_frames.tsv", sep="\t").set_index("method")
    best = table["auc_best"]
    marks = table["auc_marks"].fillna("")
    assert best.idxmax() in ("good", "nearly_as_good")
    assert best.sum() == 1
    other = "nearly_as_good" if best["good"] else "good"
    assert marks[best.idxmax()] == "*"
    assert marks[other] == "†*"
    assert (marks[["bad", "centre", "random", "observers"]] == "").all()
    arrow = "↓" if lower else "↑"
    assert f"auc {arrow}" in texts["md"]
    assert ("$\\downarrow$" if lower else "$\\uparrow$") in texts["tex"]


def test_a_planted_difference_shows_and_chance_says_so():
    # Over many draws the better of two equal methods is rarely left without its equal.
    alone = 0
    for seed in range(60):
        summary, tests = tables(seed=seed)
        made = pasting.marks(summary.assign(role=roles(summary)), tests, lower=())
        marks = dict(zip(made["method"], made["marks"], strict=True))
        best = made.loc[made["best"], "method"].item()
        assert best != "bad"
        assert "†" not in marks["bad"]
        other = {"good": "nearly_as_good", "nearly_as_good": "good"}[best]
        alone += "†" not in marks[other]
    assert alone <= 12


def roles(summary):
    kinds = {"centre": "control", "random": "control", "observers": "ceiling"}
    return [kinds.get(method, "method") for method in summary["method"]]


def test_few_videos_are_said_to_be_too_few(tmp_path):
    texts = written(tmp_path, videos=4)
    for ending in ("md", "tex", "html"):
        assert "no difference can reach that" in texts[ending]
    assert "†" in texts["md"]
    assert "no difference" not in written(tmp_path, videos=14)["md"]


def test_a_map_without_value_is_a_dash_and_wins_nothing(tmp_path):
    texts = written(tmp_path, absent=("good",))
    assert re.search(r"\| good \| – \|", texts["md"])
    assert "nan" not in texts["md"] + texts["tex"] + texts["html"]
    table = pd.read_csv(tmp_path / "scores_frames.tsv", sep="\t").set_index("method")
    assert table["auc_best"]["nearly_as_good"]


class Table(HTMLParser):
    """Rows of cells, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.cell = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "br":
            self.rows[-1][-1] += " "

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_all_formats_hold_the_same_table(tmp_path):
    texts = written(tmp_path, metrics=("auc", "k_l"), lower=("k_l",))
    page = Table(texts["html"])
    assert page.open == []
    lines = [line for line in texts["md"].splitlines() if line.startswith("|")]
    plain = [line.replace("**", "").replace("\\*", "*").strip("| ").split(" | ") for line in lines]
    assert [plain[0], *plain[2:]] == page.rows
    body = texts["tex"].split("\\midrule", 1)[1].split("\\bottomrule")[0]
    cells = re.sub(r"\\textbf\{(.*?)\}", r"\1", body).replace("$-$", "-").replace("\\_", "_")
    cells = cells.replace("$^{*}$", "*").replace("$^{\\dagger*}$", "†*")
    # Every second line holds the intervals; its first two cells are empty.
    lines = [line.removesuffix(" \\\\") for line in cells.splitlines() if line.endswith("\\\\")]
    firsts = [line.split(" & ") for line in lines if not line.startswith(" &")]
    assert [row[:2] for row in firsts] == [row[:2] for row in page.rows[1:]]
    for row, other in zip(firsts, page.rows[1:], strict=True):
        assert [cell.split(" [")[0] for cell in other[2:]] == row[2:]


def test_the_latex_is_balanced_and_has_as_many_columns_everywhere(tmp_path):
    text = written(tmp_path, metrics=("auc", "k_l"))["tex"]
    assert text.count("{") == text.count("}")
    assert re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)[::-1]
    assert not re.search(r"(?<!\\)[_%#]", text.replace("% needs", ""))
    rows = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert {line.count("&") for line in rows} == {3}
    assert text.isascii()


def test_an_empty_summary_gives_empty_tables(tmp_path):
    summary, tests = tables()
    paths = [tmp_path / f"scores_mean.{ending}" for ending in ENDINGS]
    pasting.write_tables(summary[:0], tests[:0], paths)
    assert all(path.stat().st_size for path in paths)
