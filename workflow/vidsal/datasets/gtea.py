"""EGTEA Gaze+ (and GTEA Gaze+): cooking sessions filmed from the head, with the cook's own gaze.

Layout: `raw_videos/OP01-R01-PastaSalad.mp4` (also `videos`), or folders of frames `frames/NAME`,
and `gaze_data/NAME.txt`, SMI BeGaze's export: x and y in pixels of the 1280x960 video, the number
of the frame (or its time code at 24 frames per second) and the tracker's event. One observer per
session; the label is the dish, the subject the participant (OP01).

Not covered: the older GTEA Gaze, whose gaze files have another layout, and the trimmed action
clips, which no gaze files belong to.

Sources: static_salgan/GTEA_scripts/gaze_io_sample.py and frame_extraction/GTEA_extraction.py of
github.com/imatge-upc/saliency-2018-videosalgan (a copy of the set's own reader);
data/results.json of github.com/amitsou/EGTEA_Gaze_Plus_Downloader for the links on
cbs.ic.gatech.edu/fpv.

Reference: Li, Liu and Rehg, "In the Eye of Beholder: Joint Learning of Gaze and Actions in First
Person Video", ECCV 2018.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vidsal.datasets import _trees

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "gaze_data.zip",
        "url": "https://www.dropbox.com/s/2aryvztw044w9ih/gaze_data.zip?dl=1",
        "licence": "for research; see cbs.ic.gatech.edu/fpv",
        "unpack": True,
        "to": "gaze_data",
    },
    {
        "name": "raw_videos",
        "licence": "for research; see cbs.ic.gatech.edu/fpv",
        "form": "fetch the list https://www.dropbox.com/s/uwwj6wb1j4rsm02/video_links.txt?dl=1 and "
        "then the videos that it links (28 GB), and put them into the folder raw_videos",
    },
]
FPS = 24.0
SIZE = [1280, 960]  # [width, height] that gaze_io_sample.py takes the gaze to be in
VIDEO_PLACES = ("raw_videos", "Raw_Videos", "videos", "Videos")
GAZE_PLACES = ("gaze_data/gaze_data", "gaze_data", "gaze")
WAY_OUT = "see SOURCES in datasets/gtea.py for what to fetch, and put it there"


def gtea(folder: str) -> pd.DataFrame:
    """Return the sample sheet: one row per session that is there, all of split test.

    Args:
        folder: folder that holds the videos or frames, and `gaze_data`.

    Raises:
        InputError: no such folder, or no videos in it.
    """
    base = _trees.require("gtea", folder, WAY_OUT)
    found = _trees.frame_folders(base / "frames")
    for place in VIDEO_PLACES:
        found |= _trees.videos(base / place)
    gaze = {
        os.path.splitext(file)[0]: os.path.join(base, place, file)
        for place in GAZE_PLACES
        for file in _trees.files(base / place, {".txt"})
    }
    rows = [_row(name, path, gaze.get(name, "")) for name, path in found.items()]
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note("gtea", "sessions without gaze", without)
    sheet = _trees.table("gtea", base, rows, "raw_videos/NAME.mp4 and gaze_data/NAME.txt")
    sheet["video"] = _trees.slugs(sheet["video"])
    return sheet


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the gaze of one session; frames count from 0, as the set's own reader has it."""
    from vidsal import fixations
    from vidsal.recordings.gtea import gtea as reader

    return fixations.read(path, format=reader.__name__, video_size=SIZE, clip=clip, formats=formats)


def _row(name: str, path: str, recording: str) -> dict:
    parts = name.split("-")
    return {
        "video": name,
        "path": path,
        "split": "test",
        "label": parts[-1] if len(parts) == 3 else "",
        "subject": parts[0] if len(parts) == 3 else "",
        "fps": FPS if Path(path).suffix == "" else pd.NA,
        "fixations": recording,
    }
