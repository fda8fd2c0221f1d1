"""A disk that is too small or full: said in one sentence, before writing or while writing."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from vidsal.errors import InputError

SPACE_LEFT = 50 << 20  # bytes that are to stay free, so that logs and tables can still be written
FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_TEXTS = ("No space left on device", "Disk quota exceeded")


def check_space(path: str | Path, bytes_needed: int) -> None:
    """Refuse to begin when the disk that holds `path` has too little room.

    Raises:
        InputError: fewer than `bytes_needed` (and some for tables and logs) are free.
    """
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < bytes_needed + SPACE_LEFT:
        raise InputError(
            f"disk of {path}: {_size(bytes_needed)} are needed and {_size(free)} are free; free "
            "some space, lower max_side, or set store: jpeg95"
        )


@contextlib.contextmanager
def disk_full(path: str | Path) -> Iterator[None]:
    """Turn `no space left` of any writer inside (files, HDF5, FFmpeg) into one sentence.

    Raises:
        InputError: the disk that holds `path` is full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        # HDF5 raises both kinds and hides the number in its text.
        if getattr(error, "errno", None) in FULL or any(t in str(error) for t in FULL_TEXTS):
            raise InputError(
                f"disk of {path}: it is full; free some space and run again, what is done is kept"
            ) from error
        raise


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
