"""EPIC-KITCHENS-55 and 100: what people do in their own kitchens, seen by their head camera.

Lists: `EPIC_train_action_labels.csv`, ... (edition 55; its tests name no action) or
`EPIC_100_train.csv`, ... (edition 100), with the classes and `EPIC_video_info.csv` or
`EPIC_100_video_info.csv`, in `annotations`. Recordings, in any folders below:
`P01/rgb_frames/P01_01/frame_0000000001.jpg` or `P01/videos/P01_01.MP4`.

Frame numbers of the lists count the published frames from 1, both ends included: 60 per second in
the recordings of edition 55 (`P01_01`), whatever the camera did, 50 in those that edition 100 added
(`P01_101`). So they are used for folders of frames; in videos, whose rate is mostly 59.94, the
frames are found by the time stamps and the rate in the video info. Where the camera lowered its
rate in the dark (README of edition 55), folders of frames are the exact choice.

    datasets:
      nouns: {method: epic_kitchens, edition: 55, label: noun}

Sources: README.md and the CSV files of github.com/epic-kitchens/epic-kitchens-55-annotations and
epic-kitchens-100-annotations; README.md of github.com/epic-kitchens/epic-kitchens-download-scripts.

Reference: Damen et al., "Scaling Egocentric Vision: The EPIC-KITCHENS Dataset", ECCV 2018 (arXiv
1804.02748).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.datasets import _classes, _lists, _trees
from vidsal.errors import InputError

SOURCES: list[dict] = [
    {
        "name": "annotations/EPIC_train_action_labels.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-55-annotations/master/EPIC_train_action_labels.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [55]},
    },
    {
        "name": "annotations/EPIC_test_s1_timestamps.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-55-annotations/master/EPIC_test_s1_timestamps.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [55]},
    },
    {
        "name": "annotations/EPIC_test_s2_timestamps.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-55-annotations/master/EPIC_test_s2_timestamps.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [55]},
    },
    {
        "name": "annotations/EPIC_noun_classes.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-55-annotations/master/EPIC_noun_classes.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [55]},
    },
    {
        "name": "annotations/EPIC_verb_classes.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-55-annotations/master/EPIC_verb_classes.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [55]},
    },
    {
        "name": "annotations/EPIC_video_info.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-55-annotations/master/EPIC_video_info.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [55]},
    },
    {
        "name": "annotations/EPIC_100_train.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-100-annotations/master/EPIC_100_train.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [100]},
    },
    {
        "name": "annotations/EPIC_100_validation.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-100-annotations/master/EPIC_100_validation.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [100]},
    },
    {
        "name": "annotations/EPIC_100_test_timestamps.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-100-annotations/master/EPIC_100_test_timestamps.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [100]},
    },
    {
        "name": "annotations/EPIC_100_noun_classes.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-100-annotations/master/EPIC_100_noun_classes.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [100]},
    },
    {
        "name": "annotations/EPIC_100_verb_classes.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-100-annotations/master/EPIC_100_verb_classes.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [100]},
    },
    {
        "name": "annotations/EPIC_100_video_info.csv",
        "url": "https://raw.githubusercontent.com/epic-kitchens/epic-kitchens-100-annotations/master/EPIC_100_video_info.csv",
        "licence": "CC BY-NC 4.0",
        "needs": {"edition": [100]},
    },
    {
        "name": "P01",
        "licence": "CC BY-NC 4.0",
        "form": "fetch what you want with epic_downloader.py of "
        "https://github.com/epic-kitchens/epic-kitchens-download-scripts (--rgb-frames or "
        "--videos), unpack the archives of frames into folders of their names, and put the folders "
        "P01, P02, ... here",
    },
]
EDITIONS = (55, 100)
LABELS = ("noun", "verb", "action")
MEDIA = ("any", "frames", "videos")
LISTS = {
    55: {
        "train": "EPIC_train_action_labels.csv",
        "test_s1": "EPIC_test_s1_timestamps.csv",
        "test_s2": "EPIC_test_s2_timestamps.csv",
    },
    100: {
        "train": "EPIC_100_train.csv",
        "val": "EPIC_100_validation.csv",
        "test": "EPIC_100_test_timestamps.csv",
    },
}
PREFIX = {55: "EPIC", 100: "EPIC_100"}
PLACES = ("annotations", "epic-kitchens-{edition}-annotations", ".")
COLUMNS = ("video_id", "participant_id", "start_timestamp", "stop_timestamp")
FRAMES = ("start_frame", "stop_frame")
RECORDING = re.compile(r"P\d\d_\d{2,3}")
SKIP = re.compile("annotations|epic-kitchens-.*|flow.*|hand-objects|masks|meta_data|object_.*")
DEPTH = 5
RATE, RATE_OF_EXTENSION = 60.0, 50.0
WAY_OUT = "see SOURCES in datasets/epic_kitchens.py for what to fetch, and put it there"


def epic_kitchens(
    folder: str,
    *,
    edition: Literal[55, 100] = 100,
    label: Literal["noun", "verb", "action"] = "noun",
    classes: list[str] | None = None,
    media: Literal["any", "frames", "videos"] = "any",
    missing: Literal["refuse", "drop"] = "drop",
) -> pd.DataFrame:
    """Return the sample sheet: one row per segment of the lists whose recording is there.

    Args:
        folder: folder that holds lists and recordings.
        edition: 55 (splits train, test_s1 of known and test_s2 of unknown kitchens) or 100 (train,
            val, test). The tests name no action.
        label: `noun` or `verb`, the key of its class, or `action`, both (`open door`).
        classes: only these; all when not given.
        media: `frames` or `videos`, or `any`, frames where both are there.
        missing: `drop` segments whose recording is not there, or `refuse` the set.

    Raises:
        InputError: no such folder, list, class or option, or no recordings.
    """
    for name, value, known in (
        ("edition", edition, EDITIONS),
        ("label", label, LABELS),
        ("media", media, MEDIA),
    ):
        _trees.choose("epic_kitchens", name, value, known)
    base = _trees.require("epic_kitchens", folder, WAY_OUT)
    sheet = _lists.only("epic_kitchens", _read(base, edition, label), classes)
    recordings = _recordings(base, media)
    found = [recordings.get(name) for name in sheet["recording"]]
    sheet["path"] = [own.path if own else "" for own in found]
    sheet["is_folder"] = [bool(own and own.is_folder) for own in found]
    sheet = _lists.settle("epic_kitchens", sheet, missing, base, WAY_OUT)
    sheet = _placed(sheet, base, edition)
    return sheet[["video", "path", "split", "label", "subject", "start", "end", "fps"]]


def _read(base: Path, edition: int, label: str) -> pd.DataFrame:
    """Return a row per segment; the list of the training must be there, others may lack."""
    found = {s: _find(base, edition, name) for s, name in LISTS[edition].items()}
    if found["train"] is None:
        _lists.file("epic_kitchens", base, _names(edition, LISTS[edition]["train"]), WAY_OUT)
    lacking = [split for split, path in found.items() if path is None]
    _trees.note("epic_kitchens", "splits without a list", lacking)
    made = [_segments(base, edition, path, s, label) for s, path in found.items() if path]
    return pd.concat(made, ignore_index=True)


def _segments(base: Path, edition: int, path: Path, split: str, label: str) -> pd.DataFrame:
    labelled = not split.startswith("test")
    parts = [] if not labelled else ["verb", "noun"] if label == "action" else [label]
    own = "uid" if edition == 55 else "narration_id"
    columns = [own, *COLUMNS, *FRAMES, *(f"{part}_class" for part in parts)]
    table = _lists.table("epic_kitchens", path, columns, WAY_OUT)
    names = [_named(base, edition, path, table[f"{part}_class"], part) for part in parts]
    video = table[own] if edition == 100 else table["video_id"] + "_" + table[own]
    return pd.DataFrame(
        {
            "video": video,
            "recording": table["video_id"],
            "split": split,
            "label": names[0].str.cat(names[1:], sep=" ") if names else "",
            "subject": table["participant_id"],
            "first": _lists.numbers("epic_kitchens", path, table["start_frame"]),
            "last": _lists.numbers("epic_kitchens", path, table["stop_frame"]),
            "from": _seconds(path, table["start_timestamp"]),
            "to": _seconds(path, table["stop_timestamp"]),
        }
    )


def _named(base: Path, edition: int, path: Path, numbers: pd.Series, part: str) -> pd.Series:
    """Return the keys of classes given by number."""
    file = f"{PREFIX[edition]}_{part}_classes.csv"
    names = [*_names(edition, file), *_names(edition, file.replace(".csv", "_v2.csv"))]
    known = _lists.file("epic_kitchens", base, names, WAY_OUT)
    own, key = (f"{part}_id", "class_key") if edition == 55 else ("id", "key")
    table = _lists.table("epic_kitchens", known, [own, key], WAY_OUT)
    keys = dict(zip(_lists.numbers("epic_kitchens", known, table[own]), table[key], strict=True))
    return _lists.labels(
        "epic_kitchens", path, _lists.numbers("epic_kitchens", path, numbers), keys
    )


def _seconds(path: Path, stamps: pd.Series) -> pd.Series:
    """Return time stamps such as 00:01:02.30 in seconds."""
    parts = stamps.str.extract(r"^(\d+):(\d+):(\d+(?:\.\d+)?)$").astype(float)
    if (bad := parts.isna().any(axis="columns")).any():
        raise InputError(
            f"dataset epic_kitchens: {path}: {stamps[bad].iloc[0]!r} is no time such as "
            f"00:01:02.30; {WAY_OUT}"
        )
    return parts[0] * 3600 + parts[1] * 60 + parts[2]


def _recordings(base: Path, media: str) -> dict[str, _classes.Video]:
    found = list(_classes.named(base, RECORDING, RECORDING, SKIP, DEPTH))
    if media != "any":
        found = [own for own in found if own.is_folder == (media == "frames")]
    return {own.name: own for own in sorted(found, key=lambda own: own.is_folder)}


def _placed(sheet: pd.DataFrame, base: Path, edition: int) -> pd.DataFrame:
    """Return the rows with their frame numbers, 0-based and end exclusive."""
    extension = sheet["recording"].str.fullmatch(r"P\d\d_\d{3}")
    is_folder = sheet["is_folder"]
    start, end = sheet["first"].clip(lower=1) - 1, sheet["last"]
    if not is_folder.all():
        rates = _rates(base, edition, sheet["recording"][~is_folder])
        # 1e-6 s, since 60 * 26.75 may come out a little below 1605.
        by_time = [
            np.floor((sheet[column] + 1e-6) * rates).fillna(0).astype("int64")
            for column in ("from", "to")
        ]
        start, end = start.where(is_folder, by_time[0]), end.where(is_folder, by_time[1] + 1)
    fps = np.where(extension, RATE_OF_EXTENSION, RATE)
    return sheet.assign(start=start, end=end, fps=pd.Series(fps, sheet.index).where(is_folder))


def _rates(base: Path, edition: int, recordings: pd.Series) -> pd.Series:
    """Return the frames per second of video files, as published."""
    name = f"{PREFIX[edition]}_video_info.csv"
    path = _lists.file("epic_kitchens", base, _names(edition, name), WAY_OUT)
    own = "video" if edition == 55 else "video_id"
    table = _lists.table("epic_kitchens", path, [own, "fps"], WAY_OUT)
    rates = dict(zip(table[own], pd.to_numeric(table["fps"], errors="coerce"), strict=True))
    found = recordings.map(rates)
    if not (found > 0).all():
        raise InputError(
            f"dataset epic_kitchens: {path}: no frame rate of {recordings[~(found > 0)].iloc[0]}; "
            f"{WAY_OUT}"
        )
    return found


def _names(edition: int, name: str) -> list[str]:
    return [f"{place.format(edition=edition)}/{name}" for place in PLACES]


def _find(base: Path, edition: int, name: str) -> Path | None:
    return _lists.optional(base, _names(edition, name))
