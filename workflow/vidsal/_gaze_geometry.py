"""Where the pixels of a gaze recording lie on the video, from what the file and the user state."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError

STATED = (
    *("space", "screen", "screen_cm", "distance_cm", "pixels_per_degree", "rect", "video_size"),
    *("fps", "rate", "eye"),
)
SIZES = {"screen": 2, "screen_cm": 2, "video_size": 2, "rect": 4}
POSITIVE = ("distance_cm", "pixels_per_degree", "fps", "rate")
RECTS = ("screen", "fit", "centre")
SPACES = ("screen", "video")
MOST_LOST = 0.5
LOSSES = {
    "outside_screen": "lie off the screen; is `screen` right?",
    "outside_video": "lie beside the video; are `screen`, `rect` and `video_size` right, and is it "
    "the recording of this video?",
    "frame_outside": "lie before the first or after the last frame; are `time_unit`, `fps`, `lag` "
    "and the start message right, and is it the recording of this video?",
}
"""Reasons that say, above this share of a recording, that it was read wrongly."""


@dataclass(frozen=True)
class Clip:
    """What is known of the video that a recording belongs to, besides the recording.

    Attributes:
        names: what the video is called: its name in the sample sheet, its file.
        size: (width, height) of the source's pixels.
        fps: frames per second.
        num_frames: how many it has; None where it is a part of its source, which may go on.
        times: float64 (T,), seconds of its frames on the source's clock, which is 0 at the source's
            first frame.
        frame_index: int64 (T,), their numbers in the source.
    """

    names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    fps: float | None = None
    num_frames: int | None = None
    times: np.ndarray | None = None
    frame_index: np.ndarray | None = None


@dataclass(frozen=True)
class Geometry:
    """Facts about one recording, who stated each, and where the video lay.

    Attributes:
        facts: of ``STATED``, what is known.
        sources: fact -> config, file, video (the video file itself), default, or "same shape" (the
            video is taken to have filled a screen of its own shape).
        area: [x, y, width, height] of the video in the recording's pixels; None = its own pixels.
        size: (width, height) of the source, in whose pixels the result is; None = not known.
    """

    facts: dict[str, object]
    sources: dict[str, str]
    area: list[float] | None
    size: tuple[float, float] | None

    def source_pixels_per_degree(self) -> float | None:
        """Pixels of the source in one degree of visual angle, at the middle of the screen."""
        angle = pixels_per_degree(self.facts)
        if angle is None or (self.area is not None and self.size is None):
            return None
        scale = 1.0
        if self.area is not None:
            scale = math.sqrt(self.size[0] / self.area[2] * self.size[1] / self.area[3])
        return angle * scale


def settle(given: dict, stated: dict, clip: Clip, path: Path) -> Geometry:
    """Everything that is known; what the user gives goes before what the file states.

    Args:
        given: keywords of ``vidsal.fixations.read``, None where not given.
        stated: the file's own ``attrs["geometry"]``.
        clip: what is known of the video.
        path: the file, for messages.

    Raises:
        InputError: a fact is of the wrong form, contradicts another, or is missing and needed.
    """
    given = {name: given[name] for name in STATED if given.get(name) is not None}
    stated = {name: stated[name] for name in STATED if stated.get(name) is not None}
    facts = stated | given
    if wrong := problems(stated) + problems(given):
        raise InputError(f"geometry of {path}: {'; '.join(wrong)}")
    sources = {name: "config" if name in given else "file" for name in facts}
    # The frame rate of the video itself is surer than what a recording says of it.
    own = {"video_size": clip.size, "fps": None if "fps" in given else clip.fps}
    for name, value in own.items():
        if value is not None and (name == "fps" or name not in facts):
            facts[name] = list(value) if name == "video_size" else float(value)
            sources[name] = "video"
    facts, sources = _space(facts, sources, given)
    size = clip.size or facts.get("video_size")
    return Geometry(facts, sources, _area(facts, sources, clip, path), size and tuple(size))


def problems(facts: dict) -> list[str]:
    """A sentence for every fact that is of the wrong form."""
    return [
        f"{name}: {value} {wrong}" for name, value in facts.items() if (wrong := _odd(name, value))
    ]


def contradictions(facts: dict) -> list[str]:
    """What is wrong with facts of the right form, when nothing else is stated anywhere."""
    screen, size, rect = (facts.get(name) for name in ("screen", "video_size", "rect"))
    if isinstance(rect, str) and not screen:
        return [f"rect: {rect} needs screen: [width, height] too"]
    if screen and size and rect == "centre":
        return _too_large(screen, size)
    on_screen = facts.get("space", "screen") == "screen" and rect is None
    other = on_screen and screen and size and not _same_shape(screen, size)
    return [_unknown_place(screen, size)] if other else []


def lacking_for_degrees(facts: dict) -> list[str]:
    """The facts that are missing to turn pixels of the recording into degrees of visual angle."""
    needed = {"distance_cm", "screen", "screen_cm"}
    return [] if "pixels_per_degree" in facts else sorted(needed - set(facts))


def to_video(rows: pd.DataFrame, geometry: Geometry, dropped: Counter) -> pd.DataFrame:
    """Rows in pixels of the source; rows off the screen or beside the video are left out."""
    screen = geometry.facts.get("screen")
    if screen and geometry.facts["space"] == "screen":
        rows = keep(rows, _within(rows, screen), "outside_screen", dropped)
    if geometry.area is not None:
        left, top, width, height = geometry.area
        x = (rows["x"] + 0.5 - left) * (geometry.size[0] / width) - 0.5
        y = (rows["y"] + 0.5 - top) * (geometry.size[1] / height) - 0.5
        rows = rows.assign(x=x, y=y)
    if geometry.size is not None:
        rows = keep(rows, _within(rows, geometry.size), "outside_video", dropped)
    return rows


def keep(rows: pd.DataFrame, good: pd.Series, reason: str, dropped: Counter) -> pd.DataFrame:
    """The good rows; the others are counted."""
    dropped[reason] += int((~good).sum())
    return rows[good].copy()


def lost(dropped: Counter, count: int, path: Path) -> list[str]:
    """A sentence for the reason for which more than half of a file's rows were left out."""
    return [
        f"gaze recording {path}: {n} of {count} rows ({n / count:.0%}) {LOSSES[reason]}"
        for reason, n in dropped.items()
        if n > MOST_LOST * count
    ]


def pixels_per_degree(facts: dict) -> float | None:
    """Pixels of the recording in one degree of visual angle, at the middle of the screen.

    2 d tan(1/2 deg) centimetres at distance d, times pixels per centimetre (the geometric mean of
    both directions).
    """
    if "pixels_per_degree" in facts:
        return float(facts["pixels_per_degree"])
    if lacking_for_degrees(facts):
        return None
    across, down = (p / cm for p, cm in zip(facts["screen"], facts["screen_cm"], strict=True))
    return 2 * facts["distance_cm"] * math.tan(math.radians(0.5)) * math.sqrt(across * down)


def _odd(name: str, value: object) -> str:
    """What is wrong with the form of one fact; '' for nothing."""
    known = {"rect": RECTS, "space": SPACES}.get(name)
    if known and isinstance(value, str):
        return "" if value in known else f"is unknown; choose from {', '.join(known)}"
    if name in SIZES:
        fine = isinstance(value, list | tuple) and len(value) == SIZES[name]
        fine = fine and all(map(_is_number, value)) and min(value[-2:]) > 0
        return "" if fine else f"needs {SIZES[name]} numbers, sizes positive"
    fine = name not in POSITIVE or (_is_number(value) and value > 0)
    return "" if fine else "must be a number above 0"


def _too_large(screen: Sequence[float], size: Sequence[float]) -> list[str]:
    """What is wrong with a video that was shown pixel for pixel."""
    if size[0] <= screen[0] and size[1] <= screen[1]:
        return []
    return [
        f"rect: centre: a video of {_shape(size)} does not fit pixel for pixel on a screen of "
        f"{_shape(screen)}; give rect: fit, screen, or [x, y, width, height]"
    ]


def _unknown_place(screen: Sequence[float] | None, size: Sequence[float] | None) -> str:
    """The sentence that asks where the video lay."""
    other = ""
    if screen and size and not _same_shape(screen, size):
        other = f", which has another shape ({_shape(screen)}) than the video ({_shape(size)})"
    return (
        "rect is missing: x, y are pixels of the screen, and nothing says where the video lay on it"
        f"{other}; give rect: [x, y, width, height] in these pixels, or rect: screen (stretched "
        "over it), fit (as large as fits) or centre (pixel for pixel), or space: video if they are "
        "pixels of the video"
    )


def _same_shape(screen: Sequence[float], size: Sequence[float]) -> bool:
    """Whether stretching the video over the screen moves no edge by a pixel of the video."""
    return abs(size[0] * screen[1] / screen[0] - size[1]) < 1


def _shape(size: Sequence[float]) -> str:
    return "x".join(f"{side:g}" for side in size)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(value)


def _space(facts: dict, sources: dict, given: dict) -> tuple[dict, dict]:
    """Facts with ``space``: what x, y are pixels of."""
    if "space" in given:
        return facts, sources
    if "screen" in given:
        return facts | {"space": "screen"}, sources | {"space": "config"}
    if "space" in facts:
        return facts, sources
    return facts | {"space": "video"}, sources | {"space": "default"}


def _area(facts: dict, sources: dict, clip: Clip, path: Path) -> list[float] | None:
    """[x, y, width, height] of the video in pixels of the recording."""
    rect = facts.get("rect")
    # A rectangle that the file states is one of its screen; pixels of the video need none.
    if rect is not None and sources["rect"] == "file" and facts["space"] == "video":
        rect = None
    if rect is None and facts["space"] == "screen":
        screen, size = facts.get("screen"), facts.get("video_size")
        # A screen that only the file states says nothing of how the video was shown.
        if sources.get("screen") != "config" or (size and not _same_shape(screen, size)):
            raise InputError(f"gaze recording {path}: {_unknown_place(screen, size)}")
        rect, sources["rect"] = "screen", "same shape"
    if rect is None:
        return _other_size(facts, clip)
    if "video_size" not in facts:
        raise InputError(f"screen or rect for {path}: needs video_size: [width, height] too")
    facts["rect"] = _rectangle(rect, facts, path) if isinstance(rect, str) else list(rect)
    return facts["rect"]


def _other_size(facts: dict, clip: Clip) -> list[float] | None:
    """The whole picture, where the recording's pixels are those of another size of the video."""
    own = facts.get("video_size")
    if own is None or clip.size is None or tuple(own) == tuple(clip.size):
        return None
    return [0, 0, *own]


def _rectangle(word: str, facts: dict, path: Path) -> list[float]:
    """The rectangle that a word stands for."""
    if "screen" not in facts:
        raise InputError(f"rect: {word} for {path}: needs screen: [width, height] too")
    screen, size = facts["screen"], facts["video_size"]
    if word == "screen":
        return [0, 0, *screen]
    if word == "centre" and (wrong := _too_large(screen, size)):
        raise InputError(f"gaze recording {path}: {wrong[0]}")
    scale = min(s / v for s, v in zip(screen, size, strict=True)) if word == "fit" else 1.0
    width, height = (scale * side for side in size)
    return [(screen[0] - width) / 2, (screen[1] - height) / 2, width, height]


def _within(rows: pd.DataFrame, size: Sequence[float]) -> pd.Series:
    """Which rows lie inside a picture of this [width, height]."""
    x = rows["x"].between(-0.5, size[0] - 0.5, inclusive="left")
    return x & rows["y"].between(-0.5, size[1] - 0.5, inclusive="left")
