"""Frame ablation: how far the score falls when a single frame is taken away.

M_t = s(x) - s(x with frame t at the baseline); what Zeiler and Fergus, "Visualizing and
Understanding Convolutional Networks", ECCV 2014 (arXiv 1311.2901), do with patches, done with
frames. Positive = the score needs the frame. T + 1 passes; on networks whose frames are apart until
the head, such as cnn_lstm, two at most, whatever T is.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from vidsal.attribution import _variants
from vidsal.attribution._baseline import baseline as make_baseline
from vidsal.models import VideoModel


def frame_ablation(
    model: VideoModel, clip: Tensor, target: int, *, baseline: str = "mean"
) -> Tensor:
    """Return the heatmap (T,1,1) of a clip (C,T,H,W), negative where a frame's loss helps.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        baseline: what stands in the frame's place: "mean" (the mean colour), "black", "blurred",
            "temporal_mean" or "frozen_frame" (the middle frame).
    """
    nothing = make_baseline(model, clip, baseline).expand_as(clip)
    found = _variants.scores(model, _ablated(clip, nothing), target)
    return (found[0] - found[1:])[:, None, None]


def _ablated(clip: Tensor, nothing: Tensor) -> Iterator[Tensor]:
    """Yield the clip, and the clip without each frame in turn."""
    yield clip
    for number in range(clip.shape[1]):
        variant = clip.clone()
        variant[:, number] = nothing[:, number]
        yield variant
