"""DHF1K: 1000 videos of 640x360 at 30 frames per second, watched by 17 people (Wang et al. 2018).

Videos 1 to 600 are for training, 601 to 700 for validation, 701 to 1000 for the test, whose gaze is
held out; the number of a video decides, whatever folder it lies in. Recognised layouts (the log
says which one was found; files count from 1):

- as published: `video/001.AVI`, `annotation/0001/{maps,fixation}/0001.png` and
  `annotation/0001/fixation/maps/0001.mat`;
- frames beside the annotation (UNISAL): `annotation/0001/{images,maps,fixation}`;
- folders of splits (ViNet): `train/0001/{images,maps,fixation}`, `val/...`, `test/...`;
- integer names (SalEMA): `frames/1/1.png`, `maps/1`, `fixations/1`.

`gaze: maps` reads the published fixation maps, which know no observers. `gaze: raw` reads the raw
recordings, `exportdata_train/P001/P001_Trail0001.txt`, which were made on a screen of 1440x900
pixels that the video filled in width. The two are not the same: record_mapping.m marks for every
sample pair of a person and frame the rows and columns of both, and so marks pixels that nobody
looked at.

    datasets:
      dhf1k: {gaze: raw}

Sources: README.md and record_mapping.m of github.com/wenguanwang/DHF1K.

Reference: Wang et al., "Revisiting Video Saliency: A Large-scale Benchmark and a New Model", CVPR
2018 (arXiv 1801.07424).
"""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from vidsal.datasets import _maps, _trees
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

log = logging.getLogger(__name__)

SOURCES: list[dict] = [
    {
        "name": "video",
        "licence": "CC BY 4.0",
        "form": "open https://drive.google.com/open?id=1sW0tf9RQMO4RR7SyKhU8Kmbm4jwkFGpQ "
        "(or https://pan.baidu.com/s/110NIlwRIiEOTyqRwYdDnVg), fetch the archives of videos, "
        "unpack them (RAR: with unar or 7z) and put 001.AVI to 1000.AVI into the folder video",
    },
    {
        "name": "annotation",
        "licence": "CC BY 4.0",
        "needs": {"gaze": ["maps"]},
        "form": "open https://drive.google.com/open?id=1sW0tf9RQMO4RR7SyKhU8Kmbm4jwkFGpQ, fetch "
        "the archive of annotations, unpack it (RAR: with unar or 7z) and put the folders 0001 to "
        "0700 into the folder annotation",
    },
    {
        "name": "exportdata_train",
        "licence": "CC BY 4.0",
        "needs": {"gaze": ["raw"]},
        "form": "open https://drive.google.com/open?id=1sW0tf9RQMO4RR7SyKhU8Kmbm4jwkFGpQ, fetch "
        "the archive of raw gaze records, unpack it and put the folders P001 to P017 into the "
        "folder exportdata_train",
    },
]
GAZE = ("maps", "raw")
VIDEOS = 1000
LAST_TRAIN, LAST_VAL = 600, 700
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
FPS = 30.0
SIZE = [640, 360]  # [width, height] of every video
SCREEN = [1440, 900]  # record_mapping.m: screen_res_x, screen_res_y
RECT = [0, 45, 1440, 810]  # a = 640/1440, b = (900 - 360/a) / 2 = 45 rows of black above and below
WAY_OUT = "see SOURCES in datasets/dhf1k.py for what to fetch, and put it there"


def dhf1k(folder: str, *, gaze: Literal["maps", "raw"] = "maps") -> pd.DataFrame:
    """Return the sample sheet: one row per video that is there.

    Args:
        folder: folder that holds one of the layouts above.
        gaze: `maps`, the published fixation maps, or `raw`, the recordings of the 17 observers.

    Raises:
        InputError: no such folder, none of the layouts, or no recordings where raw ones are wanted.
    """
    _trees.choose("dhf1k", "gaze", gaze, GAZE)
    base = _trees.require("dhf1k", folder, WAY_OUT)
    videos = _videos(base)
    recordings = _raw(base) if gaze == "raw" else _fixation_maps(base)
    rows = [_row(number, videos[number], recordings.get(number, "")) for number in sorted(videos)]
    without = [f"{n:04d}" for n in sorted(videos) if n <= LAST_VAL and n not in recordings]
    _trees.note("dhf1k", f"videos of train and val without gaze ({gaze})", without)
    expected = "video/001.AVI, annotation/0001/images, train/0001/images or frames/1"
    return _trees.table("dhf1k", base, rows, expected)


def read_fixations(
    path: str,
    *,
    gaze: str = "maps",
    clip: Clip | None = None,
    formats: Formats | None = None,
    **_: object,
) -> pd.DataFrame:
    """Read the gaze of one video: its fixation maps, or the raw recordings that `path` matches."""
    _trees.choose("dhf1k", "gaze", gaze, GAZE)
    if gaze == "maps":
        beside = Path(path).parent / "images"
        return _maps.read(path, beside if beside.is_dir() else None, clip, formats)
    from vidsal import fixations
    from vidsal.recordings.dhf1k_raw import dhf1k_raw as reader

    known = {"format": reader.__name__, "screen": SCREEN, "rect": RECT, "video_size": SIZE}
    known |= {} if clip else {"fps": FPS}
    return fixations.read(path, clip=clip, formats=formats, **known)


def split_of(number: int) -> str:
    """Return the split of a video by its number, 1 to 1000."""
    return "train" if number <= LAST_TRAIN else "val" if number <= LAST_VAL else "test"


def _row(number: int, path: str, recording: str) -> dict:
    is_folder = os.path.isdir(path)
    return {
        "video": f"{number:04d}",
        "path": path,
        "split": split_of(number),
        "fps": FPS if is_folder else pd.NA,
        "fixations": recording,
    }


def _videos(base: Path) -> dict[int, str]:
    """Return number -> path of the videos, in the first layout that has any."""
    layouts: dict[str, Callable[[Path], dict[int, str]]] = {
        "as published (video/*.AVI)": lambda base: _numbered(_trees.videos(base / "video")),
        "frames beside the annotation (annotation/*/images)": lambda base: _images(
            base / "annotation"
        ),
        "folders of splits (<split>/*/images)": _split_images,
        "integer names (frames/*)": lambda base: _numbered(_trees.frame_folders(base / "frames")),
    }
    for name, look in layouts.items():
        if found := look(base):
            log.info("dataset dhf1k: %s: layout %s, %d videos", base, name, len(found))
            return found
    return {}


def _numbered(found: dict[str, str]) -> dict[int, str]:
    """Return number -> path of the names that are numbers of the set; others are noted."""
    wrong = [name for name in found if not (name.isdecimal() and 1 <= int(name) <= VIDEOS)]
    _trees.note("dhf1k", "no numbers of DHF1K, left out", wrong)
    return {int(name): path for name, path in found.items() if name not in wrong}


def _images(base: Path) -> dict[int, str]:
    """Return number -> folder of frames, where the folders of the videos hold `images`."""
    found = {name: os.path.join(base, name, "images") for name in _trees.folders(base)}
    return _numbered({name: path for name, path in found.items() if os.path.isdir(path)})


def _split_images(base: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    for folder, split in SPLIT_FOLDERS.items():
        own = _images(base / folder)
        strange = [f"{number:04d}" for number in own if split_of(number) != split]
        _trees.note("dhf1k", f"in folder {folder}, but of another split by their number", strange)
        found |= own
    return found


def _fixation_maps(base: Path) -> dict[int, str]:
    """Return number -> folder of fixation maps, from whichever places have them."""
    found = _numbered(_with_files(base / "fixations", ""))
    for place in ("annotation", *SPLIT_FOLDERS):
        found |= _numbered(_with_files(base / place, "fixation"))
    return found


def _with_files(base: Path, below: str) -> dict[str, str]:
    places = {name: os.path.join(base, name, below).rstrip("/") for name in _trees.folders(base)}
    return {name: place for name, place in places.items() if _maps.there(place)}


def _raw(base: Path) -> dict[int, str]:
    """Return number -> pattern of the recordings of a video, one file per observer."""
    place = _trees.first(base, "exportdata_train")
    if place is None:
        raise InputError(
            f"dataset dhf1k: {base}/exportdata_train: no such folder, but gaze: raw needs it; "
            f"{WAY_OUT}, or choose gaze: maps"
        )
    endings = {
        _trees.number(name): name.partition("_")[2]  # Trail0001.txt, or Trail001.txt
        for person in _trees.folders(place)
        for name in _trees.files(place / person, {".txt"})
    }
    pattern = glob.escape(str(place)) + "/P*/P*_"
    return {number: pattern + glob.escape(end) for number, end in endings.items() if number}
