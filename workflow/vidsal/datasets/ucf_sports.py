"""UCF-Sports: 150 sports videos in 10 classes, with fixation maps, in DHF1K's publication.

Layout: `training/Diving-Side-005/{images,maps,fixation}/Diving-Side_005_001.png` and `testing/...`
(103 and 47 videos); in the names of files the last `-` of the folder's name is `_`. The label is
the name without its number, `Diving-Side`. Fixation maps know no observers.

Sources: README.md of github.com/wenguanwang/DHF1K; unisal/data.py and the registers
train_ucfsports_register.json, test_ucfsports_register.json of github.com/rdroste/unisal for names,
numbers of videos and frame rate.

Reference: Mathe and Sminchisescu, "Actions in the Eye: Dynamic Gaze Datasets and Learnt Saliency
Models for Visual Recognition", IEEE PAMI 37(7), 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vidsal.datasets import _maps, _shots, _trees

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "training",
        "licence": "none stated; cite Mathe and Sminchisescu (2015) and Wang et al. (2018)",
        "form": "open https://drive.google.com/open?id=1sW0tf9RQMO4RR7SyKhU8Kmbm4jwkFGpQ, fetch "
        "the archive of UCF-sports, unpack it, and put its folders training and testing here",
    }
]
FPS = 24.0
PUBLISHED = {"train": 103, "test": 47}


def ucf_sports(folder: str) -> pd.DataFrame:
    """Return the sample sheet: one row per video that is there.

    Args:
        folder: folder that holds `training` and `testing`.

    Raises:
        InputError: no such folder, or no videos in it.
    """
    base = _trees.require("ucf_sports", folder, "see SOURCES in datasets/ucf_sports.py")
    sheet = _shots.table("ucf_sports", base, FPS, lambda name: name.rpartition("-")[0])
    _trees.expect("ucf_sports", sheet, PUBLISHED)
    return sheet


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the fixation maps of a video; its first picture is frame 0."""
    return _maps.read(path, Path(path).parent / "images", clip, formats)
