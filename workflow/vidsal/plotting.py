"""Figures: scores with confidence intervals, training curves, confusion matrices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vidsal.choosing import CEILINGS, LOWER_IS_BETTER, role
from vidsal.choosing import CONTROL_MODEL as CONTROLS
from vidsal.errors import InputError

STYLE = {
    "svg.hashsalt": "vidsal",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#7a7a85",
    "axes.labelcolor": "#1b1b20",
    "xtick.color": "#4a4a55",
    "ytick.color": "#4a4a55",
    "grid.color": "#dcdce2",
}
# Okabe and Ito's colours, told apart by colour-blind readers, too; markers say the same again.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
GREY, INK = "#6d6d78", "#1b1b20"
MOST_NUMBERED = 40  # classes of a confusion matrix whose cells have room for a number
NEEDED = ("model", "method", "aggregation", "metric", "mean", "low", "high", "n")
# What the epoch is chosen by: of classifiers, of predictors of gaze.
SCORES = ("val_accuracy", "val_nss")


def metric_figure(
    summary: pd.DataFrame,
    metric: str,
    path_stem: Path,
    *,
    lower_is_better: Collection[str] = LOWER_IS_BETTER,
    ceilings: Collection[str] = CEILINGS,
) -> None:
    """Draw one metric as dots with 95 % confidence intervals, a row per (model, method).

    Rows are grouped by model, controls and ceiling below them and in grey; each aggregation has
    its own column, with a dashed line at the best control and a dotted one at the ceiling.

    Args:
        summary: columns model, method, aggregation, metric, mean, low, high, n (videos).
        metric: the metric to draw.
        path_stem: path without ending; `.svg`, `.png` and `.csv` (what is drawn) are written.
        lower_is_better: metrics whose small values are the good ones.
        ceilings: controls that are no floor but what people reach.
    """
    rows = _rows_of(summary, metric, ceilings)
    aggregations = list(rows["aggregation"].unique())
    places = _places(rows)
    lower = metric in lower_is_better
    with mpl.rc_context(STYLE):
        size = (2.4 + 3.3 * len(aggregations), 1.4 + 0.27 * (max(places.values()) + 1))
        figure = Figure(figsize=size, layout="constrained")
        columns = figure.subplots(1, len(aggregations), sharey=True, sharex=True, squeeze=False)[0]
        for axes, aggregation in zip(columns, aggregations, strict=True):
            part = rows[rows["aggregation"] == aggregation]
            _dots(axes, part, places)
            _references(axes, part, lower)
            axes.set_title(aggregation, fontsize=10, color=INK)
            axes.set_xlabel(f"{metric} ({'lower' if lower else 'higher'} is better)")
        _row_labels(columns[0], places, rows)
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)
        figure.supxlabel(_caption(rows), fontsize=8, color=GREY)
        save_figure(figure, path_stem)
    drawn = rows.drop(columns="role")
    drawn.to_csv(Path(f"{path_stem}.csv"), index=False, lineterminator="\n")


def _rows_of(summary: pd.DataFrame, metric: str, ceilings: Collection[str]) -> pd.DataFrame:
    """Return the rows of a metric with their role: methods first, then controls, then ceilings."""
    missing = [name for name in NEEDED if name not in summary]
    if missing:
        raise InputError(f"summary of {metric}: no column {', '.join(missing)}; take tabulate's")
    rows = summary.loc[summary["metric"] == metric, list(NEEDED)]
    if rows.empty:
        known = ", ".join(summary["metric"].unique())
        raise InputError(f"metric {metric} in summary: it has no rows; known are {known}")
    order = {"method": 0, "control": 1, "ceiling": 2}
    roles = [role(*key, ceilings) for key in zip(rows["model"], rows["method"], strict=True)]
    ordered = rows.assign(role=roles)
    return ordered.sort_values("role", kind="stable", key=lambda column: column.map(order))


def _places(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the height of every (model, method) from the top; a model's heading takes one row."""
    places, height, group = {}, 0.0, None
    for model, method, kind in zip(rows["model"], rows["method"], rows["role"], strict=True):
        if (model, method) in places:
            continue
        heading = model if model != CONTROLS else kind
        height += (1.4 if group is not None else 1.0) if heading != group else 0.0
        group = heading
        places[model, method] = height
        height += 1.0
    return places


def _dots(axes: Axes, rows: pd.DataFrame, places: dict[tuple[str, str], float]) -> None:
    models = list(dict.fromkeys(model for model, _ in places if model != CONTROLS))
    for row in rows.to_dict("records"):
        key = (row["model"], row["method"])
        control = row["model"] == CONTROLS
        number = 0 if control else models.index(row["model"])
        colour = GREY if control else COLOURS[number % len(COLOURS)]
        marker = {"control": "|", "ceiling": "*"}.get(row["role"], MARKERS[number % len(MARKERS)])
        if not np.isfinite(row["mean"]):
            text = "undefined"
            at = axes.get_yaxis_transform()
            axes.text(0.02, places[key], text, transform=at, va="center", color=GREY, fontsize=8)
            continue
        axes.plot([row["low"], row["high"]], [places[key]] * 2, color=colour, lw=1.8, zorder=3)
        size = 10 if marker in "|*" else 6
        axes.plot(row["mean"], places[key], marker, color=colour, ms=size, mew=1.8, zorder=4)


def _references(axes: Axes, rows: pd.DataFrame, lower: bool) -> None:
    roles, means = rows["role"].to_numpy(str), rows["mean"].to_numpy(float)
    for kind, dashes in (("control", (0, (5, 3))), ("ceiling", (0, (1, 2)))):
        known = means[(roles == kind) & np.isfinite(means)]
        if known.size:
            value = known.min() if lower else known.max()
            axes.axvline(value, color=GREY, lw=1, ls=dashes, zorder=1)
    axes.grid(axis="x", lw=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _caption(rows: pd.DataFrame) -> str:
    roles = set(rows["role"])
    counts = rows.loc[rows["mean"].notna(), "n"]
    low, high = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
    parts = [f"mean and 95 % CI over {high if low == high else f'{low} to {high}'} videos"]
    parts += ["dashed: best control"] if "control" in roles else []
    parts += ["dotted: ceiling"] if "ceiling" in roles else []
    return "; ".join(parts)


def _row_labels(axes: Axes, places: dict[tuple[str, str], float], rows: pd.DataFrame) -> None:
    kinds = dict(zip(zip(rows["model"], rows["method"], strict=True), rows["role"], strict=True))
    axes.set_yticks(list(places.values()), [method for _, method in places])
    axes.set_ylim(max(places.values()) + 0.8, -0.8)
    heads = {}
    for (model, method), height in places.items():
        name = {"control": "controls", "ceiling": "ceiling"}.get(kinds[model, method], model)
        heads.setdefault(name, height)
    for name, height in heads.items():
        at = axes.get_yaxis_transform()
        axes.text(-0.02, height - 1, name, transform=at, ha="right", va="center", weight="bold")


def history_figure(history: pd.DataFrame, path_stem: Path) -> None:
    """Draw training curves over epochs, one panel per quantity, with the kept epoch marked.

    Args:
        history: column `epoch` and numeric columns `train_X`, `val_X` (one panel for each X) or any
            other name (a panel of its own).
        path_stem: path without ending; `.svg` and `.png` are written.
    """
    if "epoch" not in history or history.empty:
        raise InputError("training history: no column epoch or no rows; train for one epoch first")
    panels: dict[str, list[str]] = {}
    for name in history.select_dtypes("number").columns.drop("epoch"):
        split, _, quantity = name.partition("_")
        panels.setdefault(quantity if split in ("train", "val") else name, []).append(name)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(panels), 2.8), layout="constrained")
        for axes, (quantity, names) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            _curves(axes, history, quantity, names)
        save_figure(figure, path_stem)


def _curves(axes: Axes, history: pd.DataFrame, quantity: str, names: Sequence[str]) -> None:
    looks = {"train": (COLOURS[0], "--"), "val": (COLOURS[1], "-")}
    for name in names:
        split = name.partition("_")[0]
        colour, dashes = looks.get(split, (COLOURS[2], "-"))
        label = {"train": "training", "val": "validation"}.get(split, name)
        axes.plot(
            history["epoch"], history[name], dashes, color=colour, label=label, marker=".", lw=1.6
        )
    validation, kept = f"val_{quantity}", kept_epoch(history)
    if validation in names and kept is not None:
        value = history.loc[history["epoch"] == kept, validation].iloc[0]
        axes.plot(kept, value, "*", color=INK, ms=11, label=f"kept, epoch {kept}", zorder=5)
    axes.set_xlabel("epoch")
    axes.set_title(quantity.replace("_", " "), fontsize=10)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(lw=0.6)
    axes.legend(frameon=False, fontsize=8)


def kept_epoch(history: pd.DataFrame) -> int | None:
    """Return the epoch whose weights `train` keeps as the best; None without validation.

    The highest score counts, of equals the least loss, of these the latest.
    """
    score = next((name for name in SCORES if name in history), SCORES[0])
    ranks = [score, "val_loss", "epoch"]
    if not set(ranks) <= set(history.columns) or history[score].isna().all():
        return None
    validated = history.dropna(subset=score)
    return int(validated.sort_values(ranks, ascending=[True, False, True])["epoch"].iloc[-1])


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the confusion matrix of a model over the videos that have a label.

    Args:
        predictions: columns label ('' = unknown) and predicted, and categories, the model's names
            of its classes in their order ([] = not known).

    Returns:
        int64 counts, rows = true class, columns = predicted class; both are the classes that
        occur, in the model's order, and after them labels that are none of its classes. Empty
        where no labelled video could be classified.
    """
    labelled = predictions[predictions["label"] != ""]
    categories = [] if labelled.empty else labelled["categories"].iloc[0]
    order = {name: number for number, name in enumerate(categories)}
    there = {*labelled["label"], *labelled["predicted"]}
    names = sorted(there, key=lambda name: (order.get(name, len(order)), name))
    counts = pd.crosstab(labelled["label"], labelled["predicted"])
    return counts.reindex(index=names, columns=names, fill_value=0)


def confusion_figure(matrix: pd.DataFrame, path_stem: Path) -> None:
    """Draw a confusion matrix: colour is the share of the true class, text the number of videos.

    Many classes are drawn small and without numbers, so that the picture stays below 50 cm.

    Args:
        matrix: int counts, rows = true class, columns = predicted class, both with equal names.
        path_stem: path without ending; `.svg`, `.png` and `.csv` (the counts) are written.
    """
    if list(matrix.index) != list(matrix.columns):
        raise InputError("confusion matrix: rows and columns differ; give both the same classes")
    counts = matrix.to_numpy()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = min(0.42, 16 / max(len(counts), 1))
    side = 1.8 + cell * len(counts)
    with mpl.rc_context(STYLE | {"font.size": min(10, 24 * cell)}):
        figure = Figure(figsize=(side + 1.0, side), layout="constrained")
        axes = figure.subplots()
        if len(counts):
            _cells(axes, matrix, share)
        else:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "no labelled video", ha="center", va="center", color=GREY)
        save_figure(figure, path_stem)
    matrix.to_csv(f"{path_stem}.csv", index_label="true", lineterminator="\n")


def _cells(axes: Axes, matrix: pd.DataFrame, share: np.ndarray) -> None:
    image = axes.imshow(share, cmap="cividis", vmin=0, vmax=1)
    axes.set_xticks(range(len(matrix)), matrix.columns, rotation=45, ha="right")
    axes.set_yticks(range(len(matrix)), matrix.index)
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    axes.figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    if len(matrix) > MOST_NUMBERED:
        return
    for (row, column), count in np.ndenumerate(matrix.to_numpy()):
        colour = "#fff" if share[row, column] < 0.55 else "#000"
        axes.text(column, row, int(count), ha="center", va="center", color=colour)


def save_figure(figure: Figure, path_stem: Path | str) -> None:
    """Write a figure as `.svg` and `.png`."""
    # Neither file may carry a date or a version, so that equal data gives equal bytes.
    figure.savefig(f"{path_stem}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(f"{path_stem}.png", dpi=150, metadata={"Software": None})
