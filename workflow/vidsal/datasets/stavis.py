"""DIEM, Coutrot 1 and 2, AVAD, ETMD and SumMe as STAViS publishes them (Tsiami et al. 2020).

One file for six sets, because it is one publication with one layout, one kind of list and one kind
of fixation map; which set is an option:

    datasets:
      diem: {method: stavis, database: diem}
      coutrot1: {method: stavis, database: coutrot1, fold: 2}

Layout, with DB one of DIEM, Coutrot_db1, Coutrot_db2, AVAD, ETMD_av, SumMe (in this folder or in
`data`): `video_frames/DB/NAME/img_00001.jpg`, `annotations/DB/NAME/fixMap_00001.mat` (variable
`eyeMap`), `annotations/DB/NAME/maps/eyeMap_00001.jpg`, and lists of lines `NAME frames fps`,
`fold_lists/DB_list_train_1_fps.txt` and `..._test_1_...` for folds 1, 2 and 3; DIEM has one pair of
lists without a number. Frames behind the number in the list are no part of the set.

Sources: README.md, fetch_data.sh, opts.py and datasets/saliency_db.py of github.com/atsiami/STAViS.
The six sets have their own authors, to be cited; README.md lists them.

Reference: Tsiami, Koutras and Maragos, "STAViS: Spatio-Temporal AudioVisual Saliency Network", CVPR
2020 (arXiv 2001.03063).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from vidsal.datasets import _maps, _trees
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.fixations import Clip, Formats

SOURCES: list[dict] = [
    {
        "name": "fold_lists.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/fold_lists.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
    },
    {
        "name": "video_frames-DIEM.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/video_frames/DIEM.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "video_frames",
        "needs": {"database": ["diem"]},
    },
    {
        "name": "annotations-DIEM.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/annotations/DIEM.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "annotations",
        "needs": {"database": ["diem"]},
    },
    {
        "name": "video_frames-Coutrot_db1.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/video_frames/Coutrot_db1.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "video_frames",
        "needs": {"database": ["coutrot1"]},
    },
    {
        "name": "annotations-Coutrot_db1.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/annotations/Coutrot_db1.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "annotations",
        "needs": {"database": ["coutrot1"]},
    },
    {
        "name": "video_frames-Coutrot_db2.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/video_frames/Coutrot_db2.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "video_frames",
        "needs": {"database": ["coutrot2"]},
    },
    {
        "name": "annotations-Coutrot_db2.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/annotations/Coutrot_db2.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "annotations",
        "needs": {"database": ["coutrot2"]},
    },
    {
        "name": "video_frames-AVAD.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/video_frames/AVAD.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "video_frames",
        "needs": {"database": ["avad"]},
    },
    {
        "name": "annotations-AVAD.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/annotations/AVAD.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "annotations",
        "needs": {"database": ["avad"]},
    },
    {
        "name": "video_frames-ETMD_av.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/video_frames/ETMD_av.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "video_frames",
        "needs": {"database": ["etmd"]},
    },
    {
        "name": "annotations-ETMD_av.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/annotations/ETMD_av.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "annotations",
        "needs": {"database": ["etmd"]},
    },
    {
        "name": "video_frames-SumMe.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/video_frames/SumMe.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "video_frames",
        "needs": {"database": ["summe"]},
    },
    {
        "name": "annotations-SumMe.tar.gz",
        "url": "http://cvsp.cs.ntua.gr/research/stavis/data/annotations/SumMe.tar.gz",
        "licence": "none stated; cite the authors of the set and Tsiami et al. (2020)",
        "unpack": True,
        "to": "annotations",
        "needs": {"database": ["summe"]},
    },
]
DATABASES = {
    "diem": "DIEM",
    "coutrot1": "Coutrot_db1",
    "coutrot2": "Coutrot_db2",
    "avad": "AVAD",
    "etmd": "ETMD_av",
    "summe": "SumMe",
}
FOLDS = (1, 2, 3)
WAY_OUT = "see SOURCES in datasets/stavis.py for what to fetch, and put it there"


def stavis(
    folder: str,
    *,
    database: Literal["diem", "coutrot1", "coutrot2", "avad", "etmd", "summe"] = "diem",
    fold: Literal[1, 2, 3] = 1,
) -> pd.DataFrame:
    """Return the sample sheet: one row per line of the training and the test list.

    Args:
        folder: folder that holds `video_frames`, `annotations` and `fold_lists`.
        database: diem, coutrot1, coutrot2, avad, etmd or summe.
        fold: which of the three splits; DIEM has only the first.

    Raises:
        InputError: no such folder or list, or a line that is not `NAME frames fps`.
    """
    _trees.choose("stavis", "database", database, DATABASES)
    _trees.choose("stavis", "fold", fold, FOLDS[:1] if database == "diem" else FOLDS)
    base = _trees.require("stavis", folder, WAY_OUT)
    base = base if (base / "fold_lists").is_dir() else base / "data"
    rows = []
    for split in ("train", "test"):
        for name, frames, fps in _lines(_list(base, database, split, fold)):
            rows.append(_row(base, DATABASES[database], split, name, frames, fps))
    gone = [row["video"] for row in rows if not os.path.isdir(row["path"])]
    _trees.note(f"stavis ({database})", "in the lists, but without frames", gone)
    without = [row["video"] for row in rows if not row["fixations"]]
    _trees.note(f"stavis ({database})", "videos without fixation maps", without)
    sheet = _trees.table("stavis", base, rows, "video_frames, annotations and fold_lists")
    sheet["video"] = _trees.slugs(sheet["video"])
    return sheet


def read_fixations(
    path: str, *, clip: Clip | None = None, formats: Formats | None = None, **_: object
) -> pd.DataFrame:
    """Read the fixation maps of one video, `fixMap_00001.mat` and so on; 00001 is frame 0."""
    return _maps.read(path, None, clip, formats, pattern="fixMap_*", variable="eyeMap")


def _row(base: Path, database: str, split: str, name: str, frames: int, fps: float) -> dict:
    gaze = os.path.join(base, "annotations", database, name)
    return {
        "video": name,
        "path": os.path.join(base, "video_frames", database, name),
        "split": split,
        "start": 0,
        "end": frames,
        "fps": fps,
        "fixations": gaze if _trees.has(gaze, {".mat"}) else "",
    }


def _list(base: Path, database: str, split: str, fold: int) -> Path:
    number = "" if database == "diem" else f"_{fold}"
    path = base / "fold_lists" / f"{DATABASES[database]}_list_{split}{number}_fps.txt"
    if not path.is_file():
        raise InputError(f"dataset stavis: {path}: no such list; {WAY_OUT}")
    return path


def _lines(path: Path) -> list[tuple[str, int, float]]:
    """Return (name, frames, fps) of the lines of a list."""
    found = []
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    for at, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        try:
            if fields:
                name, frames, fps = fields
                found.append((name, int(frames), float(fps)))
        except ValueError:
            raise InputError(
                f"line {at} of {path}: {line.strip()!r} is not `NAME frames fps`; fetch it again"
            ) from None
    return found
