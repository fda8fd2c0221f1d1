"""Pictures, in folders or single, that stand for a video: which files, in which order, pixels."""

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
PNG = b"\x89PNG\r\n\x1a\n"
SLACK = 1 << 24  # bytes


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sorting key by which `frame9` comes before `frame10`."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(p), p) if p.isdigit() else (1, 0, p) for p in parts if p]


def is_stills(path: str | Path) -> bool:
    """Say whether a path stands for still pictures: a folder, or a file with such an ending."""
    return Path(path).suffix.lower() in SUFFIXES or Path(path).is_dir()


def pictures(folder: str | Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """Return the pictures directly in a folder, in natural order; hidden files are left out.

    A picture is returned as the only one.

    Raises:
        DamagedVideo: there is none.
    """
    if not Path(folder).is_dir():
        return [Path(folder)]
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
    try:
        data = path.read_bytes()
        usable = data and not _claims_too_much(data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if usable else None
    except (OSError, cv2.error) as error:  # no permission, say, or more pixels than are allowed
        return None, f"{path.name} cannot be read ({' '.join(str(error).split())})"
    if image is None:
        return None, f"{path.name} cannot be read as a picture"
    ending = ENDINGS.get(path.suffix.lower(), b"")
    return image[..., ::-1], "" if ending in data[-TAIL:] else f"{path.name} is cut off"


def _claims_too_much(data: bytes) -> bool:
    """Say whether a chunk of a PNG file claims far more bytes than there are.

    OpenCV would set aside up to 2 GiB for it.
    """
    place = len(PNG)
    while data.startswith(PNG) and place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size > len(data) + SLACK:
            return True
        place += size + 12  # its length, name and checksum
    return False
