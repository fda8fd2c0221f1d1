"""Gaze recordings whose names say nothing: what is inside, and what to try; to be checked."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import yaml

from vidsal import _gaze_files, fixations, matching, registry
from vidsal.errors import InputError
from vidsal.matching import HEAD, spelled, stands_alone

SHOWN = 5
MESSAGE = re.compile(r"MSG\s+\d+(?:\.\d+)?\s+(?:-?\d+\s+)?(.*)")
# Words that columns of gaze are named by, and units of time.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
WORDS = {
    "subject": {"subject", "participant", "observer", "person", "user", "sub"},
    "video": {"video", "clip", "stimulus", "movie", "film", "media"},
    "frame": {"frame", "frames"},
    "time": {"time", "timestamp", "timestamps", "onset", "t"},
    "x": {"x"},
    "y": {"y"},
    "duration": {"duration", "dur"},
}
GAZE = {"gaze", "fixation", "fix", "por"}
UNITS = {"ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms", "us": "us", "usec": "us"}
UNITS |= {"microseconds": "us", "s": "s", "sec": "s", "seconds": "s"}


def inside(path: Path, form: str, keywords: dict, called: dict[str, str]) -> tuple[list[str], str]:
    """Return the videos that a recording of several names itself; else why it belongs to none."""
    known = registry.entry(matching.ROOM, form).options
    given = {name: value for name, value in keywords.items() if name in known}
    try:
        table = _gaze_files.load(path, form, given, fixations.Formats())
    except InputError as error:
        return [], f"{error}{hint(path, form, keywords)}"
    if found := matching.videos_in(table, called):
        return found, ""
    trials = matching.names_in(table)
    if not trials:
        return [], "names none of the videos"
    more = f" and {len(trials) - SHOWN} more" if len(trials) > SHOWN else ""
    listed = ", ".join(map(repr, trials[:SHOWN])) + more
    return [], f"holds the gaze on {listed}, none of the videos" + hint(
        path, form, keywords, list(called)
    )


def hint(path: Path, form: str, keywords: dict, videos: Iterable[str] = ()) -> str:
    """Return keywords with which a recording may be readable, as the end of a sentence, or nothing.

    Args:
        path: the recording.
        form: its format.
        keywords: those with which it was not.
        videos: what the videos are called that it may name.
    """
    guess: dict[str, object] = {}
    if form == "table" and "columns" not in keywords:
        guess = columns_of(path)
    if form == "eyelink" and "video_message" not in keywords and videos:
        message = message_of(path, videos)
        guess = {"video_message": message} if message else {}
    if not guess:
        return ""
    whole = ({"format": form} if form != "table" else {}) | keywords | guess
    text = yaml.safe_dump(whole, sort_keys=False, default_flow_style=True, width=10_000).strip()
    if "'" in text:  # which would end the quotes around it
        text = json.dumps(whole).replace("'", r"\u0027")
    return f"; perhaps, to be checked: GAZE='{text}'"


def message_of(path: Path, videos: Iterable[str]) -> str | None:
    """Return a regular expression for the messages of an EyeLink file that name videos, or None.

    Its first group is the video's name: `VIDEO (\\S+)` where a message is `VIDEO walk_1.avi`.
    """
    names = [spelled(name) for name in videos]
    with _open(path) as file:
        for line in file:
            match = MESSAGE.match(line)
            words = match[1].split() if match else []
            for place, word in enumerate(words):
                if place and any(stands_alone(name, spelled(word)) for name in names):
                    before = re.escape(" ".join(words[:place])).replace("\\ ", r"\s+")
                    return re.sub(r"\d+", r"\\d+", before) + r"\s+(\S+)"
    return None


def _open(path: Path) -> IO[str]:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    return opener(path, "rt", encoding="utf-8", errors="replace")


def columns_of(path: Path) -> dict[str, object]:
    """Return keywords for a table whose columns are called otherwise; none where it is not clear.

    They are guessed from the words in the columns' names and thus to be checked: {columns: {time:
    timestamp_ms, x: gaze_x, y: gaze_y}, time_unit: ms}.
    """
    names = _header(path)
    found = {ours: _called(ours, names) for ours in WORDS}
    found = {ours: name for ours, name in found.items() if name is not None}
    if not {"x", "y"} <= set(found) or not {"frame", "time"} & set(found):
        return {}
    if "frame" in found:  # says by itself where gaze belongs, without a unit and a first moment
        found.pop("time", None)
    # A name that is ours already needs no word, but a clock does: it says which one counts.
    told = {o: n for o, n in found.items() if o != n or o in ("frame", "time")}
    unit = next((UNITS[word] for word in _words(found.get("time", "")) if word in UNITS), None)
    if not unit and all(ours == name for ours, name in told.items()):
        return {}
    return {"columns": told} | ({"time_unit": unit} if unit else {})


def _header(path: Path) -> list[str]:
    """Return the names of a table's columns."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        import pyarrow.parquet

        return list(map(str, pyarrow.parquet.read_schema(path).names))
    first = next((line for line in head.decode("utf-8-sig", "replace").splitlines() if line), "")
    mark = next((mark for mark in "\t,;" if mark in first), None)
    return [name.strip().strip('"') for name in first.split(mark)]


def _called(ours: str, names: list[str]) -> str | None:
    """Return the name that means one of our columns: our own, else the plainest one."""
    if ours in names:
        return ours
    fits = [name for name in names if WORDS[ours] & set(_words(name))]
    return min(
        fits, key=lambda name: (not GAZE & set(_words(name)), len(_words(name))), default=None
    )


def _words(name: str) -> list[str]:
    """Return the words of a name: `GazePointX [px]` is gaze, point, x, px."""
    return [word.lower() for word in WORD.findall(name.replace("\u00b5", "u"))]
