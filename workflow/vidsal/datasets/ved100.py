"""VED100: test sequences of video coding, watched by about 100 people (26 with published gaze).

Layout: gaze in `data/Raw/NAME.txt` and `data/Avg/NAME.txt` (also `Human_fixation_data/...`, or
`Raw/...` itself), lines of frame, x and y; videos in `avi/NAME.avi` (also `videos`), or folders of
frames in `frames/NAME`. The sequences are those of the JCT-VC common test conditions and filled the
screen of 3840x2160 pixels, stretched. `gaze: raw` are the tracker's samples, `gaze: avg` its
smoothed ones; with these the authors did their evaluations.

Sources: README.md and data_process/data_extract/ExtractData.m, Combine.m of
github.com/spzhubuaa/VED100-A-Video-Based-Eye-Tracking-Dataset-on-Visual-Saliency-Detection. That
the video filled the screen was measured: gaze on BasketballPass fits its pictures so, without lag.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from vidsal.datasets import _trees

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "avi",
        "licence": "of the sequences: research and standardisation only",
        "form": "open https://drive.google.com/drive/folders/0B4Gid1KDSHisZVR3dUFvejdKOXc, fetch "
        "the folder avi and put it here",
    },
    {
        "name": "data",
        "licence": "none stated; published for research",
        "form": "git clone https://github.com/spzhubuaa/"
        "VED100-A-Video-Based-Eye-Tracking-Dataset-on-Visual-Saliency-Detection, or fetch its ZIP, "
        "and put its folder data (Human_fixation_data in later states) here",
    },
]
GAZE = {"raw": "Raw", "avg": "Avg"}
GAZE_PLACES = ("data", "Human_fixation_data", ".")
FPS = 50.0
SCREEN = [3840, 2160]
WAY_OUT = "see SOURCES in datasets/ved100.py for what to fetch, and put it there"


def ved100(folder: str, *, gaze: Literal["raw", "avg"] = "raw", fps: float = FPS) -> pd.DataFrame:
    """Return the sample sheet: one row per video that is there, all of split test.

    Args:
        folder: folder that holds the videos and the gaze.
        gaze: raw or avg.
        fps: frames per second of folders of frames; the sequences have 20 to 60, files know theirs.

    Raises:
        InputError: no such folder, or no videos in it.
    """
    _trees.choose("ved100", "gaze", gaze, GAZE)
    base = _trees.require("ved100", folder, WAY_OUT)
    films = _trees.videos(base / "avi") | _trees.videos(base / "videos")
    frames = {n: p for n, p in _trees.frame_folders(base / "frames").items() if n not in films}
    recordings = _recordings(base, gaze)
    rows = [_row(name, path, pd.NA, recordings) for name, path in films.items()]
    rows += [_row(name, path, fps, recordings) for name, path in frames.items()]
    _trees.note("ved100", "gaze without a video", recordings.keys() - films.keys() - frames.keys())
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note("ved100", f"videos without gaze ({gaze})", without)
    return _trees.table("ved100", base, rows, "avi/NAME.avi and data/Raw/NAME.txt")


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the gaze on one video; `clip` says how large that is."""
    from vidsal import fixations
    from vidsal.recordings.ved100 import ved100 as reader

    known = {"format": reader.__name__, "screen": SCREEN, "rect": "screen"}
    return fixations.read(path, clip=clip, formats=formats, **known)


def _row(name: str, path: str, fps: object, recordings: dict[str, str]) -> dict:
    gaze = recordings.get(name, "")
    return {"video": name, "path": path, "split": "test", "fps": fps, "fixations": gaze}


def _recordings(base: Path, gaze: str) -> dict[str, str]:
    """Return name -> recording."""
    for place in GAZE_PLACES:
        inner = base / place / GAZE[gaze]
        if names := _trees.files(inner, {".txt"}):
            return {Path(name).stem: str(inner / name) for name in names}
    return {}
