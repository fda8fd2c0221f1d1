"""AViMoS of AIM 2024 (1500 videos) and its successor of NTIRE 2026 (2000): gaze by mouse.

Layout: `TrainTestSplit.json` (lists train, public_test, private_test of names, with or without
.mp4), `Videos/NAME.mp4`, `FixationsTrain/Train/NAME/fixations.json`, `FixationsTest/Test/NAME/...`,
or `Fixations/NAME/fixations.json`; folders that unpacking adds around them are looked through. The
gaze is that of the mouse, of more than 70 people per video, per frame, without observers. Splits
are train and test; `test: public` or `private` keeps only that part under the name test, the other
one is then called private_test or public_test.

    datasets:
      avimos: {}
      ntire26: {method: avimos, edition: ntire2026, test: public}

Sources: README.md and bench.py of github.com/msu-video-group/ECCVW24_Saliency_Prediction and
NTIRE26_Saliency_Prediction; challenges.videoprocessing.ai (video-saliency-prediction-participate)
for the folders in the archives; huggingface.co/datasets/ANDRYHA/AudioVisualMouseSaliency for files,
sizes and checksums.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from vidsal.datasets import _trees
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "TrainTestSplit.json",
        "url": "https://huggingface.co/datasets/ANDRYHA/AudioVisualMouseSaliency/resolve/"
        "95ca8bf0d365ff5f4ab7bfd497c4d88abb93e89b/TrainTestSplit.json",
        "licence": "CC BY 4.0",
        "needs": {"edition": ["aim2024"]},
    },
    {
        "name": "Videos.zip",
        "url": "https://huggingface.co/datasets/ANDRYHA/AudioVisualMouseSaliency/resolve/"
        "95ca8bf0d365ff5f4ab7bfd497c4d88abb93e89b/Videos.zip",
        "licence": "CC BY 4.0",
        "unpack": True,
        "to": "Videos",
        "needs": {"edition": ["aim2024"]},
    },
    {
        "name": "FixationsTrain.zip",
        "url": "https://huggingface.co/datasets/ANDRYHA/AudioVisualMouseSaliency/resolve/"
        "95ca8bf0d365ff5f4ab7bfd497c4d88abb93e89b/FixationsTrain.zip",
        "sha256": "1b6ba74ff3877ad42eb57485dc80e14a8e0a122c79470a24f005ca1ad7b4ea41",
        "size": 1178755582,
        "licence": "CC BY 4.0",
        "unpack": True,
        "to": "FixationsTrain",
        "needs": {"edition": ["aim2024"]},
    },
    {
        "name": "FixationsTest.zip",
        "url": "https://huggingface.co/datasets/ANDRYHA/AudioVisualMouseSaliency/resolve/"
        "95ca8bf0d365ff5f4ab7bfd497c4d88abb93e89b/FixationsTest.zip",
        "sha256": "e2c504576f30d47fde307d1044dfb16b621b3b9e90d2d5355ac661674d820b56",
        "size": 593542367,
        "licence": "CC BY 4.0",
        "unpack": True,
        "to": "FixationsTest",
        "needs": {"edition": ["aim2024"]},
    },
    {
        "name": "TrainTestSplit.json",
        "licence": "CC BY 4.0",
        "needs": {"edition": ["ntire2026"]},
        "form": "open https://huggingface.co/datasets/ANDRYHA/VideoSaliencyChallenge (or "
        "https://drive.google.com/drive/folders/1zpNtlrWKowW5m0SOUymjZDPXUMmbn9jy), fetch "
        "TrainTestSplit.json, Videos.zip, FixationsTrain.zip and FixationsTest.zip, put the first "
        "here and unpack the others into the folders Videos, FixationsTrain and FixationsTest",
    },
]
EDITIONS = {"aim2024": 1500, "ntire2026": 2000}
TESTS = {"all": ("public_test", "private_test"), "public": ("public_test",)}
TESTS |= {"private": ("private_test",)}
LISTS = ("train", "public_test", "private_test")
GAZE_PLACES = ("FixationsTrain", "FixationsTest", "Fixations", "Train", "Test")
DEPTH = 3
WAY_OUT = "see SOURCES in datasets/avimos.py for what to fetch, and put it there"


def avimos(
    folder: str,
    *,
    edition: Literal["aim2024", "ntire2026"] = "aim2024",
    test: Literal["all", "public", "private"] = "all",
) -> pd.DataFrame:
    """Return the sample sheet: one row per video of the lists that is there.

    Args:
        folder: folder that holds `TrainTestSplit.json`, `Videos` and the fixations.
        edition: aim2024 (1500 videos) or ntire2026 (2000).
        test: which videos are the split test: all, public or private.

    Raises:
        InputError: no such folder or list, a list of another shape, or no videos.
    """
    _trees.choose("avimos", "edition", edition, EDITIONS)
    _trees.choose("avimos", "test", test, TESTS)
    base = _trees.require("avimos", folder, WAY_OUT)
    lists = _lists(base / "TrainTestSplit.json")
    count = sum(map(len, lists.values()))
    if count != EDITIONS[edition]:
        _trees.note("avimos", f"{edition} has {EDITIONS[edition]} videos; the list has", [count])
    videos, gaze = _films(base / "Videos"), _gaze(base)
    listed = [(name, "test" if k in TESTS[test] else k) for k, ns in lists.items() for name in ns]
    _trees.note("avimos", "in the list, but not there", [n for n, _ in listed if n not in videos])
    rows = [_row(n, split, videos[n], gaze) for n, split in listed if n in videos]
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note("avimos", "videos without fixations.json", without)
    sheet = _trees.table("avimos", base, rows, "Videos/NAME.mp4")
    sheet["video"] = _trees.slugs(sheet["video"])
    return sheet


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the gaze of one video, a fixations.json; see `vidsal.recordings.avimos`."""
    from vidsal import fixations
    from vidsal.recordings.avimos import avimos as reader

    return fixations.read(path, format=reader.__name__, clip=clip, formats=formats)


def _row(name: str, split: str, path: str, gaze: dict[str, str]) -> dict:
    place = os.path.join(gaze.get(name, ""), "fixations.json")
    recording = place if name in gaze and os.path.isfile(place) else ""
    return {"video": name, "path": path, "split": split, "fixations": recording}


def _lists(path: Path) -> dict[str, list[str]]:
    """Return list -> names without .mp4."""
    if not path.is_file():
        raise InputError(f"dataset avimos: {path}: no such list; {WAY_OUT}")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        lists = {key: [str(n).removesuffix(".mp4") for n in read[key]] for key in LISTS}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"dataset avimos: {path}: holds no lists {', '.join(LISTS)} ({error}); fetch it again"
        ) from error
    return lists


def _films(base: Path, depth: int = DEPTH) -> dict[str, str]:
    """Return name -> path of the films in a folder and in folders that unpacking added."""
    found = _trees.videos(base)
    for name in _trees.folders(base) if depth else []:
        found |= _films(base / name, depth - 1)
    return found


def _gaze(base: Path) -> dict[str, str]:
    """Return name -> folder, from all places that hold the gaze folders of videos."""
    found: dict[str, str] = {}
    for start in GAZE_PLACES:
        place = base / start
        for _ in range(DEPTH):
            names = _trees.folders(place)
            found |= {name: os.path.join(place, name) for name in names}
            # Unpacking leaves a lone folder Train or Test around those of the videos.
            inner = [name for name in names if name in GAZE_PLACES]
            if not inner:
                break
            place = place / inner[0]
    return found
