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


@dataclass(frozen=True)
class Clip:
    """What is known of the video that a recording belongs to, besides the recording.

    Attributes:
        names: what the video is called: its name in the sample sheet, its file.
        size: (width, height) of the source's pixels.
        fps: frames per second.
        times: float64 (T,), seconds of its frames on the source's clock, which is 0 at the source's
            first frame.
        frame_index: int64 (T,), their numbers in the source.
    """

    names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    fps: float | None = None
    times: np.ndarray | None = None
    frame_index: np.ndarray | None = None


@dataclass(frozen=True)
class Geometry:
    """Facts about one recording, who stated each, and where the video lay.

    Attributes:
        facts: of ``STATED``, what is known.
        sources: fact -> config, file, video (the video file itself) or default.
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
    for facts in (given, stated):
        _check(facts, path)
    facts = stated | given
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


def pixels_per_degree(facts: dict) -> float | None:
    """Pixels of the recording in one degree of visual angle, at the middle of the screen.

    2 d tan(1/2 deg) centimetres at distance d, times pixels per centimetre (the geometric mean of
    both directions).
    """
    if "pixels_per_degree" in facts:
        return float(facts["pixels_per_degree"])
    if not {"screen", "screen_cm", "distance_cm"} <= set(facts):
        return None
    across, down = (p / cm for p, cm in zip(facts["screen"], facts["screen_cm"], strict=True))
    return 2 * facts["distance_cm"] * math.tan(math.radians(0.5)) * math.sqrt(across * down)


def _check(facts: dict, path: Path) -> None:
    """Refuse facts of the wrong form."""
    for name, value in facts.items():
        if name == "rect" and isinstance(value, str):
            _choose(name, value, RECTS, path)
        elif name in SIZES:
            _check_size(name, value, path)
        elif name == "space":
            _choose(name, value, SPACES, path)
        elif name in POSITIVE and not (_is_number(value) and value > 0):
            raise InputError(f"{name}: {value!r} for {path}: must be a number above 0")


def _choose(name: str, value: object, known: Sequence[str], path: Path) -> None:
    if value not in known:
        raise InputError(f"{name}: {value!r} for {path}: unknown; choose from {', '.join(known)}")


def _check_size(name: str, value: object, path: Path) -> None:
    length = SIZES[name]
    fine = isinstance(value, list | tuple) and len(value) == length
    if not fine or not all(map(_is_number, value)) or min(value[-2:]) <= 0:
        raise InputError(f"{name}: {value} for {path}: needs {length} numbers, sizes positive")


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
        if sources.get("screen") != "config":
            raise InputError(
                f"rect for {path}: x, y are pixels of the screen, and nothing says where the video "
                "lay on it; give rect: [x, y, width, height] in these pixels, or rect: screen "
                "(stretched over it), fit (as large as fits) or centre (pixel for pixel), or "
                "space: video if they are pixels of the video"
            )
        rect, sources["rect"] = "screen", "default"
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
    scale = min(s / v for s, v in zip(screen, size, strict=True)) if word == "fit" else 1.0
    width, height = (scale * side for side in size)
    return [(screen[0] - width) / 2, (screen[1] - height) / 2, width, height]


def _within(rows: pd.DataFrame, size: Sequence[float]) -> pd.Series:
    """Which rows lie inside a picture of this [width, height]."""
    x = rows["x"].between(-0.5, size[0] - 0.5, inclusive="left")
    return x & rows["y"].between(-0.5, size[1] - 0.5, inclusive="left")
