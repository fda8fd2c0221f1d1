"""DAVIS 2016 and 2017: short films whose moving objects are outlined in every frame.

Layout: `DAVIS/JPEGImages/480p/bear/00000.jpg`, `DAVIS/Annotations/480p/bear/00000.png` (the number
of an object, 0 = background) and `DAVIS/ImageSets/2017/{train,val}.txt` with one name a line. The
50 films of 2016 are among those of 2017 and have a single object: their lists are `ImageSets/2016`,
or in their own archive `ImageSets/480p` with a picture and its mask a line. There are no classes.
Films whose frames are not all outlined (test-dev) have no masks.

Sources: tensorflow_datasets/video/davis (address, size, checksum, layout) of
github.com/tensorflow/datasets; its 24 frames per second: github.com/z-x-yang/CFBI/issues/31.

References: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation", CVPR 2016; Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object
Segmentation", 2017 (arXiv 1704.00675).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.datasets import _lists, _trees
from vidsal.datasets.folder import PICTURES
from vidsal.errors import InputError

SOURCES: list[dict] = [
    {
        "name": "DAVIS-2017-trainval-480p.zip",
        "url": "https://data.vision.ee.ethz.ch/csergi/share/davis/DAVIS-2017-trainval-480p.zip",
        "size": 832766765,
        "sha256": "e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492",
        "licence": "CC BY 4.0, but films named in SOURCES.md of the archive",
        "needs": {"resolution": ["480p"]},
        "unpack": True,
    },
    {
        "name": "DAVIS-2017-trainval-Full-Resolution.zip",
        "url": "https://data.vision.ee.ethz.ch/csergi/share/davis/"
        "DAVIS-2017-trainval-Full-Resolution.zip",
        "size": 2956935323,
        "sha256": "519494b320e7a333b98188e0f44e028f379c3312a1fc1a3e8bddd64b2c9ecfaf",
        "licence": "CC BY 4.0, but films named in SOURCES.md of the archive",
        "needs": {"resolution": ["Full-Resolution"]},
        "unpack": True,
    },
]
YEARS = (2016, 2017)
RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
VOID = 255  # neither object nor background, in the evaluation's own words
FPS = 24.0
WAY_OUT = "see SOURCES in datasets/davis.py for what to fetch, and put it there"


def davis(
    folder: str,
    *,
    year: Literal[2016, 2017] = 2017,
    resolution: Literal["480p", "Full-Resolution", "1080p"] = "480p",
    missing: Literal["refuse", "drop"] = "refuse",
) -> pd.DataFrame:
    """Return the sample sheet: one row per film of the lists.

    Args:
        folder: folder that holds `DAVIS`, or its content.
        year: 2016 (masks are 1 for the object) or 2017 (1, 2, ... for the objects).
        resolution: `480p`, `Full-Resolution`, or `1080p` as 2016 calls it.
        missing: `refuse` a set in which films of the lists are not there, or `drop` these.

    Raises:
        InputError: no such folder, list or option, or films are missing.
    """
    _trees.choose("davis", "year", year, YEARS)
    _trees.choose("davis", "resolution", resolution, RESOLUTIONS)
    top = _trees.require("davis", folder, WAY_OUT)
    base = _trees.first(top, "DAVIS", ".")
    place = base / "JPEGImages" / resolution
    sheet = pd.DataFrame(_rows(base, place, year), columns=["video", "split"])
    sheet["path"] = _lists.locate(place, sheet["video"]).paths
    sheet = _lists.settle("davis", sheet, missing, place, WAY_OUT)
    outlines = base / "Annotations" / resolution
    pairs = zip(sheet["path"], sheet["video"], strict=True)
    sheet["masks"] = [_masks(path, os.path.join(outlines, name)) for path, name in pairs]
    return sheet.assign(fps=FPS)[["video", "path", "split", "fps", "masks"]]


def read_masks(
    path: str, start: int | None = None, end: int | None = None, *, year: int = 2017, **_: object
) -> np.ndarray:
    """Return the objects of frames [start, end): uint8 (T,H,W), 0 = background.

    Args:
        path: folder of outlines.
        start: first frame number; None for the first.
        end: frame number behind the last; None for all.
        year: 2016 makes one object of all, numbered 1, whichever year's files are there.
    """
    from vidsal.video import frames

    masks = frames.read_masks(path, start, end)
    if year == 2016:
        return (masks > 0).astype(np.uint8)
    return np.where(masks == VOID, 0, masks).astype(np.uint8)


def _rows(base: Path, place: Path, year: int) -> list[tuple[str, str]]:
    """Return (film, split) of train and val, and of the tests as far as their films are there."""
    lists = ["ImageSets/2016", "ImageSets/480p"] if year == 2016 else ["ImageSets/2017"]
    rows = []
    for split in ("train", "val", "test-dev", "test-challenge"):
        names = [f"{folder}/{split}.txt" for folder in lists]
        is_test = split.startswith("test")
        path = _lists.optional(base, names)
        if path is None and not is_test:
            path = _lists.file("davis", base, names, WAY_OUT)
        films = dict.fromkeys(map(_name, _lists.lines("davis", path, WAY_OUT))) if path else {}
        rows += [(film, split) for film in films if not is_test or (place / film).is_dir()]
    return rows


def _name(line: str) -> str:
    """Return the film of a line: `bear`, or `/JPEGImages/480p/bear/00000.jpg /Annotations/...`."""
    picture = line.split()[0]
    name = Path(picture).parent.name if "/" in picture else picture
    if not name:
        raise InputError(f"dataset davis: {line!r} names no film; {WAY_OUT}")
    return name


def _masks(frames: str, outlines: str) -> str:
    """Return the folder of outlines when there is one for every frame, '' otherwise."""
    count = len(_trees.files(outlines, {".png"}))
    return outlines if count and count == len(_trees.files(frames, PICTURES)) else ""
