"""Lists that name the videos of a set, read robustly; videos found with one look per folder.

No video is opened. A folder that is named instead of a video is taken for its frames.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from vidsal import registry
from vidsal.datasets import _trees
from vidsal.datasets.folder import PICTURES, VIDEOS
from vidsal.errors import InputError

MISSING = ("refuse", "drop")
SHOWN = 3
MANY = 30


class Found(NamedTuple):
    """Where the videos of a list are: '' for one that is not there, and whether it is a folder."""

    paths: list[str]
    folders: list[bool]


def file(dataset: str, base: str | Path, names: Sequence[str], way_out: str) -> Path:
    """Return the first of these files that is in a folder.

    Raises:
        InputError: none is.
    """
    found = optional(base, names)
    if found is None:
        raise InputError(f"dataset {dataset}: {Path(base) / names[0]}: no such file; {way_out}")
    return found


def optional(base: str | Path, names: Iterable[str]) -> Path | None:
    """Return the first of these files that is in a folder, None when there is none."""
    return next((path for path in (Path(base, name) for name in names) if path.is_file()), None)


def lines(dataset: str, path: str | Path, way_out: str) -> list[str]:
    """Return the lines of a text file that are not blank, without white space around them.

    Raises:
        InputError: no such file, or not UTF-8 text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"dataset {dataset}: {path}: {_reason(error)}; {way_out}") from error
    return [line for line in map(str.strip, text.splitlines()) if line]


def table(dataset: str, path: str | Path, columns: Sequence[str], way_out: str) -> pd.DataFrame:
    """Return a CSV file with a header as texts, where nothing but an empty cell is empty.

    Args:
        dataset: name of the set, for messages.
        path: the file.
        columns: columns that it must have.
        way_out: what to do when it cannot be read.

    Raises:
        InputError: no such file, no table, or a column is missing.
    """
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"dataset {dataset}: {path}: {_reason(error)}; {way_out}") from error
    if lacking := [column for column in columns if column not in found]:
        raise InputError(
            f"dataset {dataset}: {path}: column {lacking[0]!r} is missing (it has "
            f"{', '.join(map(str, found.columns[:20]))}); {way_out}"
        )
    return found.fillna("")


def numbers(dataset: str, path: str | Path, values: pd.Series) -> pd.Series:
    """Return the texts of a column as whole numbers.

    Raises:
        InputError: one is none.
    """
    good = values.str.fullmatch(r"\s*[+-]?\d{1,15}(\.0*)?\s*")
    if not good.all():
        raise InputError(
            f"dataset {dataset}: {path}: {values.name} must be whole numbers, not "
            f"{values[~good].iloc[0]!r}; fetch the file again"
        )
    return values.astype("float64").astype("int64")


def locate(base: str | Path, names: Iterable[str]) -> Found:
    """Find videos below a folder by name, with or without ending; what lies there is listed once.

    A name is taken as it stands, else without regard to the ending of a video or to upper and lower
    case (lists of UCF101 and its files disagree in one class).
    """
    base, seen = str(base), {}
    paths, folders = [], []
    for name in names:
        parent, last = os.path.split(name)
        if parent not in seen:
            seen[parent] = _look(os.path.join(base, parent))
        exact, loose = seen[parent]
        found = last if last in exact else loose.get(_stem(last), "")
        paths.append(os.path.join(base, parent, found) if found else "")
        folders.append(bool(found) and exact[found])
    return Found(paths, folders)


def either(first: Found, second: Found) -> Found:
    """Return the places of `first`, and those of `second` where it has none."""
    pairs = list(zip(*first, *second, strict=True))
    return Found([a or c for a, _, c, _ in pairs], [b if a else d for a, b, _, d in pairs])


def refuse_flow(dataset: str, found: Found) -> None:
    """Refuse folders of frames that hold optical flow too, which would be read as frames.

    One folder is looked at, as mmaction2 makes all of a set alike.

    Raises:
        InputError: the first folder holds pictures such as flow_x_00001.jpg.
    """
    first = next((p for p, folder in zip(*found, strict=True) if folder), None)
    if first and (flow := [n for n in _trees.files(first, PICTURES) if n.startswith("flow_")]):
        raise InputError(
            f"dataset {dataset}: {first}: holds optical flow ({flow[0]}, ...) beside its frames; "
            "move it to other folders"
        )


def frame_rates(found: Found, fps: float) -> list[float | None]:
    """Return frames per second for the column `fps`: of folders of frames, not of video files."""
    return [fps if is_folder else None for is_folder in found.folders]


def settle(
    dataset: str, sheet: pd.DataFrame, missing: str, base: str | Path, way_out: str
) -> pd.DataFrame:
    """Return the rows whose videos are there.

    Args:
        dataset: name of the set, for messages.
        sheet: its `path` is '' where no video was found.
        missing: `refuse` the whole, or `drop` those rows and log them.
        base: where was looked.
        way_out: what to do to get them.

    Raises:
        InputError: videos are missing and `missing` is `refuse`, or there are none at all.
    """
    _trees.choose(dataset, "missing", missing, MISSING)
    if sheet.empty:
        raise InputError(f"dataset {dataset}: its lists name no video; {way_out}")
    gone = sheet["path"] == ""
    if gone.any() and (missing == "refuse" or gone.all()):
        shown = ", ".join(sheet["video"][gone].head(SHOWN))
        also = "" if gone.all() else ", or set missing: drop to go on without them"
        raise InputError(
            f"dataset {dataset}: {int(gone.sum())} of the {len(sheet)} videos in its lists are not "
            f"in {base} ({shown}{', ...' if gone.sum() > SHOWN else ''}); {way_out}{also}"
        )
    _trees.note(dataset, f"not in {base}, left out", sheet["video"][gone])
    return sheet[~gone].reset_index(drop=True)


def only(dataset: str, sheet: pd.DataFrame, classes: list[str] | None) -> pd.DataFrame:
    """Return the rows of these classes, of all when None.

    Raises:
        InputError: the set has no such class.
    """
    if classes is None:
        return sheet
    known = set(sheet["label"]) - {""}
    for name in classes:
        if name not in known:
            near = registry.nearest(name, known)
            many = f"; it has {len(known)}, such as {', '.join(sorted(known)[:SHOWN])}"
            raise InputError(
                f"option classes of dataset {dataset}: {name!r} is unknown"
                f"{near if len(known) <= MANY or 'did you mean' in near else many}"
            )
    return sheet[sheet["label"].isin(classes)].reset_index(drop=True)


def labels(dataset: str, path: str | Path, numbers: pd.Series, names: dict[int, str]) -> pd.Series:
    """Return the names of classes given by number.

    Raises:
        InputError: a number that no class has.
    """
    found = numbers.map(names)
    if found.isna().any():
        raise InputError(
            f"dataset {dataset}: {path}: there is no class {numbers[found.isna()].iloc[0]}; list "
            "and names of classes must be of the same edition"
        )
    return found


def _look(folder: str) -> tuple[dict[str, bool], dict[str, str]]:
    """Return name -> is a folder, and stem in lower case -> name of videos and folders."""
    try:
        with os.scandir(folder) as entries:
            exact = {entry.name: entry.is_dir() for entry in entries if entry.name[0] != "."}
    except (OSError, ValueError):  # a name may hold what no path can
        return {}, {}
    # The last one counts: a video goes before a folder of its name, and .avi before .mp4.
    order = sorted(exact, key=lambda name: (exact[name], name), reverse=True)
    usable = [name for name in order if exact[name] or _is_video(name)]
    return exact, {_stem(name): name for name in usable}


def _is_video(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in VIDEOS


def _stem(name: str) -> str:
    return (os.path.splitext(name)[0] if _is_video(name) else name).lower()


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return f"cannot be read ({' '.join(str(error).split())[:200]})"
