"""MATLAB files of version 5 to 7.2, read within bounds: damaged ones raise ValueError.

Format: MathWorks, MAT-File Format, "Level 5 MAT-File Format". Written anew because scipy.io.loadmat
ends the whole process (segmentation fault) on some damaged files, such as one whose array is of
another class than its data.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

HEADER = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, STRUCT, OBJECT, CHAR = 1, 2, 3, 4
NUMERIC = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}
COMPLEX = 0x08


@dataclass
class Bounds:
    """How much a file may still unpack to, and how many arrays it may still hold."""

    size: int = 1_000_000_000
    arrays: int = 1_000_000
    depth: int = 6

    def take(self, size: int = 0, arrays: int = 0) -> None:
        """Use some up.

        Raises:
            ValueError: there is no more.
        """
        self.size -= size
        self.arrays -= arrays
        if self.size < 0 or self.arrays < 0:
            raise ValueError("it holds too much for a file of gaze")


def read(data: bytes, bounds: Bounds | None = None) -> dict[str, object]:
    """The variables of a file, as `vidsal.recordings._matlab.load` returns them.

    Raises:
        ValueError: no such file, or damaged.
    """
    mark = data[126:128]
    if mark not in (b"IM", b"MI"):
        raise ValueError("no header of version 5 (save it in MATLAB with -v7)")
    order, bounds = "<" if mark == b"IM" else ">", bounds or Bounds()
    found: dict[str, object] = {}
    for kind, body in _elements(data[HEADER:], order):
        if kind == COMPRESSED:
            kind, body = next(_elements(_unpacked(body, bounds), order), (0, b""))
        if kind == MATRIX:
            name, value = _matrix(body, order, bounds, 0)
            if name:
                found[name] = value
    return found


def _elements(data: bytes, order: str) -> object:
    """(type, bytes) of the elements that lie one behind the other."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:
            # A small element: its size stands beside its type, its bytes in the same eight.
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise ValueError("a small element of more than four bytes")
            yield kind, data[at + 4 : at + 4 + size]
            at += 8
            continue
        if at + 8 + size > len(data):
            raise ValueError("it is cut off")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + (size if kind == COMPRESSED else -(-size // 8) * 8)


def _unpacked(data: bytes, bounds: Bounds) -> bytes:
    stream = zlib.decompressobj()
    try:
        made = stream.decompress(data, max(bounds.size, 1))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    bounds.take(size=len(made))
    if not stream.eof:
        raise ValueError("a compressed variable is cut off, or too large for a file of gaze")
    return made


def _matrix(data: bytes, order: str, bounds: Bounds, depth: int) -> tuple[str, object]:
    """Name and value of an array; None for kinds of arrays that are not read."""
    bounds.take(arrays=1)
    if not data:
        return "", np.zeros((0, 0))
    if depth > bounds.depth:
        raise ValueError("arrays lie too deep in each other")
    parts = _elements(data, order)
    try:
        flags = np.frombuffer(next(parts)[1], order + "u4")
        shape = np.frombuffer(next(parts)[1], order + "i4").tolist()
        name = next(parts)[1].decode("utf-8", "replace")
        kind = int(flags[0]) & 0xFF
        if len(shape) < 2 or min(shape) < 0:
            raise ValueError(f"an array of size {shape}")
        return name, _value(kind, shape, parts, order, bounds, depth)
    except (StopIteration, IndexError) as error:
        raise ValueError("an array lacks a part") from error


def _value(
    kind: int, shape: list[int], parts: object, order: str, bounds: Bounds, depth: int
) -> object:
    count = math.prod(shape)
    if kind in NUMERIC:
        return _numbers(next(parts), shape, order).astype(NUMERIC[kind])
    if kind == CHAR:
        kind, data = next(parts, (1, b""))
        coding = TEXTS.get(kind, "latin-1")
        return data.decode(coding + ("" if kind <= 2 or kind == 16 else _ending(order)), "replace")
    if kind not in (CELL, STRUCT, OBJECT):
        return None
    if kind == CELL:
        return [_inner(parts, order, bounds, depth) for _ in range(_few(count, bounds))]
    if kind == OBJECT:
        next(parts)
    names = _names(next(parts)[1], next(parts)[1], order)
    made = [
        {name: _inner(parts, order, bounds, depth) for name in names}
        for _ in range(_few(count * max(len(names), 1), bounds) and count)
    ]
    return made[0] if len(made) == 1 else made


def _numbers(part: tuple[int, bytes], shape: list[int], order: str) -> np.ndarray:
    """The numbers of an array as MATLAB shows them: columns lie one behind the other."""
    kind, data = part
    if kind not in NUMBERS or len(data) != math.prod(shape) * np.dtype(NUMBERS[kind]).itemsize:
        raise ValueError(f"{len(data)} bytes of type {kind} for an array of size {shape}")
    return np.frombuffer(data, order + NUMBERS[kind]).reshape(shape, order="F")


def _inner(parts: object, order: str, bounds: Bounds, depth: int) -> object:
    kind, data = next(parts)
    if kind != MATRIX:
        raise ValueError(f"an element of type {kind} in a cell or struct")
    return _matrix(data, order, bounds, depth + 1)[1]


def _names(length: bytes, names: bytes, order: str) -> list[str]:
    """Names of the fields of a struct, each filled up with zeros to one length."""
    size = int(np.frombuffer(length, order + "i4")[0])
    if size < 1:
        raise ValueError("names of fields of no length")
    listed = [names[at : at + size] for at in range(0, len(names), size)]
    return [name.partition(b"\0")[0].decode("utf-8", "replace") for name in listed]


def _few(count: int, bounds: Bounds) -> int:
    """The count, if so many arrays may still come."""
    if count > bounds.arrays:
        raise ValueError(f"{count} arrays in one are too many")
    return count


def _ending(order: str) -> str:
    return "-le" if order == "<" else "-be"
