"""Gaze recordings as files: which ones, in which format, with which options, of which video."""

from __future__ import annotations

import glob
import inspect
import json
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import config as settings
from vidsal import registry
from vidsal._annotations import misfit
from vidsal.errors import InputError

ROOM = "recordings"
KEPT = 2
"""Files whose tables stay in memory, since one file may hold the gaze on many videos."""
MOST_FILES = 100_000
ABSURD = 1e12
"""Places, seconds and frames from here on (and NaN) are damage, not numbers."""
_TABLES: OrderedDict[str, pd.DataFrame] = OrderedDict()


@dataclass(frozen=True)
class Formats:
    """The formats that there are: those of vidsal, of a user's rooms, and variants of a config.

    Attributes:
        rooms: folder with a user's own rooms, as in the config.
        own: the config's section ``recordings``: name -> options, ``method`` names the format.
    """

    rooms: str | None = None
    own: dict[str, dict] = field(default_factory=dict)

    def config(self) -> dict:
        """The part of a config that ``vidsal.config.choice`` looks at."""
        return {"rooms": self.rooms, ROOM: self.own}

    def names(self) -> list[str]:
        """All formats that may be named."""
        return sorted({*registry.names(ROOM, self.rooms), *self.own})

    def choice(self, name: str) -> settings.Choice:
        """What a name stands for."""
        return settings.choice(self.config(), ROOM, name)


def of_config(config: dict) -> Formats:
    """The formats that a config knows."""
    return Formats(config.get("rooms"), dict(config.get(ROOM) or {}))


def problems(
    given: dict, core: Callable, detectors: dict[str, Callable], formats: Formats
) -> list[str]:
    """A sentence for every keyword of ``vidsal.fixations.read`` that is unknown or of a wrong type.

    Args:
        given: keywords, format included.
        core: the function whose keyword-only arguments are known whatever the format.
        detectors: name -> function, for the keyword ``detect``.
        formats: the formats that there are.
    """
    fixed = {
        name: str(each.annotation)
        for name, each in inspect.signature(core).parameters.items()
        if each.kind is each.KEYWORD_ONLY
    }
    name = given.get("format", inspect.signature(core).parameters["format"].default)
    if name not in formats.names():
        own, found = {}, [f"format: {name!r} is not known{_nearest(name, formats.names())}"]
    else:
        method = formats.choice(name).method
        entry = registry.entry(ROOM, method, formats.rooms)
        own, found = {key: o.annotation for key, o in entry.options.items()}, []
    known = fixed | own
    for key, value in given.items():
        if key not in known:
            # With an unknown format nobody can say which of its options are wrong.
            found += [f"{key!r} is unknown{registry.nearest(key, known)}"] if own else []
        elif wrong := misfit(value, known[key]):
            found.append(f"{key}: {wrong}")
    return found + _detect_problems(given.get("detect"), detectors)


def _detect_problems(given: object, detectors: dict[str, Callable]) -> list[str]:
    """What is wrong with the keyword ``detect``."""
    if given is None:
        return []
    asked = {"method": given} if isinstance(given, str) else given
    if not isinstance(asked, dict) or asked.get("method") not in detectors:
        name = asked.get("method") if isinstance(asked, dict) else given
        return [f"detect: {name!r} is not known{_nearest(name, detectors)}"]
    arguments = inspect.signature(detectors[asked["method"]]).parameters.values()
    known = {p.name: str(p.annotation) for p in arguments if p.kind is p.KEYWORD_ONLY}
    known |= {"method": "str", "unit": "Literal['degrees', 'pixels']"}
    return [
        f"detect: {key!r} is unknown{registry.nearest(key, known)}"
        if key not in known
        else f"detect: {key}: {misfit(value, known[key])}"
        for key, value in asked.items()
        if key not in known or misfit(value, known[key])
    ]


def find(path: str | Path) -> tuple[list[Path], bool]:
    """The recordings behind a path, in order, and whether it may be several (folder or pattern).

    Raises:
        InputError: nothing is there, or a folder or pattern holds no file.
    """
    text = str(path)
    if Path(text).is_file() or not (Path(text).is_dir() or glob.has_magic(text)):
        return [Path(text)], False
    if Path(text).is_dir():
        found = [p for p in Path(text).iterdir() if p.is_file() and not p.name.startswith(".")]
    else:
        found = [Path(p) for p in glob.iglob(text, recursive=True) if Path(p).is_file()]
    if not found:
        kind = "the folder holds no files" if Path(text).is_dir() else "nothing matches the pattern"
        raise InputError(f"gaze recordings {text}: {kind}; check the column fixations")
    if len(found) > MOST_FILES:
        raise InputError(f"gaze recordings {text}: {len(found)} files; name one video's only")
    return sorted(found, key=lambda p: (p.name, str(p))), True


def load(path: Path, name: str, options: dict, formats: Formats) -> pd.DataFrame:
    """The recording in one file as its format's reader returns it, checked.

    Raises:
        InputError: no such file, or what the reader refuses or returns is no recording.
    """
    own = formats.choice(name)
    key = json.dumps([str(path), _stamp(path), str(own.path), own.options, options], default=str)
    if key not in _TABLES:
        read = registry.load(ROOM, own.method, formats.rooms)
        _TABLES[key] = _checked(read(str(path), **(own.options | options)), path, name)
    _TABLES.move_to_end(key)
    while len(_TABLES) > KEPT:
        _TABLES.popitem(last=False)
    return _TABLES[key].copy()


def ways_to_name_videos(name: str, formats: Formats) -> str:
    """What a user can do when a file calls its videos otherwise than the sample sheet does."""
    entry = registry.entry(ROOM, formats.choice(name).method, formats.rooms)
    if "video_message" not in entry.options:
        return "name one with video: ..."
    return (
        "say with video_message: which message of a trial names its video (a regular expression, "
        "its first group is the name: 'VIDEO (\\S+)'), or name one with video: ..."
    )


def is_folder(name: str, formats: Formats) -> bool:
    """Whether a folder is one recording in this format, which then says so (``FOLDER = True``)."""
    return bool(_constants(name, formats).get("FOLDER"))


def states_nothing(name: str, formats: Formats) -> bool:
    """Whether files of this format never state any geometry, and it says so (``STATES = []``)."""
    return name in formats.names() and _constants(name, formats).get("STATES") == []


def subjects(paths: list[Path], pattern: str | None, place: str | Path) -> list[str]:
    """A name for the observer of each file.

    It is the first group of a regular expression in the file's path; or what the `*` of the place
    stands for (``gaze/clip7_*.asc``); or the file's name, where folders tell equal ones apart.

    Args:
        paths: the files.
        pattern: the regular expression; None for none.
        place: what was asked for: a file, a folder or a glob pattern.

    Raises:
        InputError: the pattern is none, has no group, or does not fit a file.
    """
    if pattern is not None:
        return [_named(path, _compiled(pattern)) for path in paths]
    names = [_starred(str(path), str(place)) for path in paths]
    if None not in names and len(set(names)) == len(names):
        return names
    names = [Path(path.name.removesuffix(".gz")).stem for path in paths]
    twice = {name for name, count in Counter(names).items() if count > 1}
    return [
        "-".join([*path.parts[-3:-1], path.name]).strip("/") if name in twice else name
        for path, name in zip(paths, names, strict=True)
    ]


def _starred(path: str, place: str) -> str | None:
    """The whole words that the only `*` of a pattern stands for in a path; None without any."""
    start, star, end = re.sub(r"\[(.)\]", r"\1", place).partition("*")
    inside = start[-1:].isalnum() or end[:1].isalnum()
    if not star or inside or glob.has_magic(start + end) or len(path) <= len(start + end):
        return None
    return path[len(start) : len(path) - len(end)].strip("/._- ") or None


def of_video(
    rows: pd.DataFrame, video: str | None, names: tuple[str, ...], path: Path, way_out: str
) -> pd.DataFrame:
    """The rows of one video, where the recording holds several.

    Args:
        rows: table of ``load``.
        video: the name that the config gives; None = none.
        names: what the video is called in the sample sheet and on disk.
        path: the file, for messages.
        way_out: what a user can do, for messages.

    Raises:
        InputError: none or several of the file's videos bear the name.
    """
    if "video" not in rows:
        if video is not None:
            raise InputError(f"video: {video!r} for {path}: the file names no videos; leave it out")
        return rows
    there = list(rows.loc[rows["video"] != "", "video"].unique())
    if video is None and len(there) < 2:
        return rows[rows["video"].isin(there)] if there else rows
    for plain in (str, _plain):
        wanted = {plain(name) for name in ([video] if video is not None else names)}
        fits = [name for name in there if plain(name) in wanted]
        if len(fits) == 1:
            return rows[rows["video"] == fits[0]]
    asked = repr(video) if video is not None else (" or ".join(map(repr, names)) or "none named")
    listed = ", ".join(map(repr, there[:10])) + (", ..." if len(there) > 10 else "")
    raise InputError(
        f"gaze recording {path}: holds the videos {listed}, of which {asked} is "
        f"{'not one' if not fits else 'more than one'}; {way_out}"
    )


def _plain(name: str) -> str:
    """A video's name without folders and ending, in small letters."""
    return re.sub(r"\.[A-Za-z0-9]{1,5}$", "", re.split(r"[/\\]", name)[-1]).casefold()


def _named(path: Path, pattern: re.Pattern[str]) -> str:
    match = pattern.search(path.as_posix())
    if match is None or match[1] is None:
        raise InputError(
            f"subject: {pattern.pattern!r} does not fit {path}; its first group is the observer"
        )
    return match[1]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        made = re.compile(pattern)
    except re.error as error:
        raise InputError(f"subject: {pattern!r} is no regular expression ({error})") from error
    if not made.groups:
        raise InputError(f"subject: {pattern!r} has no group; put brackets around the observer")
    return made


def _checked(table: pd.DataFrame, path: Path, name: str) -> pd.DataFrame:
    """The reader's table, if it is what the room's contract says."""
    clock = "frame" if "frame" in table else "time"
    if missing := {clock, "x", "y", "event"} - set(table):
        raise InputError(
            f"format {name} for {path}: its reader gives no column {', '.join(sorted(missing))}"
        )
    good = (table[[clock, "x", "y"]].astype(np.float64).abs() < ABSURD).all(axis=1)
    if not good.all():
        dropped = Counter(table.attrs.get("dropped", {})) + Counter(not_a_number=int((~good).sum()))
        table = table[good].copy()
        table.attrs["dropped"] = dict(dropped)
    return table


def _stamp(path: Path) -> list:
    """What changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns] if path.is_file() else [path.stat().st_mtime_ns]


def _constants(name: str, formats: Formats) -> dict[str, object]:
    """What the file of a format states in capital letters."""
    return registry.entry(ROOM, formats.choice(name).method, formats.rooms).constants


def _nearest(name: object, known: Iterable[str]) -> str:
    return registry.nearest(str(name), known)
