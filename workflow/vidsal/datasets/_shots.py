"""Sets published as `training|testing/NAME/{images,maps,fixation}`: Hollywood-2 and UCF-Sports."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from vidsal.datasets import _maps, _trees
from vidsal.datasets.folder import PICTURES

SPLITS = {"training": "train", "train": "train", "testing": "test", "test": "test"}


def table(
    dataset: str, base: Path, fps: float, label: Callable[[str], str], shortest: int = 1
) -> pd.DataFrame:
    """Return the sample sheet: one row per folder that holds `images`.

    Args:
        dataset: name of the set, for messages.
        base: folder that holds `training` and `testing`.
        fps: frames per second.
        label: class of a name, '' for none.
        shortest: folders with fewer pictures are left out; 1 does not count them.

    Raises:
        InputError: no such rows.
    """
    found = [
        (split, name, os.path.join(base, place, name))
        for place, split in SPLITS.items()
        for name in _trees.folders(base / place)
    ]
    kept = [one for one in found if os.path.isdir(os.path.join(one[2], "images"))]
    _trees.note(dataset, "folders without images, left out", _names(found, kept))
    if shortest > 1:
        long = [one for one in kept if _count(one[2]) >= shortest]
        _trees.note(dataset, f"fewer than {shortest} frames, left out", _names(kept, long))
        kept = long
    rows = [_row(split, name, place, fps, label(name)) for split, name, place in kept]
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note(dataset, "videos without fixation maps", without)
    sheet = _trees.table(dataset, base, rows, "training/NAME/images and testing/NAME/images")
    sheet["video"] = _trees.slugs(sheet["video"])
    return sheet


def _row(split: str, name: str, place: str, fps: float, label: str) -> dict:
    gaze = os.path.join(place, "fixation")
    return {
        "video": name,
        "path": os.path.join(place, "images"),
        "split": split,
        "label": label,
        "fps": fps,
        "fixations": gaze if _maps.there(gaze) else "",
    }


def _count(place: str) -> int:
    return len(_trees.files(os.path.join(place, "images"), PICTURES))


def _names(before: list[tuple], after: list[tuple]) -> list[str]:
    kept = {place for _, _, place in after}
    return [name for _, name, place in before if place not in kept]
