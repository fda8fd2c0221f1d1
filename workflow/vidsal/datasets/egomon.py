"""EgoMon: seven egocentric videos of about 30 minutes with the wearer's gaze (Cherto 2016).

Layout as published: `video_clean/NAME/` with the video and `frames_NAME/` (one picture per second),
or SalEMA's copy of it, `frames/NAME/`. Gaze is looked for in `gaze/NAME.txt`, in the video's own
folder, and in `maps/NAME` (one fixation map per picture). A text file is either Tobii's export
(columns with names) or what the authors' gaze/parser.sh makes of it: milliseconds, x and y, in
pixels of the video, one observer. Picture n is second n - 1 to n, and frame n - 1.

`source: videos` takes the films at their own frame rate instead of the pictures.

Sources: index.html, gaze/parser.sh and src/Comparision-metric/reading_gazedata.m of
github.com/imatge-upc/egocentric-2016-saliency; scripts/copy_ego_folders.py and
evaluation/egomon_metric_calculation.py of github.com/Linardos/SalEMA.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from vidsal.datasets import _maps, _trees
from vidsal.datasets.folder import PICTURES

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "video_clean",
        "licence": "none stated; cite Cherto (2016)",
        "form": "open https://imatge.upc.edu/web/sites/default/files/resources/1720/saliency/"
        "2016-egomon/ (if it is gone, ask through "
        "https://github.com/imatge-upc/egocentric-2016-saliency), fetch the folder video_clean and "
        "the text files with gaze, and put the latter into the folder gaze, named as the videos",
    }
]
FROM = ("frames", "videos")
TEXT = {".txt", ".tsv", ".csv"}
FPS = 1.0
WAY_OUT = "see SOURCES in datasets/egomon.py for what to fetch, and put it there"


def egomon(folder: str, *, source: Literal["frames", "videos"] = "frames") -> pd.DataFrame:
    """Return the sample sheet: one row per video that is there, all of split test.

    Args:
        folder: folder that holds `video_clean` or `frames`, and the gaze.
        source: frames (one per second) or videos.

    Raises:
        InputError: no such folder, or no videos in it.
    """
    _trees.choose("egomon", "source", source, FROM)
    base = _trees.require("egomon", folder, WAY_OUT)
    found = _frames(base) if source == "frames" else _films(base)
    fps = FPS if source == "frames" else pd.NA
    rows = [
        {"video": name, "path": path, "split": "test", "fps": fps, "fixations": _gaze(base, name)}
        for name, path in found.items()
    ]
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note("egomon", "videos without gaze", without)
    sheet = _trees.table("egomon", base, rows, "video_clean/NAME/frames_NAME or frames/NAME")
    sheet["video"] = _trees.slugs(sheet["video"])
    return sheet


def read_fixations(
    path: str,
    *,
    source: str = "frames",
    clip: Clip | None = None,
    formats: Formats | None = None,
    **_: object,
) -> pd.DataFrame:
    """Read the gaze of one video: fixation maps, Tobii's export, or lines of ms, x, y."""
    from vidsal import fixations
    from vidsal.recordings.table import table
    from vidsal.recordings.tobii import tobii

    if os.path.isdir(path):
        return _maps.read(path, None, clip, formats, first=None)
    known = {} if clip or source == "videos" else {"fps": FPS}
    if _has_names(path):
        known |= {"format": tobii.__name__, "space": "video"}
    else:
        columns = {"time": 0, "x": 1, "y": 2}
        known |= {"format": table.__name__, "columns": columns, "time_unit": "ms"}
    return fixations.read(path, clip=clip, formats=formats, **known)


def _frames(base: Path) -> dict[str, str]:
    own = _folders(base)
    found = {name: os.path.join(place, f"frames_{name}") for name, place in own.items()}
    found = {name: path for name, path in found.items() if _trees.has(path, PICTURES)}
    return _trees.frame_folders(base / "frames") | found


def _films(base: Path) -> dict[str, str]:
    found = _trees.videos(base / "videos")
    for name, place in _folders(base).items():
        if own := list(_trees.videos(place).values()):
            found[name] = own[0]
    return found


def _folders(base: Path) -> dict[str, str]:
    clean = base / "video_clean"
    return {name: os.path.join(clean, name) for name in _trees.folders(clean)}


def _gaze(base: Path, name: str) -> str:
    for place in (base / "gaze", base / "video_clean" / name):
        for file in _trees.files(place, TEXT):
            if os.path.splitext(file)[0] == name or place.name == name:
                return str(place / file)
    maps = base / "maps" / name
    return str(maps) if _maps.there(maps) else ""


def _has_names(path: str) -> bool:
    """Say whether the first line of a text names columns."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(10_000)
    return any(sign.isalpha() for sign in first.replace("NaN", ""))
