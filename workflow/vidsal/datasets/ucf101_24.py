"""UCF101-24: 3207 videos of 24 actions of UCF101, with a box around each person who acts.

Layout: frames in `rgb-images/<Class>/<video>/00001.jpg` (or `images`, or the videos of UCF101 in
`UCF-101/<Class>`), lists of videos in `splitfiles/{trainlist01,testlist01}.txt` (or `splits`, or
beside; without a list to learn from it is all the others) and one file of boxes, `pyannot.pkl`,
`finalAnnots.mat` or `UCF101v2-GT.pkl`, which says the split where no list does. The boxes of each
video are written as a table into `boxes` and are the masks.

`pairs: true` makes the pairs of concatenated videos on which temporal grounding is measured: of the
two videos of a line of `UCF101_Cat_Pair.txt`, 16 frames together, in parts as long as the videos
are; the mask is whole frames of the first video, whose class is the label. The published list does
not say which video comes first (the four columns that its program writes do); a hash of the names
decides where the list is silent.

Sources: README.md of github.com/gurkirt/corrected-UCF101-Annots; tools/data/ucf101_24/README.md of
github.com/open-mmlab/mmaction2; datasets/{ucf101_24_dataset_new,create_cat_ucf101_testset}.py and
UCF101_Cat_Pair.txt of github.com/shinkyo0513/Spatio-Temporal-Perturbations-for-Video-Attribution.

Reference: Soomro, Zamir and Shah, "UCF101: A Dataset of 101 Human Actions Classes From Videos in
The Wild", 2012 (arXiv 1212.0402).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal import parts
from vidsal.datasets import _lists, _trees, _tubes
from vidsal.datasets.folder import PICTURES
from vidsal.errors import InputError

SOURCES: list[dict] = [
    {
        "name": "rgb-images",
        "licence": "none stated; videos from YouTube; cite Soomro et al. (2012)",
        "form": "open https://drive.google.com/drive/folders/1BvGywlAGrACEqRyfYbz3wzlVV3cDFkct, "
        "fetch UCF101_v2.tar.gz, unpack it and put its folder rgb-images here",
    },
    {
        "name": "pyannot.pkl",
        "url": "https://raw.githubusercontent.com/gurkirt/corrected-UCF101-Annots/41d387e281278cc7677beea89d32507b46a5754f/pyannot.pkl",
        "licence": "none stated; cite Singh et al. (2017)",
    },
    {
        "name": "splitfiles/testlist01.txt",
        "url": "https://raw.githubusercontent.com/gurkirt/corrected-UCF101-Annots/0306045bd6dfa63bba7a995679dd9ce987466028/testlist01.txt",
        "licence": "none stated; cite Singh et al. (2017)",
    },
    {
        "name": "UCF101_Cat_Pair.txt",
        "url": "https://raw.githubusercontent.com/shinkyo0513/Spatio-Temporal-Perturbations-for-Video-Attribution/cddbff0aa4176d1468319a84e36984fc8f05e9d4/UCF101_Cat_Pair.txt",
        "licence": "none stated; cite Li et al. (2021)",
        "needs": {"pairs": [True]},
    },
]
LISTS = ("splitfiles", "splits", ".")
BOXES = tuple(
    f"{place}/{name}"
    for name in ("pyannot.pkl", "UCF101v2-GT.pkl", "finalAnnots.mat")
    for place in (".", "annotations", "splitfiles")
)
PLACES = ("rgb-images", "images", "UCF-101", "videos", ".")
FPS = 25.0
LENGTH = 16
SIDES = ("left", "right")
WAY_OUT = "see SOURCES in datasets/ucf101_24.py for what to fetch, and put it there"


def ucf101_24(
    folder: str, *, pairs: bool = False, missing: Literal["refuse", "drop"] = "refuse"
) -> pd.DataFrame:
    """Return the sample sheet: one row per video of the lists, or per pair, all of split test.

    Args:
        folder: folder that holds frames, lists and boxes.
        pairs: pairs of concatenated videos instead of the videos.
        missing: `refuse` a set in which videos of the lists are not there, or `drop` these.

    Raises:
        InputError: no such folder, list or file of boxes, or videos are missing.
    """
    base = _trees.require("ucf101_24", folder, WAY_OUT)
    place = _trees.first(base, *PLACES)
    return _pairs(base, place, missing) if pairs else _videos(base, place, missing)


def render(folder: str, rows: pd.DataFrame, *, pairs: bool = False, **_: object) -> None:
    """Write the tables of boxes, or the frames and tables of pairs, where they are missing.

    Args:
        folder: as given to `ucf101_24`.
        rows: rows of the sheet.
        pairs: as given to `ucf101_24`.

    Raises:
        InputError: no boxes, or a pair whose videos are not there or too short.
    """
    base = Path(folder)
    if pairs:
        wanted = dict(zip(rows["video"], rows["path"], strict=True))
        for video, (pair, path) in _wanted_pairs(base, wanted).items():
            _render_pair(base, video, pair, Path(path))
        return
    todo = {
        name: Path(path)
        for name, path in zip(rows["video"], rows["masks"], strict=True)
        if not os.path.exists(path)
    }
    if todo:
        known = {Path(name).name: own for name, own in _annotation(base).tubes.items()}
        _trees.note(
            "ucf101_24", "videos without a box", [name for name in todo if name not in known]
        )
        for name, path in todo.items():
            _tubes.write(known.get(name, []), path)


def read_masks(
    path: str, start: int | None = None, end: int | None = None, **_: object
) -> np.ndarray:
    """Return the people of frames [start, end): uint8 (T,H,W), their number; of pairs 1 or 0."""
    return _tubes.paint(path, start, end)


def _videos(base: Path, place: Path, missing: str) -> pd.DataFrame:
    sheet = pd.DataFrame(_listed(base), columns=["name", "split"])
    sheet["video"] = [name.rpartition("/")[2] for name in sheet["name"]]
    sheet["label"] = [name.partition("/")[0] for name in sheet["name"]]
    sheet["masks"] = [str(base / "boxes" / f"{video}.tsv") for video in sheet["video"]]
    found = _lists.locate(place, sheet["name"])
    sheet["path"], sheet["fps"] = found.paths, _lists.frame_rates(found, FPS)
    sheet = _lists.settle("ucf101_24", sheet, missing, place, WAY_OUT)
    return sheet[["video", "path", "split", "label", "fps", "masks"]]


def _listed(base: Path) -> list[tuple[str, str]]:
    """Return (Class/video, split): of the lists, else of the file of boxes."""
    lists = {
        split: _lists.optional(base, [f"{place}/{split}list01.txt" for place in LISTS])
        for split in ("train", "test")
    }
    names = {split: _names(path) for split, path in lists.items() if path}
    if len(names) < 2:
        annotation = _annotation(base)
        names.setdefault("test", sorted(annotation.tests or ()))
        if not names["test"]:
            place = [f"{place}/testlist01.txt" for place in LISTS]
            _lists.file("ucf101_24", base, place, WAY_OUT)
        names.setdefault("train", sorted(set(annotation.tubes) - set(names["test"])))
    return [(name, split) for split in ("train", "test") for name in names[split]]


def _names(path: Path) -> list[str]:
    """Return the names of a list, `Basketball/v_Basketball_g01_c01`, without ending or number."""
    lines = [line.split()[0] for line in _lists.lines("ucf101_24", path, WAY_OUT)]
    bad = next((line for line in lines if line.count("/") != 1), None)
    if bad is not None:
        raise InputError(f"dataset ucf101_24: {path}: {bad!r} is not <Class>/<video>; {WAY_OUT}")
    return [line.removesuffix(".avi") for line in lines]


def _annotation(base: Path) -> _tubes.Annotation:
    return _tubes.read(_lists.file("ucf101_24", base, BOXES, WAY_OUT))


def _pairs(base: Path, place: Path, missing: str) -> pd.DataFrame:
    """Return a row per pair whose two videos are folders of frames; `render` makes its frames."""
    listed = _pair_list(base)
    sheet = pd.DataFrame(listed, columns=["first", "second", "side", "count"])
    found = [_lists.locate(place, sheet[column]) for column in ("first", "second")]
    there = [a and b for a, b in zip(found[0].folders, found[1].folders, strict=True)]
    if not any(there) and any(found[0].paths):
        raise InputError(
            f"dataset ucf101_24: {place}: holds no folders of frames, of which pairs are made; "
            f"{WAY_OUT}"
        )
    videos = [_pair_name(own) for own in listed]
    tops = [str(base / "pairs" / video) for video in videos]
    sheet = sheet.assign(
        video=videos,
        path=[top if own else "" for top, own in zip(tops, there, strict=True)],
        split="test",
        label=[name.partition("/")[0] for name in sheet["first"]],
        fps=FPS,
        masks=[f"{top}.tsv" for top in tops],
    )
    sheet = _lists.settle("ucf101_24", sheet, missing, place, WAY_OUT)
    return sheet[["video", "path", "split", "label", "fps", "masks"]]


def _pair_list(base: Path) -> list[tuple[str, str, str, str]]:
    """Return first video, second video, side of the first and its number of frames ('' unsaid)."""
    path = _lists.file("ucf101_24", base, ["UCF101_Cat_Pair.txt"], WAY_OUT)
    made = []
    for line in _lists.lines("ucf101_24", path, WAY_OUT):
        first, second, side, count = (*line.split(), "", "", "", "")[:4]
        if not second or side not in ("", *SIDES) or not (count.isdecimal() or not count):
            raise InputError(
                f"dataset ucf101_24: {path}: {line!r} is not two videos, a side (left or right) "
                f"and a number of frames; {WAY_OUT}"
            )
        made.append((first, second, side or _side(first, second), count))
    return made


def _side(first: str, second: str) -> str:
    return SIDES[hashlib.sha256(f"{first} {second}".encode()).digest()[0] % 2]


def _pair_name(pair: tuple[str, str, str, str]) -> str:
    return "--".join(name.rpartition("/")[2] for name in pair[:2])


def _wanted_pairs(base: Path, wanted: dict[str, str]) -> dict[str, tuple]:
    """Return video -> (pair, path) of the wanted pairs that are not made yet."""
    known = {_pair_name(pair): pair for pair in _pair_list(base)}
    return {
        video: (known[video], path)
        for video, path in wanted.items()
        if video in known and not (os.path.isdir(path) and os.path.exists(f"{path}.tsv"))
    }


def _render_pair(base: Path, video: str, pair: tuple, path: Path) -> None:
    """Link the frames of a pair into a folder, and write which of them show the first video."""
    first, second, side, count = pair
    place = _trees.first(base, *PLACES)
    names = [_trees.files(place / name, PICTURES) for name in (first, second)]
    own = int(count) if count else LENGTH * len(names[0]) // max(1, sum(map(len, names)))
    taken = [
        [place / name / files[index] for index in _spread(video, len(files), number)]
        for name, files, number in zip((first, second), names, (own, LENGTH - own), strict=True)
    ]
    begin = 0 if side == "left" else LENGTH - own
    frames = taken[0] + taken[1] if side == "left" else taken[1] + taken[0]
    _link(frames, path)
    boxes = np.tile([0, 0, _tubes.SIZE[1], _tubes.SIZE[0]], (own, 1))
    _tubes.write([_tubes.Tube(begin, boxes)], Path(f"{path}.tsv"))


def _spread(video: str, frames: int, number: int) -> list[int]:
    """Return numbers of frames, equally far apart and ending with the last (long_range_last)."""
    if number and frames < number:
        raise InputError(
            f"dataset ucf101_24: pair {video}: {number} frames of a video of {frames} are wanted; "
            f"{WAY_OUT}"
        )
    step = frames // number if number else 1
    return [frames - 1 - step * back for back in reversed(range(number))]


def _link(frames: list[Path], path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    try:
        for number, frame in enumerate(frames, 1):
            parts.link_or_copy(frame, temporary / f"{number:05d}{frame.suffix}")
        if not path.exists():
            os.replace(temporary, path)
    except OSError:
        if not path.is_dir():  # another process may have made it meanwhile
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
