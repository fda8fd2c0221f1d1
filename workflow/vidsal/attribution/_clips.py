"""Other clips as baselines: the option names a video, an array, or a folder of them."""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidsal.attribution._baseline import KINDS
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel
from vidsal.video._folders import SUFFIXES
from vidsal.video.clips import layout
from vidsal.video.decode import decode

How = tuple[int, int, str]  # length, stride, sampling


def baselines(model: VideoModel, clip: Tensor, kind: str) -> list[Tensor]:
    """Return one baseline of a kind of `_baseline`, or clips of files, each (C,T,H,W).

    Args:
        model: preprocesses frames as it does those of the clip.
        clip: (C,T,H,W), whose shape the baselines have.
        kind: a kind of `_baseline`; or the path of a clip, or of a folder of clips. A clip is a
            video or a folder of pictures, of which the model's first clip is taken (the last frame
            repeated where it is too short), or an .npy file: frames uint8 (T,H,W,3) RGB, or what
            the network sees, float (C,T,H,W).

    Raises:
        InputError: no such kind and no such path, or a clip of another shape.
    """
    if kind in KINDS:
        return [make_baseline(model, clip, kind).expand_as(clip)]
    return [_read(model, clip, path).to(clip) for path in _sources(Path(kind))]


def _sources(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(
            f"baseline '{path}' in the options of a method: unknown, and no such file; take "
            f"{', '.join(KINDS)}, or the path of a clip or of a folder of clips"
        )
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    if any(one.suffix.lower() in SUFFIXES for one in found):
        return [path]
    if not found:
        raise InputError(f"baseline '{path}' in the options of a method: the folder is empty")
    return found


def _read(model: VideoModel, clip: Tensor, path: Path) -> Tensor:
    changed = path.stat().st_mtime_ns
    how = (clip.shape[1], model.stride, model.sampling)
    found = _kept(path, changed, model.preprocess, how)
    if found.shape != clip.shape:
        raise InputError(
            f"baseline '{path}' in the options of a method: a clip {tuple(found.shape)}, where "
            f"{model.name} sees {tuple(clip.shape)} (C,T,H,W); give frames uint8 (T,H,W,3) with as "
            "many frames, or clips of that shape"
        )
    return found


@lru_cache(maxsize=64)
def _kept(path: Path, changed: int, preprocess: Preprocessing, how: How) -> Tensor:
    """Return the clip of a file, read once for all clips that are explained."""
    if path.suffix != ".npy":
        return preprocess(_first_frames(path, *how))
    stored = np.load(path, allow_pickle=False)
    if stored.dtype == np.uint8 and stored.ndim == 4 and stored.shape[-1] == 3:
        return preprocess(stored)
    return torch.from_numpy(stored)


def _first_frames(path: Path, length: int, stride: int, sampling: str) -> np.ndarray:
    span = length * stride
    with closing(decode(path)) as frames:
        found = [frame.rgb for frame in islice(frames, span if sampling == "dense" else None)]
    numbers = layout(len(found), length, stride, span, sampling)[0]
    return np.stack([found[number] for number in numbers])
