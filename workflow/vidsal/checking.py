"""What can be said of a run before any job: sheets that do not fit it, videos and files not there.

Nothing here imports a heavy library: a dry run comes by.
"""

from __future__ import annotations

import os

import pandas as pd

from vidsal import config as settings
from vidsal import registry, sheets, sources, targets, weights

SHOWN = 10
PREDICTION = "prediction"
"""Beside the columns of the sheet scores are grouped by this: was a network right about a video."""
UNGROUPED = {"video", "path", "fixations", "masks"}


def sheet_problems(config: dict, dataset: str, table: pd.DataFrame) -> list[str]:
    """Return a sentence for everything for which the run cannot use a sample sheet.

    Args:
        config: a checked one.
        dataset: name of the dataset.
        table: its checked sample sheet.
    """
    split = config["explain"]["split"]
    found = _nothing_explained(config, dataset, table)
    if _is_training(config):
        found += [f"{dataset}: {problem}" for problem in sheets.label_problems(table, split)]
        classes = sorted(set(table.loc[table["split"] == "train", "label"]) - {""})
        wrong = targets.class_problems(config["explain"]["target"], classes, len(classes))
        found += [f"explain.target for {dataset}: {problem}" for problem in wrong]
    if (table["fixations"] != "").any():
        found += settings.degrees_problems(config, dataset)
    return found + _group_problems(config, dataset, table)


def _group_problems(config: dict, dataset: str, table: pd.DataFrame) -> list[str]:
    """Return a sentence for every column that scores shall be grouped by and that is not there."""
    known = {*table.columns, PREDICTION} - UNGROUPED
    return [
        f"tables.by for {dataset}: the sample sheet has no column {column!r}"
        f"{registry.nearest(column, known)}"
        for column in config["tables"]["by"]
        if column not in known
    ]


def absent_videos(config: dict, dataset: str, table: pd.DataFrame) -> tuple[str, str]:
    """Return (problem, doubt): a sentence on videos that are not there, '' where there is none.

    It is a problem when more are missing than `max_failures` allows. Nothing is said before all
    that the dataset downloads is in place.

    Args:
        config: a checked one.
        dataset: name of the dataset.
        table: its checked sample sheet.
    """
    if sources.pending(config, dataset):
        return "", ""
    splits = {config["explain"]["split"]} | ({"train", "val"} if _is_training(config) else set())
    rows = table[table["split"].isin(splits)]
    gone, sentence = sheets.absent(rows)
    if gone > config["max_failures"] * len(rows):
        return f"{dataset}: {sentence}; {sources.ways_out(config, dataset)}", ""
    return "", f"{dataset}: {sentence}; they are left out and listed as failures" if gone else ""


def offline_hint(config: dict) -> str:
    """Return a sentence on the files that only a download would bring; '' when there are none."""
    if not config.get("offline"):
        return ""
    gone = [file for name in config["run"]["datasets"] for file in sources.missing(config, name)]
    models = [
        settings.choice(config, room, name)
        for room in ("models", "gaze")
        for name in settings.chosen(config, room)
    ]
    places = [weights.path(config, own) for own in models if weights.of(config, own)]
    gone += [place for place in places if not os.path.exists(place)]
    more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
    if not gone:
        return ""
    return (
        f"offline is true, and these files are missing: {', '.join(gone[:SHOWN])}{more}; put them "
        "there (the run says where to get each), or set offline: false to have them downloaded"
    )


def _nothing_explained(config: dict, dataset: str, table: pd.DataFrame) -> list[str]:
    """Return a sentence when no video would be explained."""
    split, every = config["explain"]["split"], config["explain"]["every"]
    rows = table[table["split"] == split]
    if rows.empty:
        near = registry.nearest(split, set(table["split"]))
        return [f"explain.split: {dataset} has no split {split!r}{near}"]
    if not sheets.every(rows, every).any():
        return [f"explain.every: {every} leaves none of {len(rows)} videos of {dataset}; lower it"]
    return []


def _is_training(config: dict) -> bool:
    return any(
        weights.is_trained(settings.choice(config, room, name))
        for room in ("models", "gaze")
        for name in settings.chosen(config, room)
    )
