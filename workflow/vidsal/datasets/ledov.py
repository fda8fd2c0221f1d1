"""LEDOV: 538 videos, 720p and up, with the fixations of 32 people (Jiang et al. 2018).

Layout: `NAME/NAME.mp4` and `NAME/Data.mat`, in this folder or in `LEDOV`; `VideoNameList.mat`
(names, in the order that the splits count in) and `namelist.mat` (trainlist, vaildlist as it is
spelled there, testlist: numbers from 1). Only these two lists are opened to make the table.

Sources: README.md, demo.m and metrics/TestLEDOV.m of
github.com/remega/LEDOV-eye-tracking-database.

Reference: Jiang et al., "DeepVS: A Deep Learning Based Video Saliency Prediction Approach", ECCV
2018.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vidsal.datasets import _trees
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "VideoNameList.mat",
        "url": "https://raw.githubusercontent.com/remega/LEDOV-eye-tracking-database/"
        "07191d863dad5aaf4e5f2e32848c90d9b49dd24a/VideoNameList.mat",
        "licence": "free to use, citation asked for",
    },
    {
        "name": "namelist.mat",
        "url": "https://raw.githubusercontent.com/remega/LEDOV-eye-tracking-database/"
        "764d59bd2baaa016e546765c5f8c1fa3cde5a258/namelist.mat",
        "licence": "free to use, citation asked for",
    },
    {
        "name": "LEDOV",
        "licence": "free to use, citation asked for",
        "form": "fetch https://www.dropbox.com/s/xqrae7bc73jnncr/LEDOV.zip.001?dl=1 and "
        "https://www.dropbox.com/s/pxbahpwkea9icw0/LEDOV.zip.002?dl=1 (or "
        "http://pan.baidu.com/s/1pLmfjCZ), join them (7z x LEDOV.zip.001, or cat LEDOV.zip.00* > "
        "LEDOV.zip and unzip) and put the folders of the videos into the folder LEDOV",
    },
]
LISTS = {"trainlist": "train", "vaildlist": "val", "testlist": "test"}
WAY_OUT = "see SOURCES in datasets/ledov.py for what to fetch, and put it there"


def ledov(folder: str, *, leave_centre: bool = False) -> pd.DataFrame:
    """Return the sample sheet: one row per video of the splits that is there.

    Args:
        folder: folder that holds the lists and the folders of the videos.
        leave_centre: gaze counts only from when a person has left the middle of the picture, as in
            the authors' own maps.

    Raises:
        InputError: no such folder or list, a list that cannot be read, or no videos.
    """
    base = _trees.require("ledov", folder, WAY_OUT)
    places = [base / "LEDOV", base]
    names = _names(places)
    numbers = _list(places, "namelist.mat")
    there = {name: place for place in places for name in _trees.folders(place)}
    listed = [
        (split, names[number - 1])
        for key, split in LISTS.items()
        for number in _numbers(numbers.get(key), len(names), key)
    ]
    _trees.note("ledov", "in the lists, but not there", [n for _, n in listed if n not in there])
    rows = [_row(split, name, there[name]) for split, name in listed if name in there]
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note("ledov", "videos without Data.mat", without)
    return _trees.table("ledov", base, rows, "NAME/NAME.mp4 and NAME/Data.mat")


def read_fixations(
    path: str,
    *,
    leave_centre: bool = False,
    clip: Clip | None = None,
    formats: Formats | None = None,
    **_: object,
) -> pd.DataFrame:
    """Read the fixations of one video, a Data.mat; see `vidsal.recordings.ledov`."""
    from vidsal import fixations
    from vidsal.recordings.ledov import ledov as reader

    known = {"format": reader.__name__, "leave_centre": leave_centre}
    return fixations.read(path, clip=clip, formats=formats, **known)


def _row(split: str, name: str, place: Path) -> dict:
    gaze = os.path.join(place, name, "Data.mat")
    return {
        "video": name,
        "path": os.path.join(place, name, f"{name}.mp4"),
        "split": split,
        "label": name.partition("_")[0],
        "fixations": gaze if os.path.isfile(gaze) else "",
    }


def _list(places: list[Path], name: str) -> dict[str, object]:
    """Return the variables of one of the lists."""
    from vidsal.recordings import _matlab

    path = next((place / name for place in places if (place / name).is_file()), None)
    if path is None:
        raise InputError(f"dataset ledov: {places[-1] / name}: no such list; {WAY_OUT}")
    return _matlab.load(path)


def _names(places: list[Path]) -> list[str]:
    """Return the names of all videos, in the order that the splits count in."""
    names = _list(places, "VideoNameList.mat").get("VideoNameList")
    if not (isinstance(names, list) and names and all(isinstance(n, str) for n in names)):
        raise InputError(
            "dataset ledov: VideoNameList.mat: holds no cell array of names; fetch it again"
        )
    return [name.strip() for name in names]


def _numbers(listed: object, count: int, key: str) -> list[int]:
    """Return the numbers of a list, which count from 1."""
    from vidsal.recordings import _matlab

    numbers = _matlab.numeric(listed)
    if numbers is None:
        raise InputError(f"dataset ledov: namelist.mat: holds no {key}; fetch it again")
    wrong = [number for number in numbers.ravel().tolist() if not (1 <= number <= count)]
    if wrong:
        raise InputError(
            f"dataset ledov: {key} in namelist.mat: {wrong[0]:g} is no number of the {count} names "
            "in VideoNameList.mat, which count from 1; fetch both lists again"
        )
    return numbers.ravel().astype(int).tolist()
