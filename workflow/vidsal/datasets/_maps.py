"""Folders of fixation maps, one per frame, read so that map and frame stay together."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vidsal.datasets import _trees
from vidsal.datasets.folder import PICTURES

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

log = logging.getLogger(__name__)
ENDINGS = {".png", ".mat"}


def there(place: str | os.PathLike) -> bool:
    """Say whether a folder holds fixation maps, or holds them in its folder `maps` (as MAT)."""
    return _trees.has(place, ENDINGS) or _trees.has(os.path.join(place, "maps"), {".mat"})


def read(
    path: str | os.PathLike,
    pictures: str | os.PathLike | None,
    clip: Clip | None,
    formats: Formats | None,
    first: int | None = 1,
    **options: object,
) -> pd.DataFrame:
    """Read the fixation maps of a video; see `vidsal.fixations.read` for the table.

    A map belongs to the picture of its number: to the n-th frame when that is the n-th picture of
    the folder, whatever its number is. Maps without a picture are left out (`frame_outside`), and
    unequal counts are noted.

    Args:
        path: folder of the maps; or folder whose folder `maps` holds them, as MAT.
        pictures: folder of the video's frames, None for a video file.
        clip: what is known of the clip.
        formats: formats beside those of vidsal.
        first: number of the first frame's map when there are no pictures with numbers; None =
            the maps count by their order.
        **options: of the format `fixation_maps`.
    """
    from vidsal import fixations
    from vidsal.recordings.fixation_maps import fixation_maps as reader

    place = Path(path) if _trees.has(path, ENDINGS) else Path(path) / "maps"
    numbers = _numbers(pictures) if pictures is not None else []
    table = fixations.read(
        place,
        format=reader.__name__,
        first=min(numbers) if numbers else first,
        clip=clip,
        formats=formats,
        **options,
    )
    return _onto(table, numbers, place) if numbers else table


def _numbers(pictures: str | os.PathLike) -> list[int]:
    """Return the numbers in the names of a folder's pictures, in order; none when one has none."""
    numbers = [_trees.number(name) for name in _trees.files(pictures, PICTURES)]
    return [] if None in numbers else numbers


def _onto(table: pd.DataFrame, numbers: list[int], place: Path) -> pd.DataFrame:
    """Return the table with the place of the picture as frame, instead of its number."""
    maps = len(_trees.files(place, ENDINGS))
    if maps != len(numbers):
        log.warning("gaze recording %s: %d fixation maps of %d pictures", place, maps, len(numbers))
    frames = {number - min(numbers): frame for frame, number in enumerate(numbers)}
    frame = table["frame"].map(frames)
    made = table[frame.notna()].assign(frame=frame.dropna().astype("int64")).reset_index(drop=True)
    made.attrs = dict(table.attrs)
    if frame.isna().any():
        dropped = made.attrs["dropped"]
        outside = dropped.get("frame_outside", 0) + int(frame.isna().sum())
        made.attrs["dropped"] = dropped | {"frame_outside": outside}
    return made
