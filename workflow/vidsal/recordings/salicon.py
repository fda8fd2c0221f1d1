"""SALICON: fixations on still images, one MAT file per image (2017) or all in one JSON (2015).

Layout of 2017: `gaze`, a struct array with one element per observer, whose field `fixations` holds
rows x, y that count from 1, and `resolution` [height width]; as read by public loaders of LSUN 2017
(for one `loadmat(path)["gaze"]["fixations"]`, `image[h - 1, w - 1] = 1 for w, h in fixations`). The
MAT files of 2015 have the same variables, with the array lying the other way.

Layout of 2015: annotations/fixations_train2014examples.json and saliconeval of
github.com/NUS-VIP/salicon-evaluation: `images` (id, file_name, width, height) and `annotations`
(image_id, worker_id, fixations: lists of row, column that count from 1).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._matlab import load, numeric
from vidsal.recordings._rows import finish, keep, whole
from vidsal.recordings._source import decode, read_bytes

LIST = re.compile(r'"(annotations|images)"\s*:\s*\[')
GAP = re.compile(r"[\s,]*")
MAT_HEADS = (b"MATLAB", b"\x89HDF")


def salicon(path: str) -> pd.DataFrame:
    """Read the fixations on one image (MAT), or on all images of a split (JSON).

    Pixels of the image count from 1 in the files and from 0 here. An image is a video of one frame:
    all rows are of frame 0. In a MAT file people are numbered from 0 in its order; in a JSON file
    they have numbers, which hold across images. Some points lie beyond the image's edge; they stay
    and are left out like all that lie outside of the video. Points that are no two numbers are left
    out here (``not_a_number``), and so are the points of a worker of no known image (``no_video``).

    A JSON file is read as a whole: the training set of 2015 (818 MB) takes several GB of memory.

    Args:
        path: the file.

    Returns:
        columns subject, video (JSON: the image's file name), frame, x, y, event (all fixations).

    Raises:
        InputError: no such file, or one that holds no fixations in these layouts.
    """
    place, dropped = Path(path), Counter()
    if place.is_file():
        with place.open("rb") as file:
            head = file.read(6)
        if head.startswith(MAT_HEADS) or place.suffix.lower() == ".mat":
            return _matlab(path, dropped)
    return _json(path, dropped)


def _matlab(path: str, dropped: Counter) -> pd.DataFrame:
    """The table of a MAT file."""
    found = load(path)
    gaze, size = found.get("gaze"), numeric(found.get("resolution"))
    people = gaze if isinstance(gaze, list) else [gaze]
    tables = []
    for number, person in enumerate(people):
        points = numeric(person.get("fixations")) if isinstance(person, dict) else None
        if points is None or (points.size and (points.ndim != 2 or points.shape[1] != 2)):
            raise InputError(
                f"gaze recording {path}: no struct array gaze whose fixations have two columns "
                f"(entry {number + 1}); fetch it again"
            )
        made = pd.DataFrame(points.reshape(-1, 2) - 1, columns=["x", "y"])
        tables.append(made.assign(subject=str(number)))
    rows = pd.concat(tables, ignore_index=True).assign(frame=0, event="fixation")
    facts: dict = {"space": "video"}
    if size is not None and size.size == 2 and np.isfinite(size).all() and (size >= 1).all():
        facts["video_size"] = [whole(side) for side in size.ravel()[::-1].tolist()]
    return finish(rows, dropped, facts)


def _json(path: str, dropped: Counter) -> pd.DataFrame:
    """The table of a JSON file, read entry by entry, so that only the numbers are kept."""
    text = decode(read_bytes(path))
    starts = {match[1]: match.end() for match in reversed(list(LIST.finditer(text)))}
    if set(starts) != {"annotations", "images"}:
        raise InputError(
            f"gaze recording {path}: neither MATLAB nor JSON with the lists images and annotations"
        )
    images = {str(entry.get("id")): entry for entry in _entries(text, starts["images"], path)}
    tables, names, people = [], [], []
    for entry in _entries(text, starts["annotations"], path):
        points = _points(entry.get("fixations"))
        image = images.get(str(entry.get("image_id")), {})
        tables.append(points)
        names += [str(image.get("file_name", ""))] * len(points)
        people += [str(entry.get("worker_id", ""))] * len(points)
    places = np.concatenate([np.zeros((0, 2)), *tables])
    rows = pd.DataFrame({"subject": people, "video": names, "y": places[:, 0], "x": places[:, 1]})
    rows = rows.assign(frame=0, x=rows["x"] - 1, y=rows["y"] - 1, event="fixation")
    rows = keep(rows, rows["video"] != "", "no_video", dropped)
    sides = [entry.get(name) for entry in images.values() for name in ("width", "height")]
    facts: dict = {"space": "video"}
    same = sides[:2] * len(images) == sides
    if sides and same and all(type(side) is int and side > 0 for side in sides[:2]):
        facts["video_size"] = sides[:2]
    return finish(rows, dropped, facts)


def _entries(text: str, at: int, path: str) -> Iterator[dict]:
    """The objects of the list that begins at a place in the text."""
    decoder = json.JSONDecoder()
    at = GAP.match(text, at).end()
    while text[at : at + 1] != "]":
        try:
            entry, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"gaze recording {path}: damaged JSON at character {at}; fetch it again"
            ) from error
        if not isinstance(entry, dict):
            raise InputError(f"gaze recording {path}: an entry before character {at} is no object")
        yield entry
        at = GAP.match(text, at).end()


def _points(listed: object) -> np.ndarray:
    """float64 (n,2), NaN where a point is not two numbers."""
    try:
        made = np.array(listed, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        made = np.zeros(0)
    if made.ndim != 2 or made.shape[1] != 2:
        made = np.array([_point(each) for each in listed] if isinstance(listed, list) else [])
    return made.astype(np.float64).reshape(-1, 2)


def _point(value: object) -> tuple[float, float]:
    """(row, column), NaN where it is none."""
    try:
        row, column = (float(each) for each in value)
    except (TypeError, ValueError, OverflowError):
        return np.nan, np.nan
    return row, column
