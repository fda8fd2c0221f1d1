"""What every file of the room gaze returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GazeModel:
    """A predictor of gaze, ready to run.

    Attributes:
        name: name in paths and tables.
        predict: iterator of frames uint8 (t,H,W,3), RGB, to iterator of maps float32 (t,h,w), one
            per frame.
        maps: name of a video and frame numbers int64 (T,) of its clip in the source, to its maps
            float32 (T,h,w); in place of `predict` where maps are there already.
        weights_sha256: checksum of the weights file; "" for a predictor without weights.
    """

    name: str
    predict: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
    weights_sha256: str = ""
    maps: Callable[[str, np.ndarray], np.ndarray] | None = None

    def __call__(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Same as ``predict``."""
        return self.predict(frames)
