"""Hollywood-2: film clips cut into shots, fixation maps of 19 people, in DHF1K's publication.

Layout: `training/actionclipautoautotrain00001_1/{images,maps,fixation}` and `testing/...`, pictures
and fixation maps of equal names, `actionclipautoautotrain00001_00001.png`. A row is a shot. Numbers
run on from shot to shot of a clip, so that the second shot may begin with picture 00135, and shots
are down to one frame long; sizes differ. Fixation maps know no observers.

    datasets:
      hollywood2: {shortest: 10}     # STRA-Net's rule: shots of fewer than 10 frames are left out

Sources: README.md of github.com/wenguanwang/DHF1K; unisal/data.py (HollywoodDataset) of
github.com/rdroste/unisal for names, numbering and frame rate.

Reference: Mathe and Sminchisescu, "Actions in the Eye: Dynamic Gaze Datasets and Learnt Saliency
Models for Visual Recognition", IEEE PAMI 37(7), 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vidsal.datasets import _maps, _shots, _trees
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "training",
        "licence": "none stated; cite Mathe and Sminchisescu (2015) and Wang et al. (2018)",
        "form": "open https://drive.google.com/open?id=1vfRKJloNSIczYEOVjB4zMK8r0k4VJuWk, fetch "
        "and unpack it (74.6 GB), and put its folders training and testing here",
    }
]
FPS = 24.0


def hollywood2(folder: str, *, shortest: int = 1) -> pd.DataFrame:
    """Return the sample sheet: one row per shot that is there.

    Args:
        folder: folder that holds `training` and `testing`.
        shortest: shots with fewer frames are left out.

    Raises:
        InputError: no such folder, or no shots in it.
    """
    if shortest < 1:
        raise InputError(f"option shortest of dataset hollywood2: {shortest} is below 1 frame")
    base = _trees.require("hollywood2", folder, "see SOURCES in datasets/hollywood2.py")
    return _shots.table("hollywood2", base, FPS, lambda name: "", shortest)


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the fixation maps of a shot; its first picture is frame 0, whatever its number."""
    return _maps.read(path, Path(path).parent / "images", clip, formats)
