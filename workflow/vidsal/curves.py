"""Figures of scores over time: how each map does at the beginning, in the middle, at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vidsal import bootstrap
from vidsal.choosing import CEILINGS, LOWER_IS_BETTER, role
from vidsal.plotting import COLOURS, GREY, INK, STYLE, save_figure

PARTS = 20
"""A video is cut into so many equal parts; its score in a part is the mean over its frames."""
SAMPLES = 1999
CURVE_COLUMNS = [
    *("model", "method", "aggregation", "metric"),
    *("part", "mean", "low", "high", "n"),
]
DASHES = ("-", "--", ":")


def over_time(frames: pd.DataFrame, *, parts: int = PARTS, seed: int = 0) -> pd.DataFrame:
    """Return the mean score of every map in each part of the videos, with BCa intervals.

    Videos differ in length, so time is counted in parts of the video. Each video counts once in
    every part, and videos are what is drawn.

    Args:
        frames: a row per frame: video, frame, model, method, aggregation, metric, value.
        parts: at most so many; fewer where no video has as many frames.
        seed: of the draws.

    Returns:
        columns `CURVE_COLUMNS`; part is the middle of a part, 0 to 1.
    """
    keys = ["model", "method", "aggregation", "metric"]
    parts = min(parts, int(frames["frame"].max()) + 1) if len(frames) else parts
    tables = []
    for names, own in frames.groupby(keys, sort=False):
        made = _curve(own, parts, seed)
        tables.append(made.assign(**dict(zip(keys, names, strict=True)))[CURVE_COLUMNS])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=CURVE_COLUMNS)


def _curve(own: pd.DataFrame, parts: int, seed: int) -> pd.DataFrame:
    length = own.groupby("video")["frame"].transform("max") + 1
    part = ((own["frame"] + 0.5) / length * parts).astype(int).clip(0, parts - 1)
    cells = own["value"].groupby([own["video"], part]).mean().unstack()
    cells = cells.reindex(columns=range(parts)).to_numpy(np.float64)
    found = bootstrap.intervals(cells, samples=SAMPLES, seed=seed)
    made = pd.DataFrame(found, columns=["mean", "low", "high", "n"])
    return made.assign(part=(np.arange(parts) + 0.5) / parts)


def curve_figure(
    frames: pd.DataFrame,
    metric: str,
    path_stem: Path,
    *,
    lower_is_better: Collection[str] = LOWER_IS_BETTER,
    ceilings: Collection[str] = CEILINGS,
    seed: int = 0,
) -> None:
    """Draw one metric over time: a panel per network, controls and ceiling as grey lines.

    Args:
        frames: a row per frame, as for `over_time`; rows of other metrics are left out.
        metric: the metric to draw.
        path_stem: path without ending; `.svg`, `.png` and `.csv` (what is drawn) are written.
        lower_is_better: metrics whose small values are the good ones.
        ceilings: controls that are no floor but what people reach.
        seed: of the draws.
    """
    curves = over_time(frames[frames["metric"] == metric], seed=seed)
    panels = list(_panels(curves, ceilings))
    columns = min(3, max(1, len(panels)))
    rows = -(-max(1, len(panels)) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.2 + 3.6 * columns, 0.6 + 2.6 * rows), layout="constrained")
        places = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (title, methods, references) in zip(places, panels, strict=False):
            axes.set_title(title, fontsize=10, color=INK)
            _lines(axes, methods, references, ceilings)
        for axes in places[len(panels) :]:
            axes.set_axis_off()
        if not panels:
            text = "no map per frame"
            places[0].text(0.5, 0.5, text, ha="center", va="center", color=GREY)
        else:
            better = "lower" if metric in lower_is_better else "higher"
            figure.supylabel(f"{metric} ({better} is better)", fontsize=10)
            figure.supxlabel(_caption(curves, ceilings), fontsize=8, color=GREY)
        save_figure(figure, path_stem)
    curves.to_csv(f"{path_stem}.csv", index=False, lineterminator="\n", float_format="%.6g")


def _panels(
    curves: pd.DataFrame, ceilings: Collection[str]
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield (title, curves of methods, curves of controls and ceilings) for every panel."""
    for aggregation, own in curves.groupby("aggregation", sort=False):
        kinds = [role(*key, ceilings) for key in zip(own["model"], own["method"], strict=True)]
        is_method = np.array(kinds) == "method"
        methods, references = own[is_method], own[~is_method]
        several = methods.groupby("model", sort=False)["method"].transform("nunique") > 1
        shown = [(model, rows) for model, rows in methods[several].groupby("model", sort=False)]
        # Networks with one map each, such as those that predict gaze, share a panel.
        alone = methods[~several]
        shown += [("one map each", alone.assign(method=alone["model"]))] if len(alone) else []
        shown += [("controls", references)] if not shown and len(references) else []
        one = curves["aggregation"].nunique() == 1
        for title, rows in shown:
            yield (title if one else f"{title}, {aggregation}"), rows, references


def _lines(
    axes: Axes, methods: pd.DataFrame, references: pd.DataFrame, ceilings: Collection[str]
) -> None:
    for name, rows in references.groupby("method", sort=False):
        dashes = (0, (1, 2)) if name in ceilings else (0, (5, 3))
        axes.plot(rows["part"], rows["mean"], color=GREY, lw=1, ls=dashes, zorder=2)
        last = rows.dropna(subset="mean")
        if len(last):
            place = (last["part"].iloc[-1], last["mean"].iloc[-1])
            look = {"textcoords": "offset points", "fontsize": 7, "color": GREY, "va": "center"}
            axes.annotate(str(name), place, (4, 0), **look)
    drawn = [] if methods is references else list(methods.groupby("method", sort=False))
    for number, (name, rows) in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        dashes = DASHES[number // len(COLOURS) % len(DASHES)]
        low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
        axes.fill_between(rows["part"], low, high, color=colour, alpha=0.13, lw=0, zorder=1)
        axes.plot(rows["part"], rows["mean"], dashes, color=colour, lw=1.6, label=name, zorder=3)
    axes.set_xlim(0, 1)
    axes.grid(lw=0.6)
    axes.set_axisbelow(True)
    if drawn:
        look = {"frameon": False, "fontsize": 7, "ncols": 1 if len(drawn) < 3 else 2}
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), **look)


def _caption(curves: pd.DataFrame, ceilings: Collection[str]) -> str:
    kinds = {role(*key, ceilings) for key in zip(curves["model"], curves["method"], strict=True)}
    most = int(curves["n"].max())
    parts = [f"part of the video; mean and 95 % CI over at most {most} videos"]
    parts += ["dashed: controls"] if "control" in kinds else []
    parts += ["dotted: ceiling"] if "ceiling" in kinds else []
    return "; ".join(parts)
