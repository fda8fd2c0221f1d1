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
        weights_sha256: checksum of the weights file; "" for a predictor without weights.
    """

    name: str
    predict: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
    weights_sha256: str = ""

    def __call__(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Same as ``predict``."""
        return self.predict(frames)
