"""What every file of the room gaze returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


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
        net: the network, for predictors that can be trained: (clips (N,C,T,H,W), state) to (logits
            (N,T,h,w), state), where clips are consecutive frames and a state of None is a start.
        inputs: frames uint8 (T,H,W,3) and the frame before them, or None, to a clip (C,T,H,W).
        batch: frames that go through the network at once; its `predict` takes it as a keyword.
    """

    name: str
    predict: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
    weights_sha256: str = ""
    net: torch.nn.Module | None = None
    inputs: Callable[[np.ndarray, np.ndarray | None], torch.Tensor] | None = None
    batch: int = 1
    maps: Callable[[str, np.ndarray], np.ndarray] | None = None

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.net.parameters()).device

    def __call__(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Same as ``predict``."""
        return self.predict(frames)
