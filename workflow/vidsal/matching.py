"""Which gaze recording belongs to which video, and in which format it was written."""

from __future__ import annotations

import glob
import itertools
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from vidsal import registry

ROOM = "recordings"
HEAD = 1 << 14
TABLES = {".csv", ".tsv", ".txt", ".parquet"}
NUMBER = re.compile(rb"(?:^|[\s,;])-?\d+(?:\.\d+)?(?=[\s,;]|$)")

WORD_AT_THE_END = re.compile(r"[A-Za-z0-9]+$")


def format_of(path: Path, rooms: str | None = None) -> str | None:
    """Return the format that a file looks like, from its name and its first bytes.

    Each file of the room `recordings` may define `looks_like(path, head) -> bool`; what none of
    them claims is a table if it is called one, else nothing.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    for name in registry.names(ROOM, rooms):
        if "looks_like" not in registry.entry(ROOM, name, rooms).functions:
            continue
        if registry.module(ROOM, name, rooms).looks_like(path, head):
            return name
    return "table" if path.suffix.lower() in TABLES and _is_table(head) else None


def _is_table(head: bytes) -> bool:
    """Say whether bytes are Parquet's, or lines whose second one holds three numbers."""
    if head.startswith(b"PAR1"):
        return True
    lines = [line for line in head.splitlines()[:3] if line.strip()]
    return len(lines) > 1 and len(NUMBER.findall(lines[1])) >= 3


def of_format(paths: Iterable[Path], form: str | None = None) -> dict[Path, str]:
    """Return the recordings among files, each with its format.

    Args:
        paths: the files.
        form: the only format that counts. Where no file looks like it, all are taken to be in it.
    """
    found = {path: format_of(path) for path in paths}
    if form is None:
        return {path: own for path, own in found.items() if own}
    sure = [path for path, own in found.items() if own == form]
    return dict.fromkeys(sure or found, form)


def video_of(path: Path, videos: dict[str, str]) -> str | None:
    """Return the video that a recording's path names: the longest name that stands alone in it.

    Args:
        path: of the recording, relative to the folder.
        videos: what a video may be called (its name, its file's stem) -> its name.
    """
    text = spelled(path.as_posix())
    found = [called for called in videos if stands_alone(spelled(called), text)]
    longest = max((len(called) for called in found), default=0)
    names = {videos[called] for called in found if len(called) == longest}
    return names.pop() if len(names) == 1 else None


def videos_in(table: pd.DataFrame, videos: dict[str, str]) -> list[str]:
    """Return the videos that a recording of several names itself, as `video_of` takes them."""
    there = {_bare(name) for name in names_in(table)}
    return sorted({name for called, name in videos.items() if _bare(called) in there})


def names_in(table: pd.DataFrame) -> list[str]:
    """Return what a recording calls its videos, or its trials."""
    return [name for name in table["video"].unique() if name] if "video" in table else []


def _bare(name: str) -> str:
    """Return a video's name without folders and ending, in small letters."""
    return re.sub(r"\.[a-z0-9]{1,5}$", "", re.split(r"[/\\]", spelled(name))[-1])


def spelled(text: str) -> str:
    """Return a text in small letters, with accents in one of the ways in which they are spelled."""
    return unicodedata.normalize("NFC", text).casefold()


def stands_alone(name: str, text: str) -> bool:
    """Say whether a name is in a text with no letter and no digit beside it."""
    return bool(re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text))


def pattern_of(paths: Iterable[Path]) -> str | None:
    """Return a path, or a pattern with one `*`, that means exactly these files; None for none.

    The `*` stands for whole words, so that it can name the observer.
    """
    texts = sorted(str(path) for path in paths)
    if len(texts) == 1:
        return texts[0]
    start = WORD_AT_THE_END.sub("", _shared_start(texts))
    rest = [text[len(start) :][::-1] for text in texts]
    end = WORD_AT_THE_END.sub("", _shared_start(rest))[::-1]
    pattern = f"{glob.escape(start)}*{glob.escape(end)}"
    return pattern if sorted(glob.glob(pattern)) == texts else None


def _shared_start(texts: list[str]) -> str:
    """Return the characters with which all texts begin."""
    first, last = min(texts), max(texts)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same)
