"""Boxes of UCF101-24: three published files of annotations, and tables of the boxes of one video.

Read are `pyannot.pkl` and `finalAnnots.mat` of gurkirt/corrected-UCF101-Annots and
`UCF101v2-GT.pkl` of MCG-NJU/MOC-Detector. A pickle may run any program when it is loaded, and a
damaged array in one may end the process, so `_pickles` reads numbers and plain containers alone.

A table holds a row per frame and person: frame (0-based), left, top, right, bottom (pixels of the
picture of 320x240, from the left edge of the first to the right edge of the last) and person.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from vidsal import parts
from vidsal.datasets import _pickles
from vidsal.errors import InputError

SIZE = (240, 320)  # (H, W) of every video of UCF101
COLUMNS = ["frame", "left", "top", "right", "bottom", "person"]
WAY_OUT = "fetch the file again, see SOURCES in datasets/ucf101_24.py"


class Tube(NamedTuple):
    """One person: number of the first frame (0-based), and left, top, right, bottom in each."""

    first: int
    boxes: np.ndarray


class Annotation(NamedTuple):
    """What a file holds: tubes of each video, and which videos are for the test (None: unsaid)."""

    tubes: dict[str, list[Tube]]
    tests: set[str] | None


def read(path: str | Path) -> Annotation:
    """Read a file of annotations.

    Raises:
        InputError: it is none of the three, is damaged, or would run a program.
    """
    try:
        if Path(path).suffix == ".mat":
            return Annotation(dict(_from_mat(path)), None)
        content = _pickles.load(path)
        if isinstance(content, dict) and "gttubes" in content:
            tests = {name for names in content["test_videos"] for name in names}
            return Annotation(dict(_from_ground_truth(content["gttubes"])), tests)
        return Annotation(dict(_from_pyannot(content)), None)
    except _pickles.RefusedError as error:
        raise InputError(f"dataset ucf101_24: {path}: {error}; {WAY_OUT}") from error
    except Exception as error:  # a damaged pickle or MAT file may raise anything
        raise InputError(
            f"dataset ucf101_24: {path}: no annotation of UCF101-24 ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); {WAY_OUT}"
        ) from error


def write(tubes: list[Tube], path: Path) -> None:
    """Write the table of a video's boxes."""
    made = [
        np.column_stack([np.arange(len(t.boxes)) + t.first, t.boxes, np.full(len(t.boxes), n)])
        for n, t in enumerate(tubes, 1)
    ]
    table = pd.DataFrame(np.concatenate([np.empty((0, 6)), *made]), columns=COLUMNS)
    with parts.replacing(path) as temporary:
        table.astype({"frame": int, "person": int}).to_csv(
            temporary, sep="\t", index=False, lineterminator="\n"
        )


def paint(path: str | Path, start: int | None, end: int | None) -> np.ndarray:
    """Return the boxes of frames [start, end) painted: uint8 (T,H,W), the number of the person.

    Where boxes overlap, the later person is on top; frames without a box are 0.

    Raises:
        InputError: no such table, or it is none.
    """
    try:
        table = pd.read_csv(path, sep="\t")[COLUMNS].astype(float)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"masks {path}: no table of boxes ({' '.join(str(error).split())[:200]}); delete it to "
            "have it made again"
        ) from error
    first = int(start or 0)
    last = int(table["frame"].max()) + 1 if end is None and len(table) else int(end or first)
    masks = np.zeros((max(last - first, 0), *SIZE), np.uint8)
    inside = table["frame"].between(first, last - 1)
    for frame, left, top, right, bottom, person in table[inside].to_numpy():
        rows = slice(max(0, int(np.floor(top))), max(0, int(np.ceil(bottom))))
        columns = slice(max(0, int(np.floor(left))), max(0, int(np.ceil(right))))
        masks[int(frame) - first, rows, columns] = int(person)
    return masks


def _from_pyannot(content: dict) -> Iterator[tuple[str, list[Tube]]]:
    """Frames count from 0, `ef` is behind the last; boxes are x, y, width, height."""
    for name, video in content.items():
        yield (
            _text(name),
            [
                _tube(int(t["sf"]), _pickles.array(t["boxes"])[: int(t["ef"]) - int(t["sf"])])
                for t in video["annotations"]
            ],
        )


def _from_mat(path: str | Path) -> Iterator[tuple[str, list[Tube]]]:
    """Fields by place, as convertMatToPy.py reads them; frames count from 1, `ef` is the last."""
    from vidsal.recordings import _matlab

    for video in _several(_matlab.load(path)["annot"]):
        _, name, tubes = video.values()
        made = []
        for tube in _several(tubes):
            ef, sf, _, boxes = tube.values()
            first, last = int(sf.item()) - 1, int(ef.item())
            made.append(_tube(first, boxes[: last - first]))
        yield _text(name), made


def _several(value: dict | list) -> list:
    """Return the elements of a struct array; one of a single element is that element."""
    return value if isinstance(value, list) else [value]


def _from_ground_truth(content: dict) -> Iterator[tuple[str, list[Tube]]]:
    """Class -> tubes, whose rows are frame (from 1), x1, y1, x2, y2."""
    for name, classes in content.items():
        tables = [_pickles.array(tube) for own in classes.values() for tube in own]
        yield _text(name), [Tube(int(table[0, 0]) - 1, table[:, 1:5]) for table in tables]


def _tube(first: int, boxes: np.ndarray) -> Tube:
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 4)
    return Tube(first, np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]))


def _text(name: str | bytes) -> str:
    return name.decode("latin1") if isinstance(name, bytes) else str(name)
