"""Files that belong to a BIDS recording: JSON sidecars by inheritance, and companion tables.

Source: BIDS 1.11 specification, "Common principles: The Inheritance Principle" and "Physiological
recordings: Eye-tracking".
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._source import EXTRA, parse, read_bytes

LEVELS = 4
SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "millisecond": 1e-3}
SECONDS |= {"milliseconds": 1e-3, "us": 1e-6, "μs": 1e-6, "µs": 1e-6, "microseconds": 1e-6}
SECONDS |= {"ns": 1e-9, "nanoseconds": 1e-9}
MISSING = ["n/a", "N/A", "NA", "NaN", "nan", ""]


def entities(path: Path) -> dict[str, str]:
    """``sub-01_task-a_physio.tsv.gz`` as {"sub": "01", "task": "a"}."""
    parts = path.name.split(".")[0].split("_")[:-1]
    return dict(part.split("-", 1) for part in parts if "-" in part)


def sidecar(path: Path, suffix: str) -> dict:
    """The metadata of a file: that of all JSON files that apply, the nearest of which wins."""
    merged: dict = {}
    for found in _applying(path, f"{suffix}.json"):
        try:
            content = json.loads(found.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"sidecar {found}: no JSON: {reason}; mend the file") from error
        if not isinstance(content, dict):
            raise InputError(f"sidecar {found}: no JSON object; mend the file")
        merged |= content
    return merged


def companion(path: Path, suffix: str, endings: tuple[str, ...]) -> Path | None:
    """The nearest table with another suffix that belongs to a recording, if there is one."""
    found = [each for ending in endings for each in _applying(path, suffix + ending)]
    return found[-1] if found else None


def read(path: Path, columns: list[str] | None) -> tuple[pd.DataFrame, int]:
    """A table as text, "n/a" as missing, and how many of its lines had too many fields.

    Args:
        path: .tsv with a header, or .tsv.gz without.
        columns: names of the columns; None = the first line holds them.
    """
    body = read_bytes(path)
    first, _, rest = body.partition(b"\n")
    written = [name.strip() for name in first.decode("latin-1").split("\t")]
    if columns is None or written == columns:
        columns, body = written, rest
    names = [*columns, EXTRA]
    if len(set(names)) < len(names):
        raise InputError(f"gaze recording {path}: a column name occurs twice; mend Columns")
    if not body or body.isspace():
        return pd.DataFrame({name: pd.Series(dtype=str) for name in names[:-1]}), 0
    table = parse(body, path, "\t", names, na_values=MISSING)
    long = table.pop(EXTRA).notna()
    return table[~long].reset_index(drop=True), int(long.sum())


def seconds(meta: dict, column: str) -> float | None:
    """Seconds per unit of a column, where its metadata names a unit of time."""
    about = meta.get(column)
    unit = about.get("Units") if isinstance(about, dict) else None
    return SECONDS.get(str(unit).strip().lower()) if unit else None


def listed(meta: dict, name: str, count: int) -> list[float] | None:
    """A metadata field of this many positive numbers; a single one may stand bare."""
    value = meta.get(name)
    values = value if isinstance(value, list) else [value]
    try:
        found = [float(each) for each in values]
    except (TypeError, ValueError):
        return None
    good = len(found) == count and np.isfinite(found).all() and min(found) > 0
    return found if good else None


def _applying(path: Path, ending: str) -> list[Path]:
    """Files with this suffix and ending whose entities the recording has too, nearest last."""
    own = entities(path)
    own_without = {name: value for name, value in own.items() if name != "recording"}
    found = []
    for folder in reversed(_folders(path)):
        here = []
        for other in folder.glob(f"*{ending}"):
            theirs = entities(other)
            fits = theirs.items() <= (own if "physio" in ending else own_without).items()
            if re.search(rf"(^|_){re.escape(ending)}$", other.name) and fits and other.is_file():
                here.append((len(theirs), other.name, other))
        found.extend(each for _, _, each in sorted(here))
    return found


def _folders(path: Path) -> list[Path]:
    """The folder of a file and those above it, up to the root of its dataset."""
    folders = []
    for folder in list(path.resolve().parents)[: LEVELS + 1]:
        folders.append(folder)
        if (folder / "dataset_description.json").is_file():
            return folders
    return folders[:1]
