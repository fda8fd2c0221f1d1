"""Kinetics-400, 600 and 700: clips of ten seconds of as many actions, from YouTube.

Lists: `annotations/{train,val,test}.csv` with the columns label, youtube_id, time_start, time_end
(seconds; the test names no label), also under the names that other projects give them. Clips: any
folders below, with names such as `0wR5jVB-WPk_000417_000427.mp4` or `0wR5jVB-WPk.mp4`, or folders
of frames of such names; the list, not the folder, says split and label. Clips that YouTube no
longer has are left out and counted.

Sources: README.md and *_downloader.sh of github.com/cvdfoundation/kinetics-dataset;
torchvision.datasets.Kinetics (addresses); tools/data/kinetics/README.md and parse_file_list.py of
github.com/open-mmlab/mmaction2 (layouts, names); Crawler/Kinetics of
github.com/activitynet/ActivityNet (columns).

Reference: Kay et al., "The Kinetics Human Action Video Dataset", 2017 (arXiv 1705.06950).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pandas as pd

from vidsal.datasets import _classes, _lists, _trees

SOURCES: list[dict] = [
    {
        "name": "annotations/train.csv",
        "url": "https://s3.amazonaws.com/kinetics/400/annotations/train.csv",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [400]},
    },
    {
        "name": "annotations/val.csv",
        "url": "https://s3.amazonaws.com/kinetics/400/annotations/val.csv",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [400]},
    },
    {
        "name": "annotations/test.csv",
        "url": "https://s3.amazonaws.com/kinetics/400/annotations/test.csv",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [400]},
    },
    {
        "name": "annotations/train.txt",
        "url": "https://s3.amazonaws.com/kinetics/600/annotations/train.txt",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [600]},
    },
    {
        "name": "annotations/val.txt",
        "url": "https://s3.amazonaws.com/kinetics/600/annotations/val.txt",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [600]},
    },
    {
        "name": "annotations/train.csv",
        "url": "https://s3.amazonaws.com/kinetics/700_2020/annotations/train.csv",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [700]},
    },
    {
        "name": "annotations/val.csv",
        "url": "https://s3.amazonaws.com/kinetics/700_2020/annotations/val.csv",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [700]},
    },
    {
        "name": "annotations/test.csv",
        "url": "https://s3.amazonaws.com/kinetics/700_2020/annotations/test.csv",
        "licence": "CC BY 4.0 (lists, by Google)",
        "needs": {"edition": [700]},
    },
    {
        "name": "val",
        "licence": "clips belong to those who put them on YouTube",
        "needs": {"edition": [400]},
        "form": "fetch the archives that "
        "https://s3.amazonaws.com/kinetics/400/val/k400_val_path.txt lists, unpack them into the "
        "folder val, and those of .../400/train/k400_train_path.txt into train, as far as you want",
    },
    {
        "name": "val",
        "licence": "clips belong to those who put them on YouTube",
        "needs": {"edition": [600]},
        "form": "fetch the archives that "
        "https://s3.amazonaws.com/kinetics/600/val/k600_val_path.txt lists, unpack them into the "
        "folder val, and those of .../600/train/k600_train_path.txt into train, as far as you want",
    },
    {
        "name": "val",
        "licence": "clips belong to those who put them on YouTube",
        "needs": {"edition": [700]},
        "form": "fetch the archives that "
        "https://s3.amazonaws.com/kinetics/700_2020/val/k700_2020_val_path.txt lists, unpack them "
        "into the folder val, and those of .../700_2020/train/k700_2020_train_path.txt into train, "
        "as far as you want",
    },
]
EDITIONS = (400, 600, 700)
SPLITS = {"train": ("train",), "val": ("val", "validate", "validation"), "test": ("test",)}
PLACES = ("annotations", ".", "kinetics{edition}", "labels")
NAMES = (
    "{split}.csv",
    "{split}.txt",
    "kinetics_{split}.csv",
    "kinetics-{edition}_{split}.csv",
    "kinetics{edition}_{split}.csv",
    "k{edition}_{split}.csv",
)
CLIP = re.compile(r"[\w-]{11}(_\d{6}_\d{6})?")
FRAMES = re.compile(r"[\w-]{11}_\d{6}_\d{6}")  # folders of classes may have 11 letters
LISTS = re.compile("annotations|labels")
DEPTH = 3
WAY_OUT = "see SOURCES in datasets/kinetics.py for what to fetch, and put it there"


def kinetics(
    folder: str,
    *,
    edition: Literal[400, 600, 700] = 400,
    classes: list[str] | None = None,
    missing: Literal["refuse", "drop"] = "drop",
    fps: float = 30.0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per clip of the lists that is there.

    Args:
        folder: folder that holds lists and clips.
        edition: 400, 600 or 700 (of 2020) classes.
        classes: only these; all when not given. The test of edition 400 and 700 names none.
        missing: `drop` clips that are not there, or `refuse` the set.
        fps: frames per second of folders of frames.

    Raises:
        InputError: no such folder, edition or class, no list, or no clips.
    """
    _trees.choose("kinetics", "edition", edition, EDITIONS)
    base = _trees.require("kinetics", folder, WAY_OUT)
    sheet = _lists.only("kinetics", _read(base, edition), classes)
    clips = {clip.name: clip for clip in _classes.named(base, CLIP, FRAMES, LISTS, DEPTH)}
    found = [clips.get(v) or clips.get(i) for v, i in zip(sheet["video"], sheet["id"], strict=True)]
    sheet["path"] = [clip.path if clip else "" for clip in found]
    sheet["fps"] = [fps if clip and clip.is_folder else None for clip in found]
    sheet = _lists.settle("kinetics", sheet, missing, base, WAY_OUT)
    return sheet[["video", "path", "split", "label", "fps"]]


def _read(base: Path, edition: int) -> pd.DataFrame:
    """Return a row per clip of the lists that are there; those of train or val must be."""
    files = {
        split: [
            f"{place}/{name}".format(split=own, edition=edition)
            for place in PLACES
            for name in NAMES
            for own in names
        ]
        for split, names in SPLITS.items()
    }
    found = {split: _lists.optional(base, names) for split, names in files.items()}
    if found["train"] is None and found["val"] is None:
        _lists.file("kinetics", base, files["train"], WAY_OUT)
    _trees.note("kinetics", "splits without a list", [s for s, path in found.items() if not path])
    made = [_clips(path, split) for split, path in found.items() if path]
    sheet = pd.concat(made, ignore_index=True)
    twice = sheet["video"].duplicated()
    _trees.note("kinetics", "listed twice, the first time counts", sheet["video"][twice])
    return sheet[~twice].reset_index(drop=True)


def _clips(path: Path, split: str) -> pd.DataFrame:
    table = _lists.table("kinetics", path, ["youtube_id", "time_start", "time_end"], WAY_OUT)
    seconds = [
        _lists.numbers("kinetics", path, table[column].str.replace(r"\.\d*$", "", regex=True))
        for column in ("time_start", "time_end")
    ]
    label = table["label"].str.replace('"', "") if "label" in table else ""
    start, end = (own.astype(str).str.zfill(6) for own in seconds)
    video = table["youtube_id"] + "_" + start + "_" + end
    return pd.DataFrame({"video": video, "id": table["youtube_id"], "split": split, "label": label})
