"""Variables of MATLAB files as numbers, texts, dicts (structs) and lists (cells, struct arrays).

Files of version 5 to 7.2 and those of version 7.3, which are HDF5, come out alike: arrays with rows
and columns as MATLAB shows them (7.3 stores them transposed).
"""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np

from vidsal.errors import InputError
from vidsal.recordings import _mat5

MOST_BYTES = 500_000_000
MOST_NUMBERS = 40_000_000
DEEPEST = 6
DEFLATE = 1032  # bytes that one byte can unpack to at most
SMALL = 100_000
VISIT = 100  # what following one reference counts for, in numbers; it takes that much longer


def load(path: str | Path) -> dict[str, object]:
    """All variables of a MATLAB file.

    Returns:
        name -> numeric array (2 axes at least), str (char arrays), dict (struct of one element),
        list (cells and struct arrays, in MATLAB's order), None (anything else).

    Raises:
        InputError: no such file, damaged, or too large.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"gaze recording {path}: no such file; check the column fixations")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"gaze recording {path}: more than {MOST_BYTES} bytes; no file of gaze")
    data = path.read_bytes()
    is_new = b"\x89HDF" in (data[:4], data[512:516])
    try:
        return _new(io.BytesIO(data)) if is_new else _mat5.read(data)
    except Exception as error:  # on damaged bytes HDF5 raises anything that there is
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"gaze recording {path}: not readable as MATLAB: {reason}") from error


def numeric(value: object) -> np.ndarray | None:
    """A variable as float64 array, None where it is no array of numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value.astype(np.float64)
    return None


def _new(file: io.BytesIO) -> dict[str, object]:
    """Variables of a file of version 7.3."""
    with h5py.File(file, "r") as opened:
        left = [MOST_NUMBERS]
        return {name: _item(opened[name], 0, left) for name in opened if not name.startswith("#")}


def _item(item: object, depth: int, left: list[int]) -> object:
    """What h5py read, as this module returns it; ``left`` counts down the numbers allowed."""
    left[0] -= VISIT
    _check(MOST_NUMBERS - left[0])
    if depth > DEEPEST:
        return None
    if isinstance(item, h5py.Group):
        fields = {name: _item(item[name], depth + 1, left) for name in item}
        arrays = [
            name
            for name, each in item.items()
            if isinstance(each, h5py.Dataset)
            and each.dtype == h5py.ref_dtype
            and "MATLAB_class" not in each.attrs
        ]
        if fields and len(arrays) == len(fields):
            # Of a struct array every field is an array of references, all of one length.
            count = min(len(fields[name]) for name in arrays)
            return [{name: fields[name][at] for name in arrays} for at in range(count)]
        return fields
    left[0] -= int(item.size)
    _check(MOST_NUMBERS - left[0])
    # What was never written, or claims to unpack to more than deflate can pack, is damaged.
    if item.nbytes > SMALL + DEFLATE * item.id.get_storage_size():
        raise ValueError(f"{item.nbytes} bytes out of {item.id.get_storage_size()}")
    if item.dtype == h5py.ref_dtype:
        places = item[()].ravel()
        return [_item(item.file[place], depth + 1, left) for place in places if place]
    if item.attrs.get("MATLAB_empty"):
        return np.zeros((0, 0))
    if item.attrs.get("MATLAB_class", b"") == b"char":
        return "".join(map(chr, item[()].T.ravel().tolist()))
    value = item[()]
    return value.T if value.dtype.kind in "biuf" and value.ndim >= 2 else None


def _check(count: int) -> None:
    if count > MOST_NUMBERS:
        raise ValueError(f"{count} numbers are too many")
