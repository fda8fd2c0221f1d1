"""Lists of videos and class numbers, `<video> <class>` a line, as mmaction2 reads them.

One list per split: `some/path/000.mp4 1`, also without the ending (what lies there decides), or
with `kind: rawframes` a folder of frames, how many, and the class: `some/directory-1 163 1`.
Several lists may make one split, such as the folds to learn from.

    datasets:
      balanced:
        method: annotation_list
        videos: /data/actions
        lists: {train: [fold1.txt, fold2.txt, fold3.txt], val: fold4.txt, test: test.txt}
        classes: [help_ab, help_bc, help_ca, hinder_ab]          # number 0, 1, ...; or a file

A line that names no class, such as in the lists of the thesis whose training on a third of the
videos lost them, is refused, unless `unlabelled` says otherwise or `label` finds the class in the
name: `label: '_(Help|Hinder|Physical)__'`.

Sources: mmaction/datasets/{video_dataset,rawframe_dataset}.py of github.com/open-mmlab/mmaction2;
train_test_split of github.com/guidovalla/Master_Thesis.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import pandas as pd

from vidsal import sheets
from vidsal.datasets import _lists, _trees
from vidsal.errors import InputError

SOURCES: list[dict] = []
KINDS = ("videos", "rawframes")
UNLABELLED = ("refuse", "drop", "keep")
LINE = {
    "videos": re.compile(r"(?P<name>.+?)(?:\s+(?P<label>\d+))?"),
    "rawframes": re.compile(r"(?P<name>.+?)\s+(?P<frames>\d{1,9})(?:\s+(?P<label>\d+))?"),
}
WAY_OUT = "correct `lists` of the dataset"


def annotation_list(
    folder: str,
    *,
    lists: dict | None = None,
    videos: str | None = None,
    kind: Literal["videos", "rawframes"] = "videos",
    classes: list[str] | str | None = None,
    label: str | None = None,
    unlabelled: Literal["refuse", "drop", "keep"] = "refuse",
    missing: Literal["refuse", "drop"] = "refuse",
    fps: float = 25.0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per line.

    Args:
        folder: where the videos are when `videos` is not given.
        lists: split -> list file, or several; relative to the working directory.
        videos: folder from which the names in the lists count.
        kind: `videos`, or `rawframes`, whose lines hold a number of frames too.
        classes: names of the classes in the order of their numbers, or a file with one per line;
            the number is the label when not given.
        label: regular expression looked for in names without a class; what its first group matches
            is the label.
        unlabelled: what becomes of lines without a class: `refuse`, `drop`, or `keep` without one.
        missing: `refuse` lists that name videos that are not there, or `drop` these.
        fps: frames per second of folders of frames.

    Raises:
        InputError: no such folder or list, a line that is none, an unknown class, or videos are
            missing.
    """
    _trees.choose("annotation_list", "kind", kind, KINDS)
    _trees.choose("annotation_list", "unlabelled", unlabelled, UNLABELLED)
    base = _trees.require("annotation_list", videos or folder, "name it with the option `videos`")
    sheet = _read(_files(lists), kind)
    sheet["label"] = _labelled(sheet, _class_names(classes), label)
    sheet = _settled(sheet, unlabelled)
    found = _lists.locate(base, sheet["name"])
    _lists.refuse_flow("annotation_list", found)
    sheet["path"], sheet["fps"] = found.paths, _lists.frame_rates(found, fps)
    frames = sheet["frames"] if kind == "rawframes" else pd.Series(pd.NA, sheet.index)
    sheet["end"] = pd.to_numeric(frames).astype("Int64").where(found.folders)
    sheet["start"] = sheet["end"] * 0
    sheet["video"] = _slugs(sheet)
    sheet = _lists.settle("annotation_list", sheet, missing, base, "correct the option `videos`")
    return sheet[["video", "path", "split", "label", "start", "end", "fps"]]


def _files(lists: dict | None) -> list[tuple[str, str]]:
    """Return (split, file) of every list."""
    if not lists or not isinstance(lists, dict):
        raise InputError(
            "option lists of dataset annotation_list: name a list for each split, such as "
            "{train: train.txt, test: test.txt}"
        )
    several = {
        split: own if isinstance(own, list) else [own] for split, own in sorted(lists.items())
    }
    return [(str(split), str(name)) for split, own in several.items() for name in own]


def _read(files: list[tuple[str, str]], kind: str) -> pd.DataFrame:
    """Return file, split, name, number of the class and, of rawframes, number of frames."""
    made = []
    for split, path in files:
        lines = pd.Series(_lists.lines("annotation_list", path, WAY_OUT), dtype=object)
        parts = lines.str.extract("^" + LINE[kind].pattern + "$")
        if (bad := parts["name"].isna()).any():
            raise InputError(
                f"dataset annotation_list: {path}: {lines[bad].iloc[0]!r} is not a folder of "
                "frames, their number and a class; use kind: videos, or correct the list"
            )
        frames = parts.get("frames")
        made.append(
            parts.assign(file=path, split=split, frames=pd.NA if frames is None else frames)
        )
    return pd.concat(made, ignore_index=True)


def _class_names(classes: list[str] | str | None) -> list[str] | None:
    if not isinstance(classes, str):
        return classes
    return _lists.lines("annotation_list", classes, "correct the option `classes`")


def _labelled(sheet: pd.DataFrame, classes: list[str] | None, pattern: str | None) -> pd.Series:
    """Return the label of each row, '' where none is known."""
    numbers, labels = sheet["label"], sheet["label"].fillna("")
    if classes is not None:
        names = {str(number): name for number, name in enumerate(classes)}
        labels = numbers.str.replace(r"^0+(?=\d)", "", regex=True).map(names)
        if (bad := labels.isna() & numbers.notna()).any():
            row = sheet[bad].iloc[0]
            raise InputError(
                f"dataset annotation_list: {row['file']}: class {row['label']} of {row['name']} is "
                f"none of the {len(classes)} classes (0 to {len(classes) - 1}); correct `classes`"
            )
        labels = labels.fillna("")
    if pattern is None:
        return labels
    found = _trees.matches("annotation_list", "label", pattern, sheet["name"])
    return labels.where(labels != "", pd.Series([own or "" for own in found], index=sheet.index))


def _settled(sheet: pd.DataFrame, unlabelled: str) -> pd.DataFrame:
    """Return the rows with a label, or what is wanted of those without."""
    bad = sheet["label"] == ""
    if not bad.any() or unlabelled == "keep":
        return sheet
    if unlabelled == "refuse" or bad.all():
        row = sheet[bad].iloc[0]
        own = sheet["file"] == row["file"]
        raise InputError(
            f"dataset annotation_list: {row['file']}: {(bad & own).sum()} of {own.sum()} lines "
            f"name no class (the first is {row['name']!r}); add the classes, find them in the "
            "names with `label`, or set unlabelled: drop or keep"
        )
    _trees.note("annotation_list", "lines without a class, left out", sheet["name"][bad])
    return sheet[~bad].reset_index(drop=True)


def _slugs(sheet: pd.DataFrame) -> pd.Series:
    """Return names of the videos; a video in two splits gets the split's name too."""
    stems = sheet["name"].map(lambda name: os.path.splitext(name)[0] if _has_ending(name) else name)
    twice = stems.duplicated(keep=False)
    stems = stems.mask(twice, sheet["split"] + "-" + stems)
    again = stems.duplicated()
    if again.any():
        row = sheet[again].iloc[0]
        raise InputError(
            f"dataset annotation_list: {row['file']}: {row['name']!r} is listed twice in split "
            f"{row['split']}; remove one"
        )
    if stems.str.fullmatch(sheets.SLUG).all():
        return stems  # -90rot_a and 90rot_a stay as they are
    return pd.Series(_trees.slugs(stems), index=sheet.index)


def _has_ending(name: str) -> bool:
    return Path(name).suffix.lower() in _lists.VIDEOS
