"""Plain folders of classes, `<class>/*.mp4`, with splits drawn or as `<split>/<class>/*.mp4`.

A folder of pictures is as good as a video. With folders of splits at the top (train, val, test,
training, validation, valid, testing), their videos are in these splits. Without, every video is put
into train, val or test by a draw that a seed fixes: in each class the same parts, or, when
`subject` finds who is in a video by its name, all videos of a person in one split.

    datasets:
      mine: {method: class_folders, videos: /data/actions, val: 0.1, test: 0.2}
      mine: {method: class_folders, videos: /data/actions, subject: 'person(\\d+)'}
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from vidsal.datasets import _classes, _trees
from vidsal.errors import InputError

SOURCES: list[dict] = []
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
EXPECTED = "<class>/VIDEO.mp4 or <split>/<class>/VIDEO.mp4"


def class_folders(
    folder: str,
    *,
    videos: str | None = None,
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    subject: str | None = None,
    fps: float = 25.0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per video.

    Args:
        folder: where to look when `videos` is not given.
        videos: folder to look in.
        val: part of the videos (of the people, with `subject`) to validate with, if splits are
            drawn.
        test: part to test with.
        seed: another number draws other splits.
        subject: regular expression looked for in `<class>/<name>`; what its first group matches
            (all, without a group) is who is in the video.
        fps: frames per second of frame folders.

    Raises:
        InputError: no such folder, no videos, parts that are none, or a name without a subject.
    """
    base = _trees.require("class_folders", videos or folder, f"it shall hold {EXPECTED}")
    _check(val, test)
    sheet = _videos(base)
    names = sheet["label"] + "/" + sheet["name"]
    sheet["subject"] = _subjects(names, subject)
    if "split" not in sheet:
        groups = sheet["subject"] if subject else names
        sheet["split"] = _draw(groups, None if subject else sheet["label"], val, test, seed)
        wanted = {name for name, part in (("val", val), ("test", test)) if part}
        empty = wanted - set(sheet["split"])
        _trees.note("class_folders", "too few videos for a split", sorted(empty))
    sheet["video"] = _slugs(sheet)
    sheet["fps"] = [fps if is_folder else None for is_folder in sheet["is_folder"]]
    return sheet[["video", "path", "split", "label", "subject", "fps"]]


def _check(val: float, test: float) -> None:
    if val < 0 or test < 0 or not val + test < 1:
        raise InputError(
            f"options val and test of dataset class_folders: {val} and {test} leave nothing to "
            "learn from; take parts such as 0.1 and 0.2"
        )


def _videos(base: Path) -> pd.DataFrame:
    """Return the videos, with their splits where folders say so."""
    tops = [name for name in _trees.folders(base) if name.lower() in SPLITS]
    found = {top: _classes.by_class(base / top) for top in tops}
    sheet = _given(base, found) if any(found.values()) else _sheet(_classes.by_class(base))
    if sheet.empty:
        raise InputError(f"dataset class_folders: {base}: no videos; expected {EXPECTED}")
    return sheet


def _given(base: Path, found: dict[str, list[_classes.Video]]) -> pd.DataFrame:
    """Return the videos of folders of splits; folders beside them are left out."""
    others = [name for name in _trees.folders(base) if name not in found]
    _trees.note("class_folders", "no folders of splits, left out", others)
    sheets = [_sheet(own).assign(split=SPLITS[top.lower()]) for top, own in found.items()]
    return pd.concat(sheets, ignore_index=True)


def _sheet(found: list[_classes.Video]) -> pd.DataFrame:
    return pd.DataFrame(found, columns=_classes.Video._fields)


def _subjects(names: pd.Series, pattern: str | None) -> list[str]:
    if pattern is None:
        return [""] * len(names)
    found = _trees.matches("class_folders", "subject", pattern, names)
    without = [name for name, subject in zip(names, found, strict=True) if subject is None]
    if without:
        raise InputError(
            f"option subject of dataset class_folders: {pattern!r} finds nobody in {without[0]} "
            f"(and {len(without) - 1} more); correct the expression or the names"
        )
    return found


def _draw(
    units: pd.Series, classes: pd.Series | None, val: float, test: float, seed: int
) -> list[str]:
    """Return the split of each row: units in the order of a keyed hash, first test, then val."""
    drawn: dict[str, str] = {}
    strata = [units] if classes is None else [own for _, own in units.groupby(classes, sort=False)]
    for stratum in strata:
        order = sorted(set(stratum), key=lambda unit: _hash(f"{seed} {unit}"))
        tests = int(test * len(order) + 0.5)
        vals = tests + int(val * len(order) + 0.5)
        for place, unit in enumerate(order):
            drawn[unit] = "test" if place < tests else "val" if place < vals else "train"
    return [drawn[unit] for unit in units]


def _slugs(sheet: pd.DataFrame) -> list[str]:
    """Return names made of class and name; of the split too where that is not unique."""
    stems = [
        name if is_folder else Path(name).stem
        for name, is_folder in zip(sheet["name"], sheet["is_folder"], strict=True)
    ]
    names = sheet["label"] + "-" + pd.Series(stems, index=sheet.index, dtype=object)
    twice = names.duplicated(keep=False)
    names = names.mask(twice, sheet["split"] + "-" + names)
    twice = names.duplicated(keep=False)  # one name with two endings
    names = names.mask(twice, names + "-" + sheet["name"])
    return _trees.slugs(names)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
