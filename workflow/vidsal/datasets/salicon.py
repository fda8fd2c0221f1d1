"""SALICON: 20,000 pictures of COCO with mouse-contingent gaze (Jiang et al. 2015), as short videos.

Every picture is a video of one frame; all gaze on it lies in that frame. Recognised layouts:

- release of 2017: `images/train/COCO_train2014_000000000009.jpg` (also without the folder of the
  split) and `fixations/train/COCO_train2014_000000000009.mat`, one entry per observer;
- release of 2015: pictures as above, and `fixations_train2014.json`, `fixations_val2014.json`, with
  the observers' fixations of all pictures (in this folder or in `annotations`). These are read at
  once, which takes about ten times the file's size in memory; take the release of 2017 if you can.

The split is in the name of the picture: train 10,000, val 5,000, test 5,000, whose gaze is held
out. `release: sample` downloads the ten pictures with gaze that the authors show.

Sources: salicon.net/download and salicon.net/challenge-2017 for sizes and formats;
unisal/data.py (SALICONDataset) of github.com/rdroste/unisal for the layout of 2017;
github.com/NUS-VIP/salicon-evaluation for the sample.

Reference: Jiang et al., "SALICON: Saliency in Context", CVPR 2015.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from vidsal.datasets import _trees
from vidsal.datasets.folder import PICTURES

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "images",
        "licence": "see salicon.net; Flickr's licences of each picture",
        "needs": {"release": ["2017", "2015"]},
        "form": "open http://salicon.net/challenge-2017, fetch the images (3.0 GB), unpack them "
        "and put the folders train, val and test into the folder images",
    },
    {
        "name": "fixations",
        "licence": "see salicon.net",
        "needs": {"release": ["2017"]},
        "form": "open http://salicon.net/challenge-2017, fetch the fixations, unpack them and put "
        "the folders train and val into the folder fixations",
    },
    {
        "name": "annotations",
        "licence": "see salicon.net",
        "needs": {"release": ["2015"]},
        "form": "open http://salicon.net/download, fetch the annotations for training (818 MB) and "
        "validation (459 MB) and put fixations_train2014.json and fixations_val2014.json into the "
        "folder annotations",
    },
    {
        "name": "images/COCO_train2014_000000123067.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123067.jpg",
        "sha256": "392ab7f58bba30e27e8a93ae53e2c9f214b8ad53fd58ee7608710c8de3944303",
        "size": 93714,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123177.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123177.jpg",
        "sha256": "622f7d55962b359d0be2945c5a682d7e91cbe73e4c1fb21fcfa39002f433f4cd",
        "size": 156134,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123273.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123273.jpg",
        "sha256": "038e6ba29717cacda9cfe6c995639527b0d8d4a5d2fdb27aeb78bf8a927a70df",
        "size": 161617,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123389.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123389.jpg",
        "sha256": "ee91769e241d893902b744c068e7a3035b1f519baa0ec17a752c8d980cc9e11f",
        "size": 236045,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123514.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123514.jpg",
        "sha256": "1b7490470b5a59af360a68edc15b5957202519f1042d2f2a9a6b0072891c4bc3",
        "size": 129254,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123646.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123646.jpg",
        "sha256": "0718d17afe2c3508fb8ef2b8c15a1202a50d3ce61a03a5e136a09af8be699826",
        "size": 145793,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123749.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123749.jpg",
        "sha256": "4c021656f34be55bafb47f43c5aaea6df36e0fe7ac1854f52be18bdc215e8191",
        "size": 120377,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123855.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123855.jpg",
        "sha256": "ae5b09d9146e05b740100ac964120b3f3dafc13b4bb9df3870464dde34106f73",
        "size": 137224,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123891.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123891.jpg",
        "sha256": "354ca2da22f1cd7bab442a7f7b81142592eef59ce392316532c6f869f380c2a7",
        "size": 356489,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "images/COCO_train2014_000000123909.jpg",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "images/train2015r1-examples/COCO_train2014_000000123909.jpg",
        "sha256": "2acda49d3a943b599fa16c6fdc73603f581402c05a3a9f8b858f4b9d7b2e1c50",
        "size": 160936,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
    {
        "name": "annotations/fixations_train2014examples.json",
        "url": "https://raw.githubusercontent.com/NUS-VIP/salicon-evaluation"
        "/425922ec97e27a1c95dab17652ddd0f83ecc854d/"
        "annotations/fixations_train2014examples.json",
        "sha256": "078f9320e75d97c700d9c3c6104e9ab2054b928db10c42c7e224f52fdcd408dc",
        "size": 915047,
        "licence": "none stated; Flickr's licences of each picture",
        "needs": {"release": ["sample"]},
    },
]
RELEASES = ("2017", "2015", "sample")
SPLITS = ("train", "val", "test")
NAME = re.compile(r"COCO_(train|val|test)2014_(\d{12})")
SIZE = [640, 480]  # [width, height] of every picture
WAY_OUT = "see SOURCES in datasets/salicon.py for what to fetch, and put it there"


def salicon(folder: str, *, release: Literal["2017", "2015", "sample"] = "2017") -> pd.DataFrame:
    """Return the sample sheet: one row per picture that is there.

    Args:
        folder: folder that holds `images` and the gaze.
        release: 2017 (gaze in one MAT file per picture), 2015 (in JSON files of all pictures), or
            sample (the ten pictures of the authors, gaze in JSON).

    Raises:
        InputError: no such folder, or no pictures in it.
    """
    _trees.choose("salicon", "release", release, RELEASES)
    base = _trees.require("salicon", folder, WAY_OUT)
    pictures = _pictures(base)
    gaze = _matlab(base) if release == "2017" else _json(base)
    rows = [
        _row(name, path, gaze.get(name) or gaze.get(f"{_split(name)}.json", ""))
        for name, path in pictures.items()
    ]
    without = [row["video"] for row in rows if not row["fixations"] and row["split"] != "test"]
    _trees.note("salicon", f"pictures of train and val without gaze ({release})", without)
    return _trees.table("salicon", base, rows, "images/train/COCO_train2014_*.jpg")


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the gaze on one picture, from its MAT file or from the JSON file of all pictures."""
    from vidsal import fixations
    from vidsal.recordings.salicon import salicon as reader

    return fixations.read(path, format=reader.__name__, clip=clip, formats=formats)


def _row(name: str, path: str, recording: str) -> dict:
    return {"video": name, "path": path, "split": _split(name), "fixations": recording}


def _split(name: str) -> str:
    return NAME.fullmatch(name)[1]


def _pictures(base: Path) -> dict[str, str]:
    """Return name -> path of the pictures, from `images`, its folders of splits, or the folder."""
    found: dict[str, str] = {}
    for place in (base, base / "images", *(base / "images" / split for split in SPLITS)):
        for file in _trees.files(place, PICTURES):
            stem = os.path.splitext(file)[0]
            if NAME.fullmatch(stem):
                found[stem] = os.path.join(place, file)
    return found


def _matlab(base: Path) -> dict[str, str]:
    """Return name -> MAT file of its gaze."""
    return {
        os.path.splitext(file)[0]: os.path.join(place, file)
        for place in (base / "fixations", *(base / "fixations" / split for split in SPLITS))
        for file in _trees.files(place, {".mat"})
    }


def _json(base: Path) -> dict[str, str]:
    """Return `train.json` or `val.json` -> file that holds the gaze of that split."""
    found = {}
    for place in (base, base / "annotations"):
        for file in _trees.files(place, {".json"}):
            for split in SPLITS:
                if file.startswith(f"fixations_{split}2014"):
                    found[f"{split}.json"] = os.path.join(place, file)
    return found
