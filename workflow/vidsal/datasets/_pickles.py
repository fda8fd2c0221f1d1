"""Pickles of plain containers and arrays of numbers, read without running what they ask for.

The unpickler is Python's own in Python (the one in C may be made to allocate without bound), with
every way shut by which a pickle calls something, but for the names that arrays of NumPy are written
with; these are rebuilt here, since NumPy ends the process on some damaged ones.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

NUMBER = re.compile(r"[biuf][1248]")
ORDERS = "<>=|"
SHUT = (
    *(pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.PERSID, pickle.BINPERSID),
    *(pickle.EXT1, pickle.EXT2, pickle.EXT4),
    *(pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
)


class RefusedError(Exception):
    """A pickle wants to call something."""


class _Kind:
    """The type of an array's numbers."""

    def __init__(self, code: str, *_: object) -> None:
        self.code, self.order = str(code), "="

    def __setstate__(self, state: tuple) -> None:
        self.order = str(state[1])

    def of(self, data: bytes | str) -> np.ndarray:
        if not NUMBER.fullmatch(self.code) or self.order not in ORDERS:
            raise ValueError(f"numbers of type {self.order}{self.code}")
        kind = np.dtype((self.order if self.code[1] != "1" else "") + self.code)
        return np.frombuffer(_bytes(data), kind)


class _Array:
    """An array; what it holds comes afterwards."""

    def __init__(self, *_: object) -> None:
        self.values = np.empty(0)

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_columns, data = state
        self.values = kind.of(data).reshape(shape, order="F" if by_columns else "C")


def load(path: str | Path) -> object:
    """Return what a pickle holds; arrays are to be taken out with `array`.

    Raises:
        RefusedError: it wants to call something.
        Exception: it is damaged, in whatever way.
    """
    with open(path, "rb") as file:
        return _Plain(file, encoding="latin1").load()


def array(value: object) -> np.ndarray:
    """Return an array, or a list of numbers, as float64."""
    return np.array(value.values if isinstance(value, _Array) else value, dtype=np.float64)


def _scalar(kind: _Kind, data: bytes | str) -> int | float:
    return kind.of(data).item()


def _bytes(data: bytes | str, *_: object) -> bytes:
    return data if isinstance(data, bytes) else data.encode("latin1")


KNOWN: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _bytes,
    ("collections", "OrderedDict"): dict,
}
KNOWN |= {
    (module, name): made
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name, made in (("_reconstruct", _Array), ("scalar", _scalar))
}


class _Plain(pickle._Unpickler):
    dispatch = {  # noqa: RUF012 - as its base has it
        code: do for code, do in pickle._Unpickler.dispatch.items() if bytes([code]) not in SHUT
    }

    def find_class(self, module: str, name: str) -> Callable:
        if (module, name) not in KNOWN:
            raise RefusedError(
                f"a pickle that wants {module}.{name}, which numbers never need, is not loaded"
            )
        return KNOWN[module, name]
