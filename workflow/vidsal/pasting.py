"""Tables of scores to paste into a paper: TSV, Markdown, LaTeX (booktabs) and HTML.

One table per aggregation: a row per map, a column per metric, the mean over videos with its
interval. Methods come first, then controls, then ceilings. Of the methods the best is bold; a
dagger marks those that may be the best as well, an asterisk those better than every control. The
bold and the daggered are a confidence set of the best, after J. C. Hsu, "Simultaneous Confidence
Intervals for All Distances from the 'Best'", Annals of Statistics 9(5), 1981.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import paired
from vidsal.choosing import CEILINGS, LOWER_IS_BETTER, role
from vidsal.tables import write_tsv

LEVEL = 0.05
ROLES = {"method": "methods", "control": "controls", "ceiling": "ceilings"}
STYLE = (
    "body{font:14px system-ui,sans-serif;margin:1.5em;color:#1b1b20;background:#fff}"
    "table{border-collapse:collapse;border-top:2px solid;border-bottom:2px solid}"
    "caption{caption-side:bottom;text-align:left;padding-top:.6em;max-width:60em}"
    "th,td{padding:.25em .8em;text-align:right;white-space:nowrap}"
    "th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}"
    "thead tr,tbody+tbody{border-top:1px solid}thead{border-bottom:1px solid}"
    "small{color:#5b5b66}"
)


@dataclass(frozen=True)
class Cell:
    """One score: its texts, whether it is the best, and its marks (of `†` and `*`)."""

    mean: str
    interval: str
    best: bool
    marks: str


@dataclass(frozen=True)
class Sheet:
    """What one table says, whatever it is written in."""

    title: str
    metrics: dict[str, str]
    groups: dict[str, dict[tuple[str, str], list[Cell]]]
    caption: str


def write_tables(
    summary: pd.DataFrame,
    tests: pd.DataFrame,
    out: Iterable[str | Path],
    *,
    lower: Collection[str] = LOWER_IS_BETTER,
    ceilings: Collection[str] = CEILINGS,
) -> None:
    """Write the tables of every aggregation.

    Args:
        summary: columns model, method, aggregation, metric, mean, low, high, n.
        tests: columns aggregation, metric, a, b (`model/method`), n, difference, p.
        out: files `scores_AGGREGATION.ENDING`, endings `tsv`, `md`, `tex`, `html`.
        lower: metrics whose small values are the good ones.
        ceilings: controls that are no floor but what people reach.
    """
    summary = summary.assign(
        role=[role(*key, ceilings) for key in zip(summary["model"], summary["method"], strict=True)]
    )
    for path in map(Path, out):
        aggregation = path.stem.removeprefix("scores_")
        rows = summary[summary["aggregation"] == aggregation]
        marked = marks(rows, tests[tests["aggregation"] == aggregation], lower)
        if path.suffix == ".tsv":
            write_tsv(_flat(marked), path)
        else:
            made = _sheet(aggregation, marked, tests, lower)
            path.write_text(WRITTEN[path.suffix](made), encoding="utf-8")


def marks(rows: pd.DataFrame, tests: pd.DataFrame, lower: Collection[str]) -> pd.DataFrame:
    """Return the rows with two more columns: best (bool), marks (of `†` and `*`)."""
    tables = [_marked(own, tests, metric in lower) for metric, own in rows.groupby("metric")]
    made = pd.concat(tables) if tables else rows.assign(best=False, marks="")
    return made.reindex(rows.index)


def _marked(rows: pd.DataFrame, tests: pd.DataFrame, lower: bool) -> pd.DataFrame:
    names = list(rows["model"] + "/" + rows["method"])
    good = dict(zip(names, rows["mean"] * (-1 if lower else 1), strict=True))
    kinds = dict(zip(names, rows["role"], strict=True))
    there = [name for name in names if np.isfinite(good[name])]
    methods = [name for name in there if kinds[name] == "method"]
    controls = [name for name in there if kinds[name] == "control"]
    p = _p_of_being_better(tests[tests["metric"] == rows["metric"].iloc[0]], lower)
    best = max(methods, key=good.get, default=None)
    # Whatever is the best of them is rejected as the best with at most this chance (Bonferroni).
    worse = {
        name: (len(methods) - 1) * min(p.get((other, name), 1.0) for other in methods)
        for name in methods
    }
    # Better than all controls: the weakest of these differences must hold, for each method.
    above = paired.holm(
        np.array([max([p.get((name, c), 1.0) for c in controls], default=1.0) for name in methods])
    )
    found = dict.fromkeys(names, "")
    for name, p_above in zip(methods, above, strict=True):
        found[name] = "†" * (name != best and worse[name] >= LEVEL) + "*" * bool(p_above < LEVEL)
    return rows.assign(best=[name == best for name in names], marks=list(found.values()))


def _p_of_being_better(tests: pd.DataFrame, lower: bool) -> dict[tuple[str, str], float]:
    """Return (a, b) -> p of "a is better than b"; 1 where it is not."""
    p = {}
    columns = (tests[name] for name in ("a", "b", "p", "difference"))
    for a, b, value, apart in zip(*columns, strict=True):
        value = 1.0 if np.isnan(value) else value
        p[a, b], p[b, a] = (value, 1.0) if (apart < 0) == lower else (1.0, value)
    return p


def markdown(sheet: Sheet) -> str:
    """Return the table in Markdown (GitHub's and pandoc's)."""
    head = ["model", "method", *(f"{name} {arrow}" for name, arrow in sheet.metrics.items())]
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "---:|" * len(sheet.metrics)]
    for kind, rows in sheet.groups.items():
        for (model, method), cells in rows.items():
            texts = [_markdown_cell(cell) for cell in cells]
            lines.append(f"| {' | '.join([_who(kind, model), method, *texts])} |")
    return "\n".join(lines) + f"\n\n{sheet.caption.replace('*', chr(92) + '*')}\n"


def _markdown_cell(cell: Cell) -> str:
    mean = f"**{cell.mean}**" if cell.best else cell.mean
    return f"{mean}{cell.marks.replace('*', chr(92) + '*')} {cell.interval}".strip()


def latex(sheet: Sheet) -> str:
    """Return the table in LaTeX: a float with a `tabular`; a line of intervals below each map."""
    arrows = {"↑": r"$\uparrow$", "↓": r"$\downarrow$"}
    head = [f"{_tex(name)} {arrows[arrow]}" for name, arrow in sheet.metrics.items()]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{ll{'r' * len(head)}}}",
        r"\toprule",
        " & ".join(["model", "method", *head]) + r" \\",
    ]
    for kind, rows in sheet.groups.items():
        lines.append(r"\midrule")
        for (model, method), cells in rows.items():
            first = [_tex(_who(kind, model)), _tex(method), *map(_tex_cell, cells)]
            second = ["", "", *(rf"{{\scriptsize {cell.interval}}}" for cell in cells)]
            lines += [" & ".join(first) + r" \\", " & ".join(second) + r" \\"]
    caption = _tex(sheet.caption).replace("†", r"$\dagger$").replace("*", "$*$")
    return (
        "\n".join([*lines, r"\bottomrule", r"\end{tabular}", rf"\caption{{{caption}}}"])
        + f"\n\\label{{tab:scores-{_slug(sheet.title)}}}\n\\end{{table}}\n"
    )


def _tex_cell(cell: Cell) -> str:
    mean = rf"\textbf{{{cell.mean}}}" if cell.best else cell.mean
    # A minus sign, not a hyphen.
    mean = mean.replace("-", "$-$")
    above = cell.marks.replace("†", r"\dagger")
    return f"{mean}$^{{{above}}}$" if above else mean


def _tex(text: str) -> str:
    r"""Escape what LaTeX takes for commands: `grad_cam` becomes `grad\_cam`."""
    for sign in "&%$#_{}":
        text = text.replace(sign, f"\\{sign}")
    return text


def _slug(text: str) -> str:
    return text.replace("_", "-")


def page(sheet: Sheet) -> str:
    """Return the table as a page of HTML that needs nothing else."""
    names = ["model", "method", *(f"{name} {arrow}" for name, arrow in sheet.metrics.items())]
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    bodies = []
    for kind, rows in sheet.groups.items():
        lines = [
            "<tr>"
            + f"<td>{html.escape(_who(kind, model))}</td><td>{html.escape(method)}</td>"
            + "".join(f"<td>{_html_cell(cell)}</td>" for cell in cells)
            + "</tr>"
            for (model, method), cells in rows.items()
        ]
        bodies.append("<tbody>\n" + "\n".join(lines) + "\n</tbody>")
    title = html.escape(f"scores, {sheet.title}")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<table>\n<caption>{html.escape(sheet.caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n" + "\n".join(bodies) + "\n</table>\n</html>\n"
    )


def _html_cell(cell: Cell) -> str:
    mean = f"<b>{cell.mean}</b>" if cell.best else cell.mean
    above = f"<sup>{cell.marks}</sup>" if cell.marks else ""
    return f"{mean}{above}<br><small>{cell.interval}</small>"


def _who(kind: str, model: str) -> str:
    """What stands in the column of the model: controls have none."""
    return model if kind == "method" else kind


def _sheet(
    aggregation: str, rows: pd.DataFrame, tests: pd.DataFrame, lower: Collection[str]
) -> Sheet:
    metrics = list(dict.fromkeys(rows["metric"]))
    groups: dict[str, dict] = {}
    for kind in ROLES:
        own = rows[rows["role"] == kind]
        for key in dict.fromkeys(zip(own["model"], own["method"], strict=True)):
            there = own[(own["model"] == key[0]) & (own["method"] == key[1])].set_index("metric")
            cells = [_cell(there.loc[m]) if m in there.index else _nothing() for m in metrics]
            groups.setdefault(kind, {})[key] = cells
    arrows = {metric: "↓" if metric in lower else "↑" for metric in metrics}
    own = tests[tests["aggregation"] == aggregation]
    return Sheet(aggregation, arrows, groups, _caption(rows, own))


def _cell(row: pd.Series) -> Cell:
    if not np.isfinite(row["mean"]):
        return _nothing()
    known = np.isfinite([row["low"], row["high"]]).all()
    interval = f"[{row['low']:.3f}, {row['high']:.3f}]" if known else ""
    return Cell(f"{row['mean']:.3f}", interval, bool(row["best"]), row["marks"])


def _nothing() -> Cell:
    return Cell("–", "", False, "")


def _caption(rows: pd.DataFrame, tests: pd.DataFrame) -> str:
    counts = rows.loc[rows["mean"].notna(), "n"]
    low, high = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
    parts = [
        f"Means over {high if low == high else f'{low} to {high}'} videos with 95 % bootstrap "
        "intervals over videos."
    ]
    number = rows.loc[rows["role"] == "method", ["model", "method"]].drop_duplicates().shape[0]
    if number > 1:
        parts.append(
            "Bold: the best of the methods; †: may be the best as well (bold and † hold the best "
            "of them with 95 % confidence)."
        )
    elif number:
        parts.append("Bold: the best of the methods.")
    if {"method", "control"} <= set(rows["role"]):
        parts.append("*: better than every control, p < 0.05, corrected for all methods (Holm).")
    if number and len(tests):
        parts.append("Paired tests over videos, signs of the differences flipped.")
        if 2.0 ** (1 - tests["n"].max()) * number >= LEVEL:
            parts.append("So few videos and so many methods: no difference can reach that.")
    return " ".join(parts)


def _flat(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per map, and per metric its mean, bounds, number of videos and marks."""
    keys = ["role", "model", "method"]
    made = rows[keys].drop_duplicates()
    for metric, own in rows.groupby("metric", sort=False):
        named = own[keys].assign(
            **{
                metric: own["mean"],
                f"{metric}_low": own["low"],
                f"{metric}_high": own["high"],
                f"{metric}_n": own["n"],
                f"{metric}_best": own["best"],
                f"{metric}_marks": own["marks"],
            }
        )
        made = made.merge(named, on=keys, how="left")
    return made


WRITTEN = {".md": markdown, ".tex": latex, ".html": page}
