"""Folders of pictures that stand for a video: which files, in which order, and their pixels."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from vidsal.errors import DamagedVideo

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
# What ends a whole file; OpenCV fills up a cut-off picture with grey and says nothing.
ENDINGS = {".png": b"IEND", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
TAIL = 4096


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sorting key by which `frame9` comes before `frame10`."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(p), p) if p.isdigit() else (1, 0, p) for p in parts if p]


def pictures(folder: str | Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """Return the pictures directly in a folder, in natural order; hidden files are left out.

    Raises:
        DamagedVideo: there is none.
    """
    found = [p for p in Path(folder).iterdir() if p.suffix.lower() in suffixes and p.name[0] != "."]
    found = [path for path in found if path.is_file()]
    if not found:
        raise DamagedVideo(
            f"video {folder}: the folder holds no pictures ({' '.join(suffixes)}); give a video "
            "file or a folder of frames"
        )
    return sorted(found, key=lambda path: (natural(path.name), path.name))


def read(path: Path) -> tuple[np.ndarray | None, str]:
    """Read one picture.

    Returns:
        uint8 (H,W,3) RGB, turned upright by its EXIF flag, or None where nothing can be read; and
        what is wrong with the file ('' for a whole one).
    """
    data = path.read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        return None, f"{path.name} cannot be read as a picture"
    ending = ENDINGS.get(path.suffix.lower(), b"")
    return image[..., ::-1], "" if ending in data[-TAIL:] else f"{path.name} is cut off"
