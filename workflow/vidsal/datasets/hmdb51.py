"""HMDB51: 6766 clips of 51 actions, with three official splits (Kuehne et al. 2011).

Layout: `videos/<class>/NAME.avi` (or folders of frames under `rawframes`) and
`testTrainMulti_7030_splits/<class>_test_split1.txt`, whose lines hold the name of a clip and 1 for
train, 2 for test, 0 for neither (left out): 70 and 30 clips of a class.

Sources: torchvision.datasets.HMDB51 (tags) and its prototype (addresses, checksums);
tools/data/hmdb51/README.md of github.com/open-mmlab/mmaction2 for layouts.

Reference: Kuehne et al., "HMDB: A Large Video Database for Human Motion Recognition", ICCV 2011.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from vidsal.datasets import _lists, _trees
from vidsal.errors import InputError

SOURCES: list[dict] = [
    {
        "name": "videos",
        "licence": "CC BY 4.0 for the annotation; clips from films and YouTube; cite Kuehne (2011)",
        "form": "fetch http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/hmdb51_org.rar "
        "(sha256 9e714a0d8b76104d76e932764a7ca636f929fff66279cda3f2e326fa912a328e), unpack it with "
        "unar or 7z, unpack the 51 archives inside it (brush_hair.rar, ...) and put their folders "
        "into the folder videos: videos/brush_hair/NAME.avi",
    },
    {
        "name": "testTrainMulti_7030_splits",
        "licence": "CC BY 4.0; cite Kuehne et al. (2011)",
        "form": "fetch http://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/"
        "test_train_splits.rar "
        "(sha256 229c94f845720d01eb3946d39f39292ea962d50a18136484aa47c1eba251d2b7), unpack it with "
        "unar or 7z and put its folder testTrainMulti_7030_splits here",
    },
]
FOLDS = (1, 2, 3)
TAGS = {"1": "train", "2": "test"}
UNUSED = "0"
PUBLISHED = {"train": 3570, "test": 1530}
LISTS = (
    *("testTrainMulti_7030_splits", "test_train_splits/testTrainMulti_7030_splits"),
    *("test_train_splits", "annotations", "splits", "metafile"),
)
PLACES = ("videos", "hmdb51_org", "HMDB51", "rawframes", ".")
WAY_OUT = "see SOURCES in datasets/hmdb51.py for what to fetch, and put it there"


def hmdb51(
    folder: str,
    *,
    fold: Literal[1, 2, 3] = 1,
    classes: list[str] | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    fps: float = 30.0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per clip of the lists.

    Args:
        folder: folder that holds clips and lists.
        fold: which of the three splits into train and test.
        classes: only these; all when not given.
        missing: `refuse` a set in which clips of the lists are not there, or `drop` these.
        fps: frames per second of folders of frames.

    Raises:
        InputError: no such folder, list, class or split, or clips are missing.
    """
    _trees.choose("hmdb51", "fold", fold, FOLDS)
    base = _trees.require("hmdb51", folder, WAY_OUT)
    sheet = _lists.only("hmdb51", _read(base, fold), classes)
    if classes is None:
        _trees.expect("hmdb51", sheet, PUBLISHED)
    place = _trees.first(base, *PLACES)
    found = _lists.locate(place, sheet["label"] + "/" + sheet["name"])
    _lists.refuse_flow("hmdb51", found)
    sheet["path"], sheet["fps"] = found.paths, _lists.frame_rates(found, fps)
    sheet = _lists.settle("hmdb51", sheet, missing, place, WAY_OUT)
    return sheet[["video", "path", "split", "label", "fps"]]


def _read(base: Path, fold: int) -> pd.DataFrame:
    ending = f"_test_split{fold}.txt"
    place = _trees.first(base, *LISTS) or base
    files = [name for name in _trees.files(place, {".txt"}) if name.endswith(ending)]
    if not files:
        raise InputError(f"dataset hmdb51: {place}: no lists such as brush_hair{ending}; {WAY_OUT}")
    rows = [
        (name.removesuffix(ending), *_tagged(place / name, line))
        for name in files
        for line in _lists.lines("hmdb51", place / name, WAY_OUT)
    ]
    sheet = pd.DataFrame(rows, columns=["label", "name", "split"])
    sheet = sheet[sheet["split"] != ""].reset_index(drop=True)
    stems = sheet["name"].str.replace(r"\.\w+$", "", regex=True)
    return sheet.assign(video=_trees.slugs(sheet["label"] + "-" + stems))


def _tagged(path: Path, line: str) -> tuple[str, str]:
    """Return the clip of a line and its split, '' for neither."""
    name, _, tag = line.rpartition(" ")
    if not name or tag not in {*TAGS, UNUSED}:
        raise InputError(
            f"dataset hmdb51: {path}: {line!r} is not the name of a clip and 0, 1 or 2; {WAY_OUT}"
        )
    return name.strip(), TAGS.get(tag, "")
