"""Small trees of empty files, in the layouts of published sets, and lists that name them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from vidsal import sheets


def touch(base: Path, *names: str) -> Path:
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return base


def write(base: Path, name: str, text: str) -> Path:
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(sheet: pd.DataFrame, *columns: str) -> list[list]:
    """Return columns of a checked sheet, empty numbers as None."""
    checked = sheets.check(sheet, "test")[list(columns)].astype(object)
    return checked.where(checked.notna(), None).to_numpy().tolist()


def seconds(make: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, float]:
    """Return a checked sheet and the seconds of CPU that it took."""
    begin = time.process_time()
    made = sheets.check(make(), "test")
    return made, time.process_time() - begin
