"""Clips laid over a video, and their maps put back on the video's own frames.

- `dense`: a network sees `length` frames, `stride` apart; a sample of a clip stands for the
  `stride` consecutive frames from its own number on, so a clip spans length * stride frames.
- `segments`: one clip spans the whole video, cut into `length` equal parts of which each gives one
  frame (Wang et al., "Temporal Segment Networks", ECCV 2016, arXiv 1608.00859); `stride` and `hop`
  are not used. Maps are interpolated linearly between the frames that were seen.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vidsal.errors import InputError

SAMPLINGS = ("dense", "segments")


def layout(
    num_frames: int, length: int, stride: int, hop: int, sampling: str = "dense"
) -> np.ndarray:
    """Return which frames each clip shows, int64 (n_clips, length).

    Dense clips start at 0, hop, 2 hop, ...; a last one is aligned to the end of the video, so that
    every frame is covered. A video shorter than a clip repeats its last frame. Of segments there is
    one clip, the frames in the middle of the parts.

    Raises:
        InputError: a number is below 1, or hop leaves gaps between clips.
    """
    span = length * stride
    for name, value in {
        "frames": num_frames,
        "length": length,
        "stride": stride,
        "hop": hop,
    }.items():
        if value < 1:
            raise InputError(f"clips: {name} is {value}; it must be at least 1")
    if sampling == "segments":
        return segments(num_frames, length)[None]
    if hop > span:
        raise InputError(
            f"clips: hop {hop} is larger than a clip (length {length} x stride {stride} = {span} "
            f"frames), so frames would be left out; set hop to at most {span}"
        )
    last = max(0, num_frames - span)
    starts = np.unique(np.append(np.arange(0, last + 1, hop), last))
    return _from(starts, num_frames, length, stride)


def spread(
    num_frames: int, count: int, length: int, stride: int, sampling: str = "dense"
) -> np.ndarray:
    """Return which frames each of at most `count` clips shows, int64 (n_clips, length), none twice.

    Dense clips lie evenly from the first frame to the last, a single one in the middle. Clips of
    segments all span the video: the j-th takes the frames (j + 1/2) / count into the parts.
    """
    if sampling == "segments":
        inside = (np.arange(count) + 0.5) / count
        return np.unique([segments(num_frames, length, place) for place in inside], axis=0)
    last = max(0, num_frames - length * stride)
    ends = (0, last) if count > 1 else (last // 2, last // 2)
    starts = np.unique(np.linspace(*ends, count).round().astype(np.int64))
    return _from(starts, num_frames, length, stride)


def segments(num_frames: int, length: int, inside: float | np.ndarray = 0.5) -> np.ndarray:
    """Return a frame of each of `length` equal parts of a video, ascending int64 (length,).

    Args:
        num_frames: frames of the video; with fewer than `length` some are shown again.
        length: parts.
        inside: place within the part, from 0 to below 1, the same for all or one for each.
    """
    shown = (np.arange(length) + inside) * num_frames / length
    return np.minimum(shown.astype(np.int64), num_frames - 1)


def assemble(
    maps: Iterable[np.ndarray],
    layout: np.ndarray,
    num_frames: int,
    stride: int,
    sampling: str = "dense",
) -> tuple[np.ndarray, np.ndarray]:
    """Put the maps of all clips back on the video's frames.

    Each map is resampled linearly in time to the samples of its clip. A dense clip's sample is
    given to the frames it stands for; one of segments to its frame, and frames between two are
    interpolated. Where samples or clips overlap, the mean is taken.

    Args:
        maps: float32 (T',h,w), one per clip, in order.
        layout: int64 (n_clips, length), frame numbers from `layout`.
        num_frames: frames of the video, T.
        stride: frames from one sample to the next of a dense clip.
        sampling: "dense" or "segments".

    Returns:
        float32 (T,h,w), 0 where no clip is; int32 (T,), how many clips cover each frame.
    """
    made: np.ndarray | None = None
    coverage = np.zeros(num_frames, np.int32)
    for heatmap, numbers in zip(maps, layout, strict=True):
        if made is None:
            made = np.zeros((num_frames, *heatmap.shape[1:]), np.float32)
        samples = resample(heatmap, len(numbers))
        if sampling == "segments":
            first, stop = 0, num_frames
            shown = _between(samples, numbers, num_frames)
        else:
            first, stop = int(numbers[0]), min(int(numbers[-1]) + stride, num_frames)
            shown = _spread(samples, numbers - first, stop - first, stride)
        coverage[first:stop] += 1
        _average_in(made[first:stop], shown, coverage[first:stop])
    if made is None:
        raise InputError("clips: there is no map to put back; give one for each clip")
    return made, coverage


def resample(heatmap: np.ndarray, length: int) -> np.ndarray:
    """Resample a map linearly in time: float32 (T',h,w) -> (length,h,w).

    Sample i is at (i + 0.5) T' / length - 0.5 of the map's own frames, held at both ends: what
    torch.nn.functional.interpolate calls align_corners=False.
    """
    heatmap = np.asarray(heatmap, np.float32)
    count = len(heatmap)
    if count == length:
        return heatmap
    place = np.clip((np.arange(length) + 0.5) * count / length - 0.5, 0, count - 1)
    return _interpolated(heatmap, place)


def _interpolated(heatmap: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the map at places between its frames: (T,h,w), float64 (n,) -> (n,h,w)."""
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, len(heatmap) - 1)
    weight = (place - before).astype(np.float32)[:, None, None]
    return heatmap[before] + weight * (heatmap[after] - heatmap[before])


def _from(starts: np.ndarray, num_frames: int, length: int, stride: int) -> np.ndarray:
    numbers = starts[:, None] + np.arange(length) * stride
    return np.minimum(numbers, num_frames - 1).astype(np.int64)


def _between(samples: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """Give each sample to its frame, and frames between two a part of both: returns (count,h,w).

    A frame that was shown several times gets the mean; before the first and after the last frame
    their samples are held.
    """
    frames, own = np.unique(numbers, return_inverse=True)
    made = np.zeros((len(frames), *samples.shape[1:]), np.float32)
    seen = np.zeros(len(frames), np.int32)
    for sample, place in zip(samples, own, strict=True):
        seen[place] += 1
        _average_in(made[place : place + 1], sample[None], seen[place : place + 1])
    return _interpolated(made, np.interp(np.arange(count), frames, np.arange(len(frames))))


def _spread(samples: np.ndarray, numbers: np.ndarray, count: int, stride: int) -> np.ndarray:
    """Give each sample to the frames it stands for: (length,h,w) -> (count,h,w)."""
    if len(samples) * stride == count:
        return np.repeat(samples, stride, axis=0)
    # A short video: its last frame was shown several times, or samples reach past its end.
    shown = np.zeros((count, *samples.shape[1:]), np.float32)
    seen = np.zeros(count, np.int32)
    for sample, number in zip(samples, numbers, strict=True):
        stop = min(number + stride, count)
        seen[number:stop] += 1
        _average_in(shown[number:stop], sample, seen[number:stop])
    return shown


def _average_in(mean: np.ndarray, new: np.ndarray, count: np.ndarray) -> None:
    # A running mean in place: equal values stay exactly what they are, and no second array is held.
    mean += (new - mean) / count.astype(np.float32)[:, None, None]
