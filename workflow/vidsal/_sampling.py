"""Clips to learn from and to validate with: which frames they show, read ahead by threads.

- `dense`: one clip per video, `length` frames `stride` apart, from a random start; the one in the
  middle to validate with.
- `segments`: one clip per video, cut into `length` equal parts of which each gives one frame, at a
  random place (Wang et al., "Temporal Segment Networks", ECCV 2016, arXiv 1608.00859; TSM too); the
  frame in the middle of each to validate with.
- `sliding`: every clip that the network is tested on (`clips.layout`), each once per epoch, to
  learn from and to validate with.

A network that sees segments learns from segments, and one that sees dense clips from those.

A video shorter than a dense or sliding clip shows its last frame again until the clip is full; one
with fewer frames than segments shows frames of each part more than once, in order.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import h5py
import numpy as np
import torch
from torch import Tensor

from vidsal._recipe import Recipe, augment
from vidsal.errors import InputError
from vidsal.models import VideoModel
from vidsal.video import clips
from vidsal.video.clips import SAMPLINGS
from vidsal.video.frames import read_frames, read_numbered

# A video's frames and its class number; the group itself, or a function that opens it for a while.
Sample = tuple[h5py.Group | Callable[[], contextlib.AbstractContextManager[h5py.Group]], int]
Made = TypeVar("Made")

# Streams of random numbers that never meet.
ORDER, SAMPLE, TORCH = range(3)
# Frames further apart than this, in the mean, are read one by one.
SPARSE = 8
# What each thread has read last.
READ = threading.local()


class Place(NamedTuple):
    """Where a clip comes from: the number of its video, and its own among the video's clips."""

    video: int
    clip: int = 0


class Clip(NamedTuple):
    """What a network is given: its input (3,T,H,W), the class, the name of the video."""

    frames: Tensor
    label: int
    name: str


@dataclass(frozen=True)
class Source:
    """The clips of one split, made on demand.

    Attributes:
        model: says how frames become input, and how long clips are.
        samples: the videos.
        recipe: how clips are sampled and changed.
        places: every clip of an epoch, in the order of the videos.
    """

    model: VideoModel
    samples: Sequence[Sample]
    recipe: Recipe
    places: Sequence[Place]

    def labels(self) -> list[int]:
        """Return the class of every clip."""
        return [self.samples[place.video][1] for place in self.places]

    def changed(self, index: int, epoch: int) -> Clip:
        """Return a clip to learn from, changed as (seed, epoch, clip) say."""
        rng = generator(self.recipe, epoch, SAMPLE, index)
        return self._clip(index, rng, lambda frames: augment(frames, rng, self.recipe))

    def plain(self, index: int) -> Clip:
        """Return a clip to validate with."""
        return self._clip(index, None, lambda frames: frames)

    def _clip(
        self,
        index: int,
        rng: np.random.Generator | None,
        change: Callable[[np.ndarray], np.ndarray],
    ) -> Clip:
        place = self.places[index]
        group, label = self.samples[place.video]
        with opened(group) as own:
            shown = numbers(self.model, self.recipe.sampling, len(own["time"]), place.clip, rng)
            # Every thread has its own array, filled again by the next clip: the network's input is
            # never a view of it, since preprocessing turns bytes into float32.
            READ.frames = frames = read(own, shown, getattr(READ, "frames", None))
            name = own.name.strip("/")
        return Clip(self.model.preprocess(change(frames)), label, name)


def source(model: VideoModel, samples: Sequence[Sample], recipe: Recipe) -> Source:
    """Return the clips of a split; only sliding clips need a look into the videos beforehand."""
    if recipe.sampling != "sliding":
        return Source(model, samples, recipe, [Place(index) for index in range(len(samples))])
    places = [
        Place(video, clip)
        for video, (group, _) in enumerate(samples)
        for clip in range(len(model.layout(_count(group))))
    ]
    return Source(model, samples, recipe, places)


def chosen(model: VideoModel, sampling: str | None) -> str:
    """Return how clips are sampled: as the model sees a video, or the sliding ones of that.

    Raises:
        InputError: the network would be tested on clips unlike those that it learned from.
    """
    if sampling not in (None, "sliding", model.sampling) and sampling in SAMPLINGS:
        raise InputError(
            f"train.sampling: {sampling}, but {model.name} is tested and explained on "
            f"{model.sampling} clips; set sampling: {sampling} in the options of the model too"
        )
    return sampling or model.sampling


def numbers(
    model: VideoModel, sampling: str, count: int, clip: int, rng: np.random.Generator | None
) -> np.ndarray:
    """Return the ascending frame numbers (length,) of a clip of a video of `count` frames."""
    if sampling == "sliding":
        return model.layout(count)[clip]
    if sampling == "segments":
        inside = 0.5 if rng is None else rng.random(model.length)
        return clips.segments(count, model.length, inside)
    span = model.length * model.stride
    spare = max(0, count - span)
    start = spare // 2 if rng is None else int(rng.integers(spare + 1))
    # The layout of a video that is one clip long.
    return start + clips.layout(min(span, count), model.length, model.stride, span)[0]


def read(group: h5py.Group, shown: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return frames of ascending numbers (T,), uint8 (T,H,W,3), without all that lies between.

    `out` may be filled anew, as in `read_numbered`.
    """
    if shown[-1] - shown[0] < SPARSE * len(shown):
        return read_numbered(group, shown, out)
    return np.concatenate([read_frames(group, one, one + 1) for one in shown.tolist()])


def generator(recipe: Recipe, *key: int) -> np.random.Generator:
    """Return random numbers that belong to a key, whatever was drawn before."""
    return np.random.default_rng([recipe.seed, *key])


def batches(order: list[int], size: int) -> list[list[int]]:
    """Return the clips of an epoch's steps; the last step takes what is left."""
    made = [order[start : start + size] for start in range(0, len(order), size)]
    # A clip left alone joins the others: batch normalisation may have nothing to compare it with.
    if len(made) > 1 and len(made[-1]) == 1 < size:
        made[-2:] = [made[-2] + made[-1]]
    return made


def parts(chosen: list[int], recipe: Recipe) -> list[list[int]]:
    """Return a step's clips in equal parts, as many as `accumulate` and `processes` want."""
    count = recipe.accumulate * recipe.processes
    most = -(-recipe.batch_size // count)
    return [own.tolist() for own in np.array_split(chosen, min(count, -(-len(chosen) // most)))]


class Ahead:
    """Threads that make things ahead of their use; with none of them they are made when asked for.

    Threads, not processes: reading, resizing and filtering leave Python's lock alone, and nothing
    has to be copied between processes, forked or held in shared memory.
    """

    def __init__(self, workers: int) -> None:
        """Start so many threads."""
        self._pool = ThreadPoolExecutor(workers, "clips") if workers else None

    def map(
        self, make: Callable[[int], Made], indices: Iterable[int], ahead: int
    ) -> Iterator[Made]:
        """Yield make(index) of every index in order, up to `ahead` of them made beforehand."""
        if self._pool is None:
            yield from map(make, indices)
            return
        waiting: deque[Future[Made]] = deque()
        try:
            for index in indices:
                waiting.append(self._pool.submit(make, index))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()

    def close(self) -> None:
        """Wait for what is being made and end the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def stacked(made: Sequence[Clip], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return clips as a batch (N,3,T,H,W) and their classes (N,), both on the device."""
    batch = torch.stack([clip.frames for clip in made])
    if device.type == "cuda":
        batch = batch.pin_memory()
    targets = torch.tensor([clip.label for clip in made], device=device)
    return batch.to(device, non_blocking=True), targets


def _count(group: object) -> int:
    with opened(group) as own:
        return len(own["time"])


def opened(group: object) -> contextlib.AbstractContextManager[h5py.Group]:
    """Return a context with a group that is open already, or that a function opens."""
    return group() if callable(group) else contextlib.nullcontext(group)
