"""Looking at the folder of a set: what lies there in natural order, and notes on what is missing.

Only names are read, by os.scandir; no video, picture or recording is opened.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from vidsal.datasets.folder import PICTURES, VIDEOS
from vidsal.errors import InputError
from vidsal.spelling import slug

log = logging.getLogger(__name__)
SHOWN = 5
NUMBER = re.compile(r"(\d+)$")


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sorting key by which `frame9` comes before `frame10`."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts if part]


def require(dataset: str, base: str | Path, way_out: str) -> Path:
    """Return the folder, or say that it is not there and what to do.

    Raises:
        InputError: no such folder.
    """
    base = Path(base)
    if not base.is_dir():
        raise InputError(f"dataset {dataset}: {base}: no such folder; {way_out}")
    return base


def choose(dataset: str, option: str, value: object, known: Collection[object]) -> None:
    """Refuse a value that an option does not know.

    Raises:
        InputError: `value` is none of `known`.
    """
    if value not in known:
        listed = ", ".join(str(each) for each in known)
        raise InputError(f"option {option} of dataset {dataset}: {value!r} is none of {listed}")


def folders(base: str | Path) -> list[str]:
    """Return the names of the folders in a folder, in natural order; none where it is not there."""
    return _names(base, lambda entry: entry.is_dir())


def files(base: str | Path, endings: Collection[str]) -> list[str]:
    """Return the names of the files with these endings, in natural order; none without a folder."""
    return _names(
        base, lambda entry: os.path.splitext(entry.name)[1].lower() in endings and entry.is_file()
    )


def videos(base: str | Path) -> dict[str, str]:
    """Return stem -> path of the video files directly in a folder, in natural order."""
    return {os.path.splitext(name)[0]: os.path.join(base, name) for name in files(base, VIDEOS)}


def frame_folders(base: str | Path) -> dict[str, str]:
    """Return name -> path of the folders in a folder that hold pictures, in natural order."""
    paths = {name: os.path.join(base, name) for name in folders(base)}
    return {name: path for name, path in paths.items() if has(path, PICTURES)}


def has(base: str | Path, endings: Collection[str]) -> bool:
    """Say whether a file with one of these endings lies in a folder; looks no further than that."""
    try:
        with os.scandir(base) as entries:
            return any(
                os.path.splitext(entry.name)[1].lower() in endings and entry.name[0] != "."
                for entry in entries
            )
    except OSError:
        return False


def first(base: str | Path, *names: str) -> Path | None:
    """Return the first of these places below a folder that is a folder."""
    places = (Path(base, name) for name in names)
    return next((place for place in places if place.is_dir()), None)


def number(name: str) -> int | None:
    """Return the number that a file's name ends in (before the ending), None without one."""
    match = NUMBER.search(os.path.splitext(name)[0])
    return int(match[1]) if match else None


def matches(dataset: str, option: str, pattern: str, names: Iterable[str]) -> list[str | None]:
    """Return what the first group of a pattern (all, without a group) matches in names, or None.

    Args:
        dataset: name of the set, for messages.
        option: the one that gives the pattern, for messages.
        pattern: regular expression that is looked for anywhere in a name.
        names: where it is looked for.

    Raises:
        InputError: it is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"option {option} of dataset {dataset}: {pattern!r} is no regular expression "
            f"({error}); correct it"
        ) from error
    found = map(compiled.search, names)
    return [(match[1 if compiled.groups else 0] or "") if match else None for match in found]


def slugs(names: Iterable[str]) -> list[str]:
    """Return names made of letters, digits, ., _ and -; equal ones get a hash of the original."""
    names = list(names)
    plain = [slug(name) for name in names]
    count = Counter(plain)
    return [
        own if own and count[own] == 1 else f"{own or 'video'}-{_hash(name)}"
        for own, name in zip(plain, names, strict=True)
    ]


def note(dataset: str, what: str, names: Iterable[object]) -> None:
    """Log one sentence on videos that something is wrong with; nothing when there are none."""
    names = [str(name) for name in names]
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        log.warning("dataset %s: %s: %s%s", dataset, what, ", ".join(names[:SHOWN]), more)


def table(dataset: str, base: str | Path, rows: list[dict], expected: str) -> pd.DataFrame:
    """Return the sample sheet of these rows and log what it holds.

    Args:
        dataset: name of the set, for messages.
        base: where was looked.
        rows: columns of each row; a column that a row leaves out is empty there.
        expected: what should lie in the folder, for the message when there is nothing.

    Raises:
        InputError: there are no rows.
    """
    if not rows:
        raise InputError(
            f"dataset {dataset}: {base}: none of its videos is here; expected {expected}"
        )
    sheet = pd.DataFrame(rows)
    gaze = int(sheet["fixations"].ne("").sum()) if "fixations" in sheet else 0
    counts = sheet["split"].value_counts(sort=False).to_dict()
    log.info("dataset %s: %s: %s; %d with gaze", dataset, base, counts, gaze)
    return sheet


def expect(dataset: str, sheet: pd.DataFrame, published: dict[str, int]) -> None:
    """Log one sentence when a split has another number of videos than was published."""
    found = sheet["split"].value_counts()
    wrong = [
        f"{found.get(split, 0)} of split {split} (published: {count})"
        for split, count in published.items()
        if found.get(split, 0) != count
    ]
    if wrong:
        log.warning("dataset %s: number of videos: %s", dataset, ", ".join(wrong))


def _names(base: str | Path, wanted: object) -> list[str]:
    try:
        with os.scandir(base) as entries:
            found = [entry.name for entry in entries if entry.name[0] != "." and wanted(entry)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=lambda name: (natural(name), name))


def _hash(name: str) -> str:
    return hashlib.sha1(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
