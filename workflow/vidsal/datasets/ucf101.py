"""UCF101: 13320 videos of 101 actions, with three official splits (Soomro et al. 2012).

Layout: `UCF-101/<Class>/v_<Class>_g01_c01.avi` (as the authors' archive unpacks; `videos` or
`UCF101`, with or without folders of classes, and folders of frames are as good) and
`ucfTrainTestlist/{classInd,trainlist01,testlist01}.txt`. The subject is the group, `<Class>_g01`:
clips of one group come from one film, and no split parts them.

Sources: torchvision.datasets.UCF101 and tensorflow_datasets/video/ucf101.py with
url_checksums/ucf101.txt of github.com/tensorflow/datasets for addresses, sizes, checksums and for
the class whose name lists and files spell differently (HandstandPushups);
tools/data/ucf101/README.md of github.com/open-mmlab/mmaction2 for layouts.

Reference: Soomro, Zamir and Shah, "UCF101: A Dataset of 101 Human Actions Classes From Videos in
The Wild", 2012 (arXiv 1212.0402).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pandas as pd

from vidsal.datasets import _lists, _trees
from vidsal.errors import InputError

SOURCES: list[dict] = [
    {
        "name": "UCF101_videos.zip",
        "url": "https://storage.googleapis.com/thumos14_files/UCF101_videos.zip",
        "size": 6960400115,
        "sha256": "dabf56f573cd19c79e096563529fec8126a2a34e18e10c72eb621dd687532b0d",
        "licence": "none stated; videos from YouTube; cite Soomro et al. (2012)",
        "unpack": True,
        "to": "videos",
    },
    {
        "name": "UCF101TrainTestSplits-RecognitionTask.zip",
        "url": "https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip",
        "size": 113943,
        "sha256": "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27",
        "licence": "none stated; cite Soomro et al. (2012)",
        "unpack": True,
        "to": "annotations",
    },
]
FOLDS = (1, 2, 3)
PUBLISHED = {
    1: {"train": 9537, "test": 3783},
    2: {"train": 9586, "test": 3734},
    3: {"train": 9624, "test": 3696},
}
LISTS = ("annotations/ucfTrainTestlist", "ucfTrainTestlist", "annotations", ".")
PLACES = ("UCF-101", "videos/UCF-101", "videos/UCF101", "videos", "UCF101", "rawframes", ".")
WAY_OUT = "see SOURCES in datasets/ucf101.py for what to fetch, and put it there"


def ucf101(
    folder: str,
    *,
    fold: Literal[1, 2, 3] = 1,
    classes: list[str] | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    fps: float = 25.0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per video of the lists.

    Args:
        folder: folder that holds videos and lists.
        fold: which of the three splits into train and test.
        classes: only these; all when not given.
        missing: `refuse` a set in which videos of the lists are not there, or `drop` these.
        fps: frames per second of folders of frames.

    Raises:
        InputError: no such folder, list, class or split, or videos are missing.
    """
    _trees.choose("ucf101", "fold", fold, FOLDS)
    base = _trees.require("ucf101", folder, WAY_OUT)
    names = [f"{place}/classInd.txt" for place in LISTS]
    index = _lists.file("ucf101", base, names, WAY_OUT)
    known = {line.split()[-1] for line in _lists.lines("ucf101", index, WAY_OUT)}
    splits = {s: index.with_name(f"{s}list{fold:02d}.txt") for s in ("train", "test")}
    sheet = pd.concat([_read(path, split, known) for split, path in splits.items()])
    sheet = _lists.only("ucf101", sheet.reset_index(drop=True), classes)
    if classes is None:
        _trees.expect("ucf101", sheet, PUBLISHED[fold])
    place = _trees.first(base, *PLACES)
    found = _lists.locate(place, sheet["name"])
    if "" in found.paths:
        found = _lists.either(found, _lists.locate(place, map(os.path.basename, sheet["name"])))
    _lists.refuse_flow("ucf101", found)
    sheet["path"], sheet["fps"] = found.paths, _lists.frame_rates(found, fps)
    sheet = _lists.settle("ucf101", sheet, missing, place, WAY_OUT)
    return sheet[["video", "path", "split", "label", "subject", "fps"]]


def _read(path: Path, split: str, known: set[str]) -> pd.DataFrame:
    """Return a row per line, `Class/v_Class_g08_c01.avi 1`; lists for the test name no number."""
    names = [line.split()[0] for line in _lists.lines("ucf101", path, WAY_OUT)]
    parts = pd.Series(names, dtype=object).str.extract(
        r"^(?P<label>[^/]+)/(?P<video>v_\w+?(?P<group>_g\d+)_c\d+)(?:\.\w+)?$"
    )
    if (bad := ~parts["label"].isin(known)).any():
        raise InputError(
            f"dataset ucf101: {path}: {names[int(bad.to_numpy().argmax())]!r} names no class of "
            f"classInd.txt; {WAY_OUT}"
        )
    subject = parts["label"] + parts["group"]
    return parts[["video", "label"]].assign(name=names, split=split, subject=subject)
