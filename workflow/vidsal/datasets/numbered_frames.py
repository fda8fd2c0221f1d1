"""Folders of numbered frames named by class, `<Class>-<id>/000000001.png`, VideoVisual's layout.

The label is what stands before the first `-` (`cloth-take-P12_06_18977`: cloth; with `part: 1`
take). Frames come in the order of their numbers.

    datasets:
      clips: {method: numbered_frames, videos: /data/sampled_frames, fps: 10}

Source: github.com/shinkyo0513/Video-Visual-Explanations, test_data/kinetics/sampled_frames.
"""

from __future__ import annotations

import pandas as pd

from vidsal.datasets import _trees
from vidsal.errors import InputError

SOURCES: list[dict] = []
EXPECTED = "folders such as abseiling-4lFmhj4x43c_66_10, with the frames 000000001.png, ..."


def numbered_frames(
    folder: str, *, videos: str | None = None, split: str = "test", part: int = 0, fps: float = 10.0
) -> pd.DataFrame:
    """Return the sample sheet: one row per folder that holds pictures.

    Args:
        folder: where to look when `videos` is not given.
        videos: folder to look in.
        split: split of all rows.
        part: which of the parts between the `-` of a name is its label, the first is 0.
        fps: frames per second; VideoVisual extracts 10.

    Raises:
        InputError: no such folder, no frames, or a name without such a part.
    """
    base = _trees.require("numbered_frames", videos or folder, f"it shall hold {EXPECTED}")
    found = _trees.frame_folders(base)
    if not found:
        raise InputError(f"dataset numbered_frames: {base}: no frames; expected {EXPECTED}")
    parts = [name.split("-") for name in found]
    short = [name for name, own in zip(found, parts, strict=True) if not 0 <= part < len(own) - 1]
    if short:
        raise InputError(
            f"dataset numbered_frames: {base}: part {part} of {short[0]!r} is no label; folders "
            "are named <Class>-<id>"
        )
    sheet = {"video": _trees.slugs(found), "path": list(found.values()), "split": split}
    return pd.DataFrame(sheet | {"label": [own[part] for own in parts], "fps": fps})
