"""Any folder of videos or of frame folders, or any table that names them.

Without a table, every video file and every folder of pictures below the folder is one row: its name
is made from its path, its label is the name of the folder that it lies in. With a table (TSV, or
CSV by its ending; columns as in this room's contract) the rows are the table's.

    datasets:
      mine: {method: folder, videos: /data/my_videos}                         # look what is there
      mine: {method: folder, table: my_videos.tsv, gaze: {format: eyelink, rect: screen}}
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pandas as pd

from vidsal import registry, sheets
from vidsal.errors import InputError
from vidsal.spelling import slug

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = []
VIDEOS = {
    *(".3gp", ".asf", ".avi", ".divx", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
}
PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
PLACES = ("path", "fixations", "masks")


def folder(
    folder: str,
    *,
    videos: str | None = None,
    table: str | None = None,
    split: str = "test",
    gaze: dict | None = None,
    fps: float = 25.0,
) -> pd.DataFrame:
    """Return the sample sheet of a folder of videos, or of a table.

    Args:
        folder: where to look when `videos` is not given.
        videos: folder to look in; with a table, the folder from which its relative paths count
            (the working directory when not given).
        table: TSV or CSV file of rows; nothing is looked for then.
        split: split of rows that name none.
        gaze: how gaze recordings are laid out, as keywords of `vidsal.fixations.read`: format,
            screen, rect, lag, events, detect, ..., and the format's own options.
        fps: frames per second of frame folders that name none.

    Raises:
        InputError: no such folder or table, unknown or missing columns, bad rows, or an unknown
            keyword in `gaze`; each with all problems at once.
    """
    _check_gaze(gaze)
    sheet = _scan(Path(videos or folder)) if table is None else _read(Path(table), videos or "")
    if "split" not in sheet:
        sheet["split"] = split
    sheet = sheets.check(sheet, table or str(videos or folder))
    sheet["fps"] = sheet["fps"].fillna(fps)
    return sheet


def known(**options: object) -> bool:
    """Say whether the table needs no folder to be looked at."""
    return options.get("table") is not None


def read_fixations(
    path: str,
    *,
    gaze: dict | None = None,
    clip: Clip | None = None,
    formats: Formats | None = None,
    **_: object,
) -> pd.DataFrame:
    """Read the gaze on one video laid out as `gaze` says; see `vidsal.fixations.read`."""
    from vidsal import fixations

    return fixations.read(path, clip=clip, formats=formats, **(gaze or {}))


def _check_gaze(gaze: dict | None) -> None:
    """Refuse what `vidsal.fixations.read` would; a format of the config is checked with it."""
    if not gaze or gaze.get("format", "table") not in registry.names("recordings"):
        return
    from vidsal import fixations

    if bad := fixations.problems(gaze):
        raise InputError(f"dataset folder: gaze: {'; '.join(bad)}")


def _read(table: Path, base: str) -> pd.DataFrame:
    if not table.is_file():
        raise InputError(
            f"sample sheet {table}: no such file; write one with columns video and path"
        )
    separator = "," if table.suffix.lower() == ".csv" else "\t"
    try:
        sheet = pd.read_csv(table, sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"sample sheet {table}: not a table ({error}); see README") from error
    for column in PLACES:
        if column in sheet:
            sheet[column] = [os.path.join(base, p) if p else p for p in sheet[column]]
    return sheet


def _scan(base: Path) -> pd.DataFrame:
    if not base.is_dir():
        raise InputError(
            f"dataset folder: {base}: no such folder; put the videos there, or name another folder "
            "with the option `videos`"
        )
    found = sorted(_videos(base), key=lambda path: path.parts)
    names = _slugs([path.relative_to(base) if path != base else Path(base.name) for path in found])
    parents = [path.parent if path != base else base for path in found]
    labels = ["" if parent == base else parent.name for parent in parents]
    rows = {"video": names, "path": [str(path) for path in found], "label": labels}
    return pd.DataFrame(rows, dtype=object)


def _videos(base: Path) -> Iterator[Path]:
    """Yield video files, and folders that hold pictures and no video; hidden ones are left out."""
    seen: set[str] = set()
    for place, folders, files in os.walk(base, followlinks=True):
        if os.path.realpath(place) in seen:  # a link to a folder above would never end
            folders.clear()
            continue
        seen.add(os.path.realpath(place))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = [Path(place) / name for name in files if not name.startswith(".")]
        films = [path for path in visible if path.suffix.lower() in VIDEOS]
        if not films and any(path.suffix.lower() in PICTURES for path in visible):
            yield Path(place)
        yield from films


def _slugs(paths: list[PurePath]) -> list[str]:
    """Return a unique name for each relative path; names that would be equal get a hash of it."""
    plain = [_slug(path) for path in paths]
    count = Counter(plain)
    return [
        name if name and count[name] == 1 else f"{name or 'video'}-{_hash(path)}"
        for name, path in zip(plain, paths, strict=True)
    ]


def _slug(path: PurePath) -> str:
    known_ending = path.suffix.lower() in VIDEOS
    text = (path.with_suffix("") if known_ending else path).as_posix()
    return slug(text.replace("/", "-"))


def _hash(path: PurePath) -> str:
    return hashlib.sha1(path.as_posix().encode()).hexdigest()[:8]
