"""Folders that hold videos, walked fast: by os.scandir alone, in natural order, no file opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from vidsal.datasets import _trees
from vidsal.datasets.folder import PICTURES, VIDEOS


class Video(NamedTuple):
    """A video file or a folder of frames: its folder's name, its own name, and where it is."""

    label: str
    name: str
    path: str
    is_folder: bool


def videos(base: str | os.PathLike, label: str) -> list[Video]:
    """Return the video files and folders of pictures directly in a folder, in natural order."""
    found = []
    for entry in _entries(base):
        if _is_video(entry):
            found.append(Video(label, entry.name, entry.path, False))
        elif entry.is_dir() and _trees.has(entry.path, PICTURES):
            found.append(Video(label, entry.name, entry.path, True))
    return sorted(found, key=lambda video: (_trees.natural(video.name), video.name))


def by_class(base: str | os.PathLike) -> list[Video]:
    """Return the videos in the folders of a folder, whose names are their labels."""
    return [
        video
        for label in _trees.folders(base)
        for video in videos(os.path.join(base, label), label)
    ]


def named(
    base: str | os.PathLike, videos: re.Pattern, folders: re.Pattern, skip: re.Pattern, depth: int
) -> Iterator[Video]:
    """Yield videos and folders of frames whose names match, down to a depth.

    Args:
        base: where to look.
        videos: of the whole name of a video, without its ending.
        folders: of the whole name of a folder of frames, which is not looked into.
        skip: of the whole name of a folder that is passed by.
        depth: how many folders deep to look, 0 = only this one.
    """
    below = []
    for entry in _entries(base):
        is_video = _is_video(entry)
        stem = os.path.splitext(entry.name)[0] if is_video else entry.name
        if is_video and videos.fullmatch(stem):
            yield Video(os.path.basename(base), stem, entry.path, False)
        elif not is_video and entry.is_dir():
            if folders.fullmatch(stem):
                yield Video(os.path.basename(base), stem, entry.path, True)
            elif not skip.fullmatch(stem):
                below.append(entry.path)
    if depth > 0:
        for folder in sorted(below):
            yield from named(folder, videos, folders, skip, depth - 1)


def _entries(base: str | os.PathLike) -> list[os.DirEntry]:
    try:
        with os.scandir(base) as entries:
            return [entry for entry in entries if entry.name[0] != "."]
    except OSError:
        return []


def _is_video(entry: os.DirEntry) -> bool:
    return os.path.splitext(entry.name)[1].lower() in VIDEOS and not entry.is_dir()
