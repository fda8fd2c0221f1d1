"""Who passes when, where and how: all that is drawn before a pixel is made.

Random numbers are keyed by seed, split, subject and recording, never by the class, so the two
recordings of a subject differ in gait alone: same body, clothes, place, light, noise, ways, gaps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vidsal.datasets import _gaits
from vidsal.errors import InputError

WIDTH, HEIGHT, FPS = 160, 120, 25
SPLITS = ("train", "val", "test")
NAME = re.compile(r"(?P<split>train|val|test)(?P<index>\d+)_(?P<label>[a-z]+)_d(?P<number>\d+)")

# A level camera: the ground line of someone k times as tall in the picture lies k times as far
# below the horizon, so that coming closer moves people down as it makes them larger.
HORIZON, FLOOR = 42.0, 106.0
REACH = 0.42  # body heights from the hip to the farthest finger or toe, with a margin
PLACE = 12.0  # pixels that the middle of a row's way lies off the picture's middle, at most
PACE = 0.08  # part by which speed and cadence differ from the gait's own, at most
SCALE_FRAMES = 32
SEARCH = 250  # frames before and after a row in which a body can still be in the picture


class Options(NamedTuple):
    """The options of `synthetic` that pixels or gaze depend on."""

    passes: int
    frames: int
    gap: int
    scale_change: float
    noise: float
    observers: int
    speed: str
    cue: str | None
    event: int | None
    seed: int


@dataclass(frozen=True)
class Pass:
    """One way through the picture; `start` and `end` bound the row, `enter` and `leave` the body.

    Attributes:
        direction: 1 goes right, -1 left.
        size: height of the body in the middle of the row, pixels.
        floor: ground line under the body in the middle of the row, pixels.
        place: pixels right of the picture's middle, in the middle of the row.
        recede: growth of the distance over 32 frames, as a part of it; negative comes closer.
        phase: cycles since the right foot touched down, in the middle of the row.
        pace: speed and cadence against the gait's own.
        vigour: swing of the limbs against the gait's own.
        event: first frame of the class event, counted from `start` (see `Options.event`).
    """

    start: int
    end: int
    enter: int
    leave: int
    direction: int
    size: float
    floor: float
    place: float
    recede: float
    phase: float
    pace: float
    vigour: float
    event: int


@dataclass(frozen=True)
class Recording:
    """One video file: who, which class, and its passes."""

    split: str
    index: int
    label: str
    number: int
    passes: tuple[Pass, ...]
    length: int

    @property
    def subject(self) -> str:
        """The person's name, such as test03."""
        return f"{self.split}{self.index:02d}"

    @property
    def name(self) -> str:
        """The file's stem, such as test03_walking_d1."""
        return f"{self.subject}_{self.label}_d{self.number}"


class Track(NamedTuple):
    """Where a body is: (T,) arrays of pixels (x right, y down), phase in cycles, gait weight."""

    x: np.ndarray
    ground: np.ndarray
    size: np.ndarray
    phase: np.ndarray
    running: np.ndarray


def generator(options: Options, recording: Recording, purpose: str) -> np.random.Generator:
    """Return the random numbers of one purpose of a recording, the same for both classes."""
    return _generator(options, recording.split, recording.index, recording.number, purpose)


def subject_generator(options: Options, recording: Recording, purpose: str) -> np.random.Generator:
    """Return the random numbers of one purpose of a person, the same in all recordings."""
    return _generator(options, recording.split, recording.index, 0, purpose)


def parse(name: str, options: Options) -> Recording:
    """Return the plan of the recording with this file stem.

    Raises:
        InputError: the name is none of ours.
    """
    found = NAME.fullmatch(name)
    if not found or found["label"] not in _gaits.LABELS:
        raise InputError(f"recording {name!r}: not of this dataset; e.g. test03_walking_d1")
    label, split = found["label"], found["split"]
    return plan(options, split, int(found["index"]), label, int(found["number"]))


def plan(options: Options, split: str, index: int, label: str, number: int) -> Recording:
    """Return the plan of one recording (index and number count from 1)."""
    rng = _generator(options, split, index, 0, "subject")
    stature = rng.uniform(60, 74)
    rng = _generator(options, split, index, number, "passes")
    count = options.passes
    distance = rng.uniform(0.92, 1.05, count)
    turn = rng.integers(2)
    draws = {
        "direction": np.where((np.arange(count) + turn) % 2, 1, -1),
        "size": stature * distance,
        "floor": HORIZON + (FLOOR - HORIZON) * distance,
        "place": rng.uniform(-PLACE, PLACE, count),
        "recede": rng.uniform(-1, 1, count) * options.scale_change,
        "phase": rng.uniform(0, 1, count),
        "pace": rng.uniform(1 - PACE, 1 + PACE, count),
        "vigour": rng.uniform(0.93, 1.07, count),
        "event": rng.integers(0, options.frames - (options.event or 0) + 1, count),
    }
    gaps = options.gap + rng.integers(0, options.gap // 2 + 1, count + 1)
    passes, length = _timed(options, label, draws, gaps)
    return Recording(split, index, label, number, passes, length)


def track(options: Options, label: str, one: Pass, frames: np.ndarray) -> Track:
    """Return where the body of a pass is at frames (T,) of the recording, and its gait there.

    Straight on at constant speed before a level camera: size = size0 / (1 + recede * tau / 32),
    x = centre + size * (middle + direction * speed * tau / fps), tau in frames from the middle
    of the row. The phase advances with the cadence of the gait.
    """
    overall = _overall(options, label)
    tau = frames - one.start - (options.frames - 1) / 2
    nearness, way = _course(options, label, vars(one), tau)
    running = np.full(len(tau), overall)
    if options.event is not None:
        running[event_at(options, one, frames)] = _gaits.LABELS.index(label)
    return Track(
        x=(WIDTH - 1) / 2 + one.size * nearness * way,
        ground=HORIZON + (one.floor - HORIZON) * nearness,
        size=one.size * nearness,
        phase=one.phase + one.pace * _gaits.cadence(overall) * tau / FPS,
        running=running,
    )


def event_at(options: Options, one: Pass, frames: np.ndarray) -> np.ndarray:
    """Return bool (T,): at which frames of the recording the gait of the class is shown."""
    if options.event is None:
        return (frames >= one.start) & (frames < one.end)
    first = one.start + one.event
    return (frames >= first) & (frames < first + options.event)


def _generator(
    options: Options, split: str, index: int, number: int, purpose: str
) -> np.random.Generator:
    key = [options.seed, SPLITS.index(split), index, number, *purpose.encode()]
    return np.random.default_rng(key)


def _overall(options: Options, label: str) -> float:
    """Return the gait that sets cadence and what lies outside events: 0 walking, 1 running."""
    return 0.5 if options.event is not None else float(_gaits.LABELS.index(label))


def _course(
    options: Options, label: str, draws: dict, tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return nearness (size over its middle) and way (body heights right of the centre)."""
    gait = 0.5 if options.speed == "equal" else _overall(options, label)
    speed = draws["pace"] * _gaits.speed(gait)
    nearness = 1 / (1 + draws["recede"] * tau / SCALE_FRAMES)
    return nearness, draws["place"] / draws["size"] + draws["direction"] * speed * tau / FPS


def _timed(
    options: Options, label: str, draws: dict, gaps: np.ndarray
) -> tuple[tuple[Pass, ...], int]:
    columns = {name: values[:, None] for name, values in draws.items()}
    offsets = np.arange(-SEARCH, options.frames + SEARCH)
    nearness, way = _course(options, label, columns, offsets - (options.frames - 1) / 2)
    size = columns["size"] * nearness
    inside = (np.abs(size * way) < WIDTH / 2 + REACH * size) & (nearness > 0)
    leads = -offsets[inside.argmax(axis=1)]
    tails = offsets[inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)] + 1
    passes, clock = [], 0
    rows = zip(leads.tolist(), tails.tolist(), gaps.tolist(), strict=False)
    for number, (lead, tail, gap) in enumerate(rows):
        start = clock + gap + lead
        own = {name: values[number].item() for name, values in draws.items()}
        clock = start + tail
        passes.append(Pass(start, start + options.frames, start - lead, clock, **own))
    return tuple(passes), clock + int(gaps[-1])
