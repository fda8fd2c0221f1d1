"""Folders of fixation maps: one picture (PNG) or one matrix (.mat) per frame, fixated pixels set.

So DHF1K, Hollywood-2, UCF Sports, DIEM and others are published (`fixation/0001.png`,
`fixation/maps/0001.mat` with variable `I`, `fixMap_00001.mat` with variable `eyeMap`).
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._matlab import load, numeric
from vidsal.recordings._rows import finish
from vidsal.video._folders import natural

FOLDER = True
ENDINGS = (".png", ".mat")
NUMBER = re.compile(r"(\d+)\.\w+$")
ONE_OBSERVER = "0"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
MOST_PIXELS = 40_000_000
DEFLATE = 1032  # bytes that one byte can unpack to at most
MOST_FILES = 1_000_000


def fixation_maps(
    path: str,
    *,
    first: int | None = None,
    pattern: str = "*",
    variable: str | None = None,
    above: float | None = None,
) -> pd.DataFrame:
    """Read a folder of fixation maps, or a single one.

    Every fixated pixel becomes one row; pixels are those of the maps, from 0. Nobody knows whose
    they are and whether several people looked at one pixel: all are observer "0". Files without a
    number are left out where ``first`` asks for numbers (``no_frame_number``), and so are maps
    numbered before it (``before_start``).

    Args:
        path: folder of .png or .mat files, or one such file.
        first: number, in the name of its file, of the map of the video's first frame; the last
            number before the ending counts. Default: maps count by their place in natural order,
            which is right only where no frame lacks its map.
        pattern: which files are maps, with * and ?; "fixMap_*" where others lie beside them.
        variable: name of the matrix in .mat files; default: the only matrix in the file.
        above: pixels of more than this are fixated. Default: all that are not 0, and a map of more
            than one value besides 0 is refused, since it could be a map of density.

    Returns:
        columns subject, frame, x, y, event (all fixations).

    Raises:
        InputError: no maps there, of both kinds, of several sizes, damaged, or maps of density.
    """
    dropped: Counter = Counter()
    frames = _frames(_files(Path(path), pattern), first, dropped)
    size, found = None, []
    for frame, file in frames.items():
        pixels = _fixated(file, variable, above)
        if size is not None and pixels.shape != size:
            raise InputError(
                f"gaze recording {file}: {pixels.shape[1]}x{pixels.shape[0]} pixels, the maps "
                f"before it {size[1]}x{size[0]}; give maps of one video"
            )
        size, (y, x) = pixels.shape, np.nonzero(pixels)
        found.append(np.column_stack([np.full(len(x), frame), x, y]))
    rows = pd.DataFrame(
        np.concatenate([np.zeros((0, 3), int), *found]), columns=["frame", "x", "y"]
    )
    facts = {"space": "video", "video_size": [int(size[1]), int(size[0])] if size else None}
    return finish(rows.assign(subject=ONE_OBSERVER, event="fixation"), dropped, facts)


def _files(path: Path, pattern: str) -> list[Path]:
    """The maps, in natural order."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"gaze recording {path}: no such folder; check the column fixations")
    found = [
        each
        for each in path.iterdir()
        if each.suffix.lower() in ENDINGS and each.name[0] != "." and fnmatch(each.name, pattern)
    ]
    kinds = sorted({each.suffix.lower() for each in found})
    if not found or len(found) > MOST_FILES:
        raise InputError(
            f"gaze recording {path}: {len(found)} fixation maps (.png or .mat, {pattern!r}) in the "
            "folder; give the folder of one video's maps"
        )
    if len(kinds) > 1:
        raise InputError(
            f"gaze recording {path}: both {' and '.join(kinds)} files; choose with "
            f"pattern: '*{kinds[0]}'"
        )
    return sorted(found, key=lambda each: (natural(each.name), each.name))


def _frames(files: list[Path], first: int | None, dropped: Counter) -> dict[int, Path]:
    """Frame -> its map."""
    if first is None:
        return dict(enumerate(files))
    made: dict[int, Path] = {}
    for file in files:
        match = NUMBER.search(file.name)
        if match is None or len(match[1]) > 15:
            dropped["no_frame_number"] += 1
        elif int(match[1]) < first:
            dropped["before_start"] += 1
        elif int(match[1]) - first in made:
            other = made[int(match[1]) - first].name
            raise InputError(
                f"gaze recording {file}: has the same number as {other}; choose with pattern: ..."
            )
        else:
            made[int(match[1]) - first] = file
    return made


def _fixated(file: Path, variable: str | None, above: float | None) -> np.ndarray:
    """Bool (H,W), the fixated pixels of a map."""
    values = _picture(file) if file.suffix.lower() == ".png" else _matrix(file, variable)
    if above is not None:
        return values > above
    lit = values[values != 0]
    if lit.size and (lit != lit[0]).any():
        raise InputError(
            f"gaze recording {file}: pixels have several values besides 0, as in a map of density; "
            "give fixation maps, or say with above: ... which values are fixated"
        )
    return values != 0


def _picture(file: Path) -> np.ndarray:
    """Grey pixels of a PNG file (H,W); of colours the brightest, without transparency."""
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
        made = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if _sound(data.tobytes()) else None
    except (OSError, cv2.error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"gaze recording {file}: cannot be read ({reason})") from error
    if made is None:
        raise InputError(f"gaze recording {file}: cut off, or no PNG picture; fetch it again")
    return made if made.ndim == 2 else made[..., :3].max(axis=2)


def _sound(data: bytes) -> bool:
    """Whether a PNG file's parts are whole; OpenCV takes seconds and gigabytes where one is not."""
    sides = [int.from_bytes(data[at : at + 4], "big") for at in (16, 20)]
    if data[:16] != PNG or not 0 < sides[0] * sides[1] <= min(MOST_PIXELS, len(data) * DEFLATE * 8):
        return False
    at, kind = 8, b""
    while kind != b"IEND":
        size = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 8 + size
        if end + 4 > len(data) or zlib.crc32(data[at + 4 : end]) != int.from_bytes(
            data[end : end + 4], "big"
        ):
            return False
        at = end + 4
    return True


def _matrix(file: Path, variable: str | None) -> np.ndarray:
    """The matrix of a .mat file, float64 (H,W)."""
    arrays = {name: numeric(value) for name, value in load(file).items()}
    found = {n: a for n, a in arrays.items() if a is not None and a.ndim == 2}
    if variable is None and len(found) == 1:
        return next(iter(found.values()))
    if variable in found:
        return found[variable]
    raise InputError(
        f"gaze recording {file}: "
        + (f"no matrix {variable!r}" if variable else f"{len(found)} matrices")
        + f" among the variables {', '.join(map(repr, arrays)) or 'none'}; "
        "say which one is the map with variable: ..."
    )
