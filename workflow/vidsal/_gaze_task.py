"""What a predictor of gaze learns: where people looked, frame after frame of whole videos.

An epoch shows every video once, from its first frame to its last, `window` frames a step, and
`batch_size` videos side by side. What the network remembers goes along from step to step, without
its gradient (truncated back-propagation through time). A video is cut, mirrored and recoloured in
the same way from its first frame to its last. Frames at which nobody looked are shown, since what
comes later rests on them, but have no part in the loss.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vidsal import _gaze_loss, _recipe
from vidsal._recipe import Recipe
from vidsal._sampling import ORDER, SAMPLE, Place, generator, opened
from vidsal.densities import density, on_grid
from vidsal.errors import InputError
from vidsal.gaze._model import GazeModel
from vidsal.mapping import scaling
from vidsal.metrics.nss import nss
from vidsal.video.frames import read_frames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watched:
    """A video and the gaze on it.

    Attributes:
        group: its group of frames, or a function that opens it for a while.
        table: frame, x, y in pixels of the source, of every fixation or sample.
        sigma: width of the density's Gaussian, px of the source.
    """

    group: h5py.Group | Callable[[], contextlib.AbstractContextManager[h5py.Group]]
    table: pd.DataFrame
    sigma: float


class Window(NamedTuple):
    """Consecutive frames as the network gets them, and the gaze on them.

    Attributes:
        frames: (C,T,H,W).
        density: float32 (T,h,w), all zero where nobody looked.
        points: int32 (n,3), rows (frame, row, col) of the map.
        place: number of the video, and of the window in it.
        is_last: whether the video ends here.
        name: of the video.
    """

    frames: Tensor
    density: np.ndarray
    points: np.ndarray
    place: Place
    is_last: bool
    name: str


class Split:
    """The videos of one split, cut into windows."""

    def __init__(self, model: GazeModel, videos: Sequence[Watched], recipe: Recipe) -> None:
        """Look into the videos for their lengths, and at which frames anybody looked."""
        self.model, self.videos, self.recipe = model, videos, recipe
        self.size = _map_size(model)
        self.places: list[Place] = []
        self.first: list[int] = []
        self.looked: list[int] = []
        self.empty = self.frames = 0
        for number, video in enumerate(videos):
            with opened(video.group) as group:
                count = len(group["time"])
            frames = video.table["frame"].to_numpy()
            seen = np.isin(np.arange(count), frames)
            self.first.append(len(self.places))
            for clip, start in enumerate(range(0, count, recipe.window)):
                self.places.append(Place(number, clip))
                self.looked.append(int(seen[start : start + recipe.window].sum()))
            self.frames, self.empty = self.frames + count, self.empty + int((~seen).sum())

    def windows(self, video: int) -> int:
        """Return the number of windows of a video."""
        after = self.first[video + 1] if video + 1 < len(self.first) else len(self.places)
        return after - self.first[video]

    def lanes(self, order: Sequence[int]) -> list[list[int]]:
        """Return the windows of each step: videos side by side, each from its start to its end."""
        waiting, running, made = list(order)[::-1], [], []
        while waiting or running:
            while waiting and len(running) < self.recipe.batch_size:
                running.append((waiting.pop(), 0))
            made.append([self.first[video] + clip for video, clip in running])
            running = [(v, clip + 1) for v, clip in running if clip + 1 < self.windows(v)]
        return made

    def window(self, index: int, epoch: int | None) -> Window:
        """Return a window, changed as (seed, epoch, video) say, or as it is without an epoch."""
        place, length = self.places[index], self.recipe.window
        video = self.videos[place.video]
        start = place.clip * length
        with opened(video.group) as group:
            count = len(group["time"])
            # The frame before, for networks that look at motion.
            shown = read_frames(group, max(0, start - 1), min(start + length, count))
            to_canvas, name = group.attrs["transform"], group.name.strip("/")
        matrix = np.eye(3)
        canvas = shown.shape[1:3]
        if epoch is not None:
            rng = generator(self.recipe, epoch, SAMPLE, place.video)
            change = _recipe.drawn(canvas, rng, self.recipe)
            shown = _recipe.changed(shown, change, self.recipe)
            matrix = change.matrix()
        to_map = scaling(shown.shape[1:3], self.size) @ matrix @ to_canvas
        before, frames = (shown[0], shown[1:]) if start else (None, shown)
        clip = self.model.inputs(np.ascontiguousarray(frames), before)
        own = video.table[video.table["frame"].between(start, start + len(frames) - 1)]
        own = own.assign(frame=own["frame"] - start)
        points, _ = on_grid(own, to_map, self.size, len(frames))
        width = video.sigma * np.sqrt(abs(np.linalg.det(to_map[:2, :2])))
        is_last = start + len(frames) == count
        truth = density(points, self.size, len(frames), width)
        return Window(clip, truth, points, place, is_last, name)


class Watching:
    """The task of a predictor of gaze; see `vidsal._class_task.Classifying` for its methods."""

    score = "nss"

    @staticmethod
    def sampling(model: GazeModel, sampling: str | None) -> str:
        """Return how frames are sampled: all of them, whatever classifiers do."""
        return "dense"

    def __init__(
        self,
        model: GazeModel,
        train_clips: Sequence[Watched],
        val_clips: Sequence[Watched],
        recipe: Recipe,
    ) -> None:
        """Take the videos of both splits.

        Raises:
            InputError: nobody looked at any of them, unknown losses, or several processes.
        """
        if recipe.processes > 1:
            raise InputError(
                "train: processes: what a predictor of gaze remembers stays with one process; "
                "set it to 1"
            )
        self.model, self.recipe = model, recipe
        self.losses = _gaze_loss.checked(recipe.losses)
        self.learn = Split(model, train_clips, recipe)
        self.validate = Split(model, val_clips, recipe)
        for name, split in (("learn from", self.learn), ("validate with", self.validate)):
            if split.empty == split.frames:
                raise InputError(
                    f"train of {model.name}: nobody looked at any of the {split.frames} frames to "
                    f"{name}; give recordings of gaze"
                )
            if split.empty:
                log.info(
                    "%d of %d frames to %s have no gaze: shown, but no part of the loss",
                    *(split.empty, split.frames, name),
                )

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the windows of each step of an epoch."""
        order = generator(self.recipe, epoch, ORDER).permutation(len(self.learn.videos))
        return self.learn.lanes(order.tolist())

    def changed(self, index: int, epoch: int) -> Window:
        """Return a window to learn from."""
        return self.learn.window(index, epoch)

    def weight(self, chosen: Sequence[int]) -> float:
        """Return what a step's summed loss is divided by: its frames with gaze."""
        return float(sum(self.learn.looked[index] for index in chosen))

    def loss(
        self,
        made: Sequence[Window],
        carried: dict[int, object],
        precision: Callable[[], contextlib.AbstractContextManager],
    ) -> tuple[Tensor, tuple[float, float, float, int]]:
        """Return the summed loss of windows, and (loss, frames with gaze, sum of NSS, frames).

        Args:
            made: the windows.
            carried: video -> what the network remembers of it; brought up to date.
            precision: the context in which the network computes.
        """
        with precision():
            logits = self._asked(made, carried)
        loss, figures = self._compared(logits, made)
        return loss, figures

    def val_batches(self, rank: int, size: int) -> list[list[int]]:
        """Return the windows of each step of a validation."""
        return self.validate.lanes(range(len(self.validate.videos)))

    def plain(self, index: int) -> Window:
        """Return a window to validate with."""
        return self.validate.window(index, None)

    def judged(self, made: Sequence[Window], carried: dict[int, object]) -> np.ndarray:
        """Return (loss, frames with gaze, sum of NSS, frames) of the network as it is."""
        with _evaluating(self.model.net):
            return np.array(self._compared(self._asked(made, carried), made)[1], dtype=np.float64)

    def about(self) -> dict[str, object]:
        """Return what a user of the weights has to know of the network."""
        return {"categories": [], "options": {}}

    def _asked(self, made: Sequence[Window], carried: dict[int, object]) -> list[Tensor]:
        """Return the logits (T,h,w) of each window, and remember what the next one needs."""
        found: list[Tensor | None] = [None] * len(made)
        starts = [n for n, one in enumerate(made) if one.place.clip == 0]
        others = [n for n, one in enumerate(made) if one.place.clip > 0]
        for own in (starts, others):
            if not own:
                continue
            longest = max(made[n].frames.shape[1] for n in own)
            clips = torch.stack([_filled(made[n].frames, longest) for n in own])
            states = [carried.pop(made[n].place.video) for n in own if own is others]
            logits, state = self.model.net(clips.to(self.model.device), _joined(states))
            for at, n in enumerate(own):
                found[n] = logits[at, : made[n].frames.shape[1]]
                if not made[n].is_last:
                    carried[made[n].place.video] = _taken(state, at)
        return found

    def _compared(
        self, logits: list[Tensor], made: Sequence[Window]
    ) -> tuple[Tensor, tuple[float, float, float, int]]:
        every = torch.cat(logits)
        truth = torch.from_numpy(np.concatenate([one.density for one in made])).to(every.device)
        counts = torch.cat([_counts(one, truth.shape[1:]) for one in made]).to(every.device)
        total = _gaze_loss.per_frame(every, truth, counts, self.losses, self.recipe.pooled).sum()
        looked = int((truth.sum(dim=(1, 2)) > 0).sum())
        scores = np.concatenate(
            [
                nss(one.detach().float().sigmoid().cpu().numpy(), window.points)
                for one, window in zip(logits, made, strict=True)
            ]
        )
        scored = scores[np.isfinite(scores)]
        return total, (total.item(), looked, float(scored.sum()), len(scored))


def _map_size(model: GazeModel) -> tuple[int, int]:
    """Return (h, w) of the network's maps, from a look at a black frame."""
    clip = model.inputs(np.zeros((1, 16, 16, 3), np.uint8), None)
    with _evaluating(model.net):
        return tuple(model.net(clip[None].to(model.device))[0].shape[2:])


@contextlib.contextmanager
def _evaluating(net: torch.nn.Module) -> Iterator[None]:
    """Let a network only answer for a while."""
    modes = [(module, module.training) for module in net.modules()]
    try:
        net.eval()
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _filled(frames: Tensor, length: int) -> Tensor:
    """Return frames (C,T,H,W) with the last one repeated until there are `length`."""
    missing = length - frames.shape[1]
    return torch.cat([frames, frames[:, -1:].expand(-1, missing, -1, -1)], dim=1)


def _counts(window: Window, size: tuple[int, int]) -> Tensor:
    made = np.zeros((len(window.density), *size), np.float32)
    np.add.at(made, tuple(window.points.T), 1)
    return torch.from_numpy(made)


def _joined(states: list) -> object:
    """Return the states of several videos as those of a batch; None for none."""
    if not states or states[0] is None:
        return None
    if isinstance(states[0], Tensor):
        return torch.cat(states)
    return tuple(_joined(list(parts)) for parts in zip(*states, strict=True))


def _taken(state: object, number: int) -> object:
    """Return the state of one video of a batch, as a batch of one, without a gradient."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return state[number : number + 1].detach().clone()
    return tuple(_taken(part, number) for part in state)
