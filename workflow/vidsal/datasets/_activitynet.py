"""A sample sheet as the annotation file that ActivityNet made common: labels, videos, subsets.

{"labels": ["running", "walking"],
 "database": {"person01_running_d1": {"subset": "training", "annotations": {"label": "running"}}}}
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from vidsal import parts

SUBSETS = {"train": "training", "val": "validation", "test": "testing"}


def document(sheet: pd.DataFrame) -> dict:
    """Return the annotations of a sheet; a split of another name is a subset of that name."""
    subsets = [SUBSETS.get(split, split) for split in sheet["split"]]
    return {
        "labels": sorted(set(sheet["label"]) - {""}),
        "database": {
            video: {"subset": subset, "annotations": {"label": label}}
            for video, subset, label in zip(sheet["video"], subsets, sheet["label"], strict=True)
        },
    }


def write(sheet: pd.DataFrame, path: str | Path) -> None:
    """Write the annotations of a sheet as JSON."""
    with parts.replacing(Path(path)) as temporary:
        temporary.write_text(json.dumps(document(sheet), indent=1) + "\n", encoding="utf-8")
