"""What a network says about a video: clips laid over it, the answers to all views averaged.

A view is what the network sees at once: one crop of one clip. A video with fewer frames than a clip
repeats its last frame until the clip is full (`clips.layout`). Heatmaps are made of single crops of
every clip, whatever is chosen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import h5py
import numpy as np
import torch
from torch import Tensor

from vidsal.asking import ask
from vidsal.errors import InputError
from vidsal.models import VideoModel
from vidsal.video import clips as clips_
from vidsal.video.frames import read_numbered

AVERAGES = ("logits", "probabilities")
CROPS = (1, 3)


@dataclass(frozen=True)
class Views:
    """Which views of a video are asked about, and how the answers become one.

    Attributes:
        clips: "all", one every `hop` frames of the model; or how many, spread evenly from the first
            frame to the last (a single one lies in the middle). Of a model that sees segments "all"
            is one, and several take other frames of each segment.
        crops: 1, the part of the picture that the model takes; 3, besides it the parts of the same
            shape at both ends of the longer side: left and right, or top and bottom.
        average: of the views' "logits" or "probabilities".
    """

    clips: str | int = "all"
    crops: int = 1
    average: str = "logits"

    def __post_init__(self) -> None:
        """Refuse what no option may be."""
        whole = isinstance(self.clips, int) and self.clips >= 1
        if self.clips != "all" and not whole:
            raise InputError(f"clips {self.clips!r} in classify: unusable; give all, or 1 or more")
        for name, known in (("crops", CROPS), ("average", AVERAGES)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} {getattr(self, name)!r} in classify: unknown; "
                    f"take {' or '.join(map(str, known))}"
                )


def classify(
    model: VideoModel, group: h5py.Group, batch_size: int = 8, views: Views | None = None
) -> dict[str, object]:
    """Classify one video by the mean answer to its views.

    The network is asked in evaluation mode and left in the mode it was in.

    Args:
        model: the network and its clip layout.
        group: the video's group of the frames file.
        batch_size: views that go through the network at once; changes nothing but rounding.
        views: which they are, and what is averaged; all clips, one crop, logits when not given.

    Returns:
        `logits` float32 (n,K) of the n views, the crops of a clip next to each other; `starts`
        int64 (clips,) the first frame of each clip, `crops` how many views each has, `padded` how
        many samples of a clip repeat a frame; `video_logits` float32 (K,) as `average`
        says, `predicted` the number of the largest, `probability` its softmax.
    """
    views = views or Views()
    numbers = lay_clips(model, len(group["time"]), views.clips)
    asked = _views(model, group, numbers, views.crops)
    logits = np.concatenate([ask(model, one).cpu().numpy() for one in _batches(asked, batch_size)])
    if np.isnan(logits).any():
        raise InputError(
            f"{model.name}: its answer is no number (NaN); its weights are broken, or its "
            "preprocessing is not what it was trained with"
        )
    mean = averaged(logits, views.average)
    best = int(mean.argmax())
    return {
        "logits": logits,
        "starts": numbers[:, 0],
        "crops": len(logits) // len(numbers),
        "padded": int((np.diff(numbers[-1]) == 0).sum()),
        "video_logits": mean.astype(np.float32),
        "predicted": best,
        "probability": float(softmax(mean)[best]),
    }


def lay_clips(model: VideoModel, num_frames: int, clips: str | int = "all") -> np.ndarray:
    """Return which frames each clip shows, int64 (clips, length), no clip twice."""
    if clips == "all":
        return model.layout(num_frames)
    return clips_.spread(num_frames, clips, model.length, model.stride, model.sampling)


def averaged(logits: np.ndarray, average: str) -> np.ndarray:
    """Return the logits float64 (K,) of a video from those of its views (n,K).

    For "probabilities" they are log(1/n sum_i softmax(z_i)), whose softmax is the mean of the
    views' probabilities.
    """
    logits = logits.astype(np.float64)
    if average == "logits":
        return logits.mean(axis=0)
    return np.logaddexp.reduce(_log_softmax(logits), axis=0) - np.log(len(logits))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits, along the last axis."""
    raised = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def cut(frames: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """Return the two ends of pictures (T,H,W,3) in the shape of a network's input (h, w).

    They are as large as the pictures allow and lie left and right, or top and bottom; none where
    the pictures have that shape already.
    """
    height, width = frames.shape[1:3]
    columns = min(width, max(1, round(height * size[1] / size[0])))
    rows = min(height, max(1, round(width * size[0] / size[1])))
    if columns < width:
        return [frames[:, :, :columns], frames[:, :, width - columns :]]
    if rows < height:
        return [frames[:, :rows], frames[:, height - rows :]]
    return []


def _views(
    model: VideoModel, group: h5py.Group, layout: np.ndarray, crops: int
) -> Iterator[Tensor]:
    """Yield the network's inputs, clip by clip; of three crops the middle one second."""
    if crops > 1 and model.preprocess.mode != "crop":
        raise InputError(
            f"classify.crops {crops} for {model.name}: it takes the whole picture (mode "
            f"{model.preprocess.mode}), of which there is one; set crops: 1 under "
            "classify.per_model, or mode: crop in its options"
        )
    frames = None
    for numbers in layout:
        # The array is filled anew for each clip: inputs are float32, thus never views of it.
        frames = read_numbered(group, numbers, frames)
        ends = cut(frames, model.preprocess.size) if crops > 1 else []
        for part in (ends[0], frames, ends[1]) if ends else (frames,):
            yield model.preprocess(part)


def _batches(views: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    views = iter(views)
    while batch := list(islice(views, size)):
        yield torch.stack(batch)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
