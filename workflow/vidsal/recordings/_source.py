"""Bytes and tables out of recording files of any encoding, bounded, with one kind of error."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError

MOST_BYTES = 1_000_000_000
MOST_COLUMNS = 5_000
CHUNK = 1 << 24
EXTRA = "\0extra"
HUGE = 1e20


def read_bytes(path: str | Path) -> bytes:
    """The file's text as bytes that agree with ASCII; unpacked, lines ending in newlines only.

    UTF-16 becomes UTF-8; UTF-8 and the 8-bit encodings stay as they are.

    Raises:
        InputError: no such file, no text, or larger than ``MOST_BYTES``.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"gaze recording {path}: no such file; check the column fixations")
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            data = _bounded(file, path)
    except (OSError, EOFError, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"gaze recording {path}: unreadable: {reason}; fetch it again") from error
    data = _to_utf8(data)
    if b"\0" in data[:4096]:
        raise InputError(
            f"gaze recording {path}: binary, no text; export it as text with the tracker's software"
        )
    return data.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def decode(data: bytes) -> str:
    """Text of UTF-8 bytes, or else of Latin-1 bytes."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_table(
    data: bytes, separator: str, wanted: Callable[[str], bool], path: str | Path
) -> tuple[pd.DataFrame, int]:
    """The wanted columns of a table with a header, as text, and how many lines were too long.

    Args:
        data: bytes of ``read_bytes``; the first line that is not empty is the header.
        separator: one character; quotes mean nothing.
        wanted: which column names to read.
        path: the file, for messages.

    Returns:
        text columns, missing where a line is too short, named without outer blanks and quotes
        (a second column of the same name gets ``.1``); and the number of lines with more fields
        than the header, which are left out.
    """
    data = data.lstrip(b"\r\n \t" if separator != "\t" else b"\r\n")
    head, _, body = data.partition(b"\n")
    names = _unique(name.strip().strip('"') for name in decode(head).split(separator))
    if len(names) > MOST_COLUMNS:
        raise InputError(f"gaze recording {path}: {len(names)} columns; not a table of gaze")
    kept = [name for name in names if wanted(name)]
    if not kept or not body or body.isspace():
        return pd.DataFrame({name: pd.Series(dtype=str) for name in kept}), 0
    rows = parse(body, path, separator, [*names, EXTRA], usecols=[*kept, EXTRA])
    bad = rows.pop(EXTRA).str.strip().fillna("") != ""
    return rows[~bad].reset_index(drop=True), int(bad.sum())


def parse(
    body: bytes, path: str | Path, separator: str, names: list[str], **options: object
) -> pd.DataFrame:
    """A table without header as text, or an InputError.

    Args:
        body: the lines; short ones are filled with missing values.
        path: the file, for messages.
        separator: one character; quotes mean nothing.
        names: of all columns; fields beyond them are ignored.
        options: more of ``pandas.read_csv``.
    """
    fixed = {"header": None, "index_col": False, "quoting": csv.QUOTE_NONE, "dtype": str}
    fixed |= {"skipinitialspace": True, "encoding": "utf-8", "encoding_errors": "replace"}
    fixed |= {"usecols": names, "low_memory": False}
    # pandas wants one line that is as long as the names.
    full = separator.join("-" * len(names)).encode() + b"\n"
    try:
        table = pd.read_csv(
            io.BytesIO(full + body), sep=separator, names=names, **(fixed | options)
        )
    except (ValueError, OverflowError, csv.Error) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"gaze recording {path}: not readable as a table: {reason}") from error
    return table[1:].reset_index(drop=True)


def numbers(column: pd.Series, decimal_comma: bool = False) -> np.ndarray:
    """float64 of a text column, NaN where it holds no number that can be meant.

    Args:
        column: text, or numbers.
        decimal_comma: "12,5" is 12.5 too.
    """
    if decimal_comma and column.dtype.kind not in "fiu":
        column = column.str.replace(",", ".", regex=False)
    try:
        made = pd.to_numeric(column, errors="coerce")
    except OverflowError:  # a number of hundreds of digits, which pandas has kept whole
        made = pd.to_numeric(column.map(str), errors="coerce")
    values = made.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.abs(values) < HUGE, values, np.nan)


def number(word: str) -> float:
    """The finite number that a word is; a decimal comma is one.

    Raises:
        ValueError: it is none.
    """
    value = float(word.replace(",", "."))
    if not abs(value) < HUGE:
        raise ValueError(word)
    return value


def compiled(name: str, text: str, path: str | Path, groups: int = 0) -> re.Pattern[str]:
    """The regular expression of an option; ``groups`` is how many groups it needs at least."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InputError(
            f"{name}: {text!r} for {path}: no regular expression ({error}); escape its signs"
        ) from error
    if pattern.groups < groups:
        raise InputError(
            f"{name}: {text!r} for {path}: has no group; put brackets around the part that counts"
        )
    return pattern


def choose(name: str, value: str, known: tuple[str, ...], path: str | Path) -> None:
    """Refuse the value of an option that is none of the known ones."""
    if value not in known:
        raise InputError(f"{name}: {value!r} for {path}: unknown; choose from {', '.join(known)}")


def _bounded(file: io.BufferedIOBase, path: Path) -> bytes:
    """All bytes of an open file, or an error once they are too many."""
    parts, total = [], 0
    while part := file.read(CHUNK):
        parts.append(part)
        total += len(part)
        if total > MOST_BYTES:
            raise InputError(
                f"gaze recording {path}: more than {MOST_BYTES} bytes; split it into one per video"
            )
    return b"".join(parts)


def _to_utf8(data: bytes) -> bytes:
    """UTF-16 as UTF-8, known by its byte order mark or by every other byte being zero."""
    if data[:3] == b"\xef\xbb\xbf":
        return data[3:]
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data[:2] == mark:
            return data[2:].decode(encoding, errors="replace").encode("utf-8")
    zero = np.frombuffer(data[:4096], np.uint8) == 0
    even, odd = zero[::2], zero[1::2]
    if len(odd) and odd.mean() > 0.8 and not even.mean() > 0.2:
        return data.decode("utf-16-le", errors="replace").encode("utf-8")
    if len(odd) and even.mean() > 0.8 and not odd.mean() > 0.2:
        return data.decode("utf-16-be", errors="replace").encode("utf-8")
    return data


def _unique(names: object) -> list[str]:
    """The names, a repeated one with its count."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        made.append(f"{name}.{count}" if count else name)
    return made
