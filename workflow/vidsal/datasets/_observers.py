"""SIMULATED observers: gaze that follows a body late, in fixations that hold still.

Nobody was recorded. Each observer has traits of their own and looks by these rules:

- a fixation holds one place for 200 to 500 ms, but for a jitter of a fraction of a pixel; the
  saccade to the next one falls between two frames;
- a fixation that begins at time t aims at the upper body as it was at t - latency (150 to 250 ms,
  the observer's own), led by half the way that the body makes during the fixation, as saccades to
  moving targets are led: on average over a fixation, gaze lags the body by the latency, and it
  never uses what has not been seen for that long;
- aims scatter by the observer's own offset and noise; some fixations are glances about the
  picture's centre (centre bias), and a few leave the picture;
- while nobody is to be seen (again late by the latency), gaze returns to the centre step by step;
- after some fixations a blink takes 120 to 320 ms of samples away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidsal.datasets import _plans

LATENCY = (0.15, 0.25)  # s
FIXATION = (0.20, 0.50)  # s
BLINK = (0.12, 0.32)  # s
CENTRE = np.array([(_plans.WIDTH - 1) / 2, (_plans.HEIGHT - 1) / 2])
GLANCES, LOST, BLINKS = 0.08, 0.01, 0.06  # chances per fixation
VELOCITY_FRAMES = 3  # over which an observer sees how fast a body goes


@dataclass(frozen=True)
class Observer:
    """One simulated person before the screen.

    Attributes:
        latency: s from an event in the picture to the gaze that answers it.
        height: where on the way from hip (0) to head (1) they like to look.
        offset: (2,) pixels that their gaze is off by, as a tracker's calibration is.
        scatter: standard deviation of their aims, pixels.
    """

    latency: float
    height: float
    offset: np.ndarray
    scatter: float


@dataclass(frozen=True)
class Bodies:
    """Where the bodies of a recording are: hip and head (T,2) x, y pixels; seen bool (T,)."""

    hip: np.ndarray
    head: np.ndarray
    seen: np.ndarray


def observer(seed: int, number: int) -> Observer:
    """Return the traits of one observer, the same in every recording."""
    rng = np.random.default_rng([seed, number, *b"observer"])
    return Observer(
        latency=rng.uniform(*LATENCY),
        height=rng.uniform(0.55, 1.0),
        offset=rng.normal(0, 1.5, 2),
        scatter=rng.uniform(2.0, 4.0),
    )


def gaze(who: Observer, bodies: Bodies, rng: np.random.Generator) -> np.ndarray:
    """Return where an observer looks: float64 (T,2) x, y source pixels; NaN where none was caught.

    Args:
        who: the observer.
        bodies: what there is to be seen.
        rng: random numbers of this observer and recording.
    """
    body = bodies.hip + who.height * (bodies.head - bodies.hip)
    where = np.empty((len(body), 2))
    now, place = 0, CENTRE + rng.normal(0, 8, 2)
    while now < len(body):
        held = round(rng.uniform(*FIXATION) * _plans.FPS)
        goal = _lagged(body, bodies.seen, now - who.latency * _plans.FPS, (held - 1) / 2)
        place = _aim(who, rng, goal, place)
        where[now : now + held] = place
        now += held
        if rng.random() < BLINKS:
            closed = round(rng.uniform(*BLINK) * _plans.FPS)
            where[now : now + closed] = np.nan
            now += closed
    return where + rng.normal(0, 0.25, where.shape)


def _lagged(body: np.ndarray, seen: np.ndarray, known: float, ahead: float) -> np.ndarray | None:
    """Return where a body last seen at frame `known` is expected `ahead` frames later, or None."""
    frame = int(known)
    past = max(frame - VELOCITY_FRAMES, 0)
    if known < 1 or not seen[frame] or not seen[past]:
        return None
    velocity = (body[frame] - body[past]) / (frame - past)
    return body[frame] + (known - frame + ahead) * velocity


def _aim(
    who: Observer, rng: np.random.Generator, goal: np.ndarray | None, last: np.ndarray
) -> np.ndarray:
    """Return the place of the next fixation: (2,) x, y."""
    chance = rng.random()
    if chance < LOST:
        return CENTRE + rng.choice([-1, 1], 2) * (CENTRE + rng.uniform(3, 15, 2))
    if chance < LOST + GLANCES:
        return _inside(CENTRE + rng.normal(0, 0.5, 2) * CENTRE)
    if goal is None:
        goal = last + 0.6 * (CENTRE - last) + rng.normal(0, 3, 2)
    return _inside(goal + who.offset + rng.normal(0, who.scatter, 2))


def _inside(place: np.ndarray) -> np.ndarray:
    return np.clip(place, 1, 2 * CENTRE - 1)
