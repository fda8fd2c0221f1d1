"""Optical flow as the input of a network."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from vidsal.models._model import Preprocessing

# Pixels per frame that become 1; faster movements are cut off there.
FASTEST = 20.0
# Farneback's: scale of the pyramid, levels, window, iterations, neighbourhood, smoothing, flags.
FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)


@dataclass(frozen=True)
class FlowPreprocessing(Preprocessing):
    """The way from frames to flow (2,T,h,w): x and y, -1 to 1 for -20 to 20 px per frame.

    Frame t holds the flow from frame t-1 to frame t at the network's size; frame 0 repeats frame 1.
    Carreira and Zisserman (CVPR 2017) took TV-L1 flow; this is Farneback's (SCIA 2003), which
    OpenCV has without extras. Mean and standard deviation are not used.
    """

    def __call__(self, frames: np.ndarray) -> torch.Tensor:
        """Return the network input (2,T,h,w) float32 of frames uint8 (T,H,W,3) RGB."""
        plain = Preprocessing(self.size, (0, 0, 0), (1, 1, 1), self.mode, resize=self.resize)
        images = (plain(frames) * 255).round().clamp(0, 255).byte().permute(1, 2, 3, 0).numpy()
        grey = [cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY) for image in images]
        flow = np.zeros((len(grey), *self.size, 2), np.float32)
        for frame in range(1, len(grey)):
            flow[frame] = cv2.calcOpticalFlowFarneback(
                grey[frame - 1], grey[frame], None, *FARNEBACK
            )
        flow[:1] = flow[1:2] if len(flow) > 1 else 0
        scaled = np.clip(flow / FASTEST, -1, 1)
        return torch.from_numpy(scaled.transpose(3, 0, 1, 2).copy())

    def black(self) -> torch.Tensor:
        """Return no movement, float32 (2,1,1,1)."""
        return torch.zeros(2, 1, 1, 1)
