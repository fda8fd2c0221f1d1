"""The settings of a training: what they may be, and what they do to the pixels of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np

from vidsal.errors import InputError

CHOICES = {
    "optimizer": ("sgd", "adam", "adamw"),
    "schedule": ("cosine", "step", "constant"),
    "sampling": ("dense", "segments", "sliding"),
    "precision": ("float32", "bfloat16", "float16"),
}
LOWEST = {
    **{"epochs": 1, "batch_size": 1, "accumulate": 1, "processes": 1, "pooled": 1, "window": 1},
    **{"seed": 0, "warmup": 0, "weight_decay": 0},
}
PARTS = ("crop", "jitter", "saturation", "label_smoothing", "momentum")
POSITIVE = ("learning_rate", "head_factor", "clip_norm", "patience")
BALANCED = "balanced"
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Recipe:
    """The settings of `train` on which its result depends, checked."""

    epochs: int
    batch_size: int
    accumulate: int
    processes: int
    sync_norms: bool
    optimizer: str
    learning_rate: float
    head: list[str] | None
    head_factor: float
    weight_decay: float
    momentum: float
    nesterov: bool
    warmup: float
    schedule: str
    milestones: list[float] | None
    clip_norm: float | None
    label_smoothing: float
    class_weights: str | dict | None
    thaw: dict | None
    precision: str
    sampling: str
    flip: bool
    crop: float
    jitter: float
    saturation: float
    patience: int | None
    seed: int
    losses: dict | None = None
    pooled: int = 1
    window: int = 10

    def __post_init__(self) -> None:
        """Refuse values that no training can use, all at once."""
        problems = list(self._wrong_types()) or list(self._wrong_values())
        if problems:
            raise InputError(f"train in the config: {'; '.join(problems)}; correct these")

    def _wrong_types(self) -> Iterator[str]:
        for one in fields(self):
            value, kind = getattr(self, one.name), one.type
            if isinstance(value, str) and "str" not in kind.replace("list[str]", ""):
                yield (
                    f"{one.name} {value!r} is text, not {_wanted(kind)}"
                    f"{' (YAML reads 3e-4 as text; write 0.0003)' if _is_number(kind) else ''}"
                )
            elif value is None and "None" not in kind:
                yield f"{one.name} is empty"
            elif isinstance(value, list | dict) and type(value).__name__ not in kind:
                yield f"{one.name} {value!r} is not {_wanted(kind)}"
            elif "int" in kind and isinstance(value, float):
                yield f"{one.name} {value!r} is no whole number"

    def _wrong_values(self) -> Iterator[str]:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                yield f"{name} {getattr(self, name)!r} is none of {', '.join(known)}"
        for name, low in LOWEST.items():
            if getattr(self, name) < low:
                yield f"{name} {getattr(self, name)} is below {low}"
        for name in PARTS:
            if not 0 <= getattr(self, name) < 1:
                yield f"{name} {getattr(self, name)} is not in [0, 1)"
        for name in POSITIVE:
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                yield f"{name} {getattr(self, name)} is not above 0"
        yield from self._wrong_together()

    def _wrong_together(self) -> Iterator[str]:
        if isinstance(self.class_weights, str) and self.class_weights != BALANCED:
            given = self.class_weights
            yield f"class_weights {given!r} is neither {BALANCED} nor {{class: number}}"
        if self.milestones is not None and self.schedule != "step":
            yield f"milestones are for schedule: step, not {self.schedule}"
        numbers = [one for one in self.milestones or [] if isinstance(one, int | float)]
        unreached = [one for one in numbers if not 0 < one < self.epochs]
        if len(numbers) < len(self.milestones or []):
            yield f"milestones {self.milestones!r} are not all numbers"
        elif unreached:
            yield f"milestones {unreached} are never reached in {self.epochs} epochs"
        if self.accumulate > self.batch_size:
            yield f"accumulate {self.accumulate} is above batch_size {self.batch_size}"


def _wanted(kind: str) -> str:
    return "a number" if _is_number(kind) else kind.removesuffix(" | None")


def _is_number(kind: str) -> bool:
    return kind.startswith(("int", "float"))


def augment(frames: np.ndarray, rng: np.random.Generator, recipe: Recipe) -> np.ndarray:
    """Return a cut, mirrored, recoloured version of a clip, the same for all its frames.

    Args:
        frames: uint8 (T,H,W,3).
        rng: keyed by seed, epoch and sample.
        recipe: which changes, and how far they go.

    Returns:
        uint8 (T,h,w,3), h and w smaller by up to `crop`.
    """
    return changed(frames, drawn(frames.shape[1:3], rng, recipe), recipe)


class Change(NamedTuple):
    """How a clip is changed: the place and size of what is cut out, and all else."""

    top: int
    left: int
    rows: int
    columns: int
    mirrored: bool
    levels: np.ndarray
    colour: float

    def matrix(self) -> np.ndarray:
        """Return the 3x3 matrix from pixels (x, y, 1) of the frame to those of what is cut out."""
        side, start = (-1.0, self.left + self.columns - 1.0) if self.mirrored else (1.0, -self.left)
        return np.array([[side, 0, start], [0, 1.0, -self.top], [0, 0, 1.0]])


def drawn(size: tuple[int, int], rng: np.random.Generator, recipe: Recipe) -> Change:
    """Return a random change of frames of a size (H, W)."""
    height, width = size
    # Drawn in any case, so that switching one change off leaves the others as they are.
    sides, places = rng.random(2), rng.random(2)
    levels, mirror, colour = rng.uniform(-1, 1, 2), rng.random(), rng.uniform(-1, 1)
    rows, columns = np.maximum(1, np.rint((height, width) * (1 - recipe.crop * sides))).astype(int)
    top, left = np.rint(places * (height - rows, width - columns)).astype(int)
    mirrored = bool(recipe.flip and mirror < 0.5)
    return Change(int(top), int(left), int(rows), int(columns), mirrored, levels, colour)


def changed(frames: np.ndarray, change: Change, recipe: Recipe) -> np.ndarray:
    """Return frames uint8 (T,H,W,3) cut, mirrored and recoloured, uint8 (T,h,w,3)."""
    top, left, rows, columns, mirrored, levels, colour = change
    frames = frames[:, top : top + rows, left : left + columns]
    if mirrored:
        frames = frames[:, :, ::-1]
    if recipe.jitter:
        contrast, brightness = 1 + recipe.jitter * levels
        # One table of 256 values is the whole change, whatever the size of the clip.
        table = (np.arange(256) - 127.5) * contrast + 127.5 * brightness
        frames = _looked_up(frames, table.round().clip(0, 255).astype(np.uint8))
    if recipe.saturation:
        frames = _saturated(frames, 1 + recipe.saturation * colour)
    return frames


def _looked_up(frames: np.ndarray, table: np.ndarray) -> np.ndarray:
    # OpenCV's, since NumPy's own takes five times as long and lets no other thread work meanwhile.
    flat = np.ascontiguousarray(frames).reshape(-1, frames.shape[2] * 3)
    return cv2.LUT(flat, table).reshape(frames.shape)


def _saturated(frames: np.ndarray, factor: float) -> np.ndarray:
    """Return each pixel moved away from its own grey (factor above 1) or towards it."""
    matrix = factor * np.eye(3, dtype=np.float32) + (1 - factor) * GREY[None, :]
    flat = np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3)
    return cv2.transform(flat, matrix).reshape(frames.shape)
