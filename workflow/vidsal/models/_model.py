"""What a network brings along: its input, its clips, its classes, its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional

from vidsal.errors import InputError
from vidsal.video import clips

MODES = ("squash", "crop")
CHANNELS = ("rgb", "bgr")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True)
class Preprocessing:
    """The way from frames to network input: resize, scale, order of channels, normalise.

    Attributes:
        size: (H, W) that the network receives, px.
        mean: subtracted per channel after scaling, in the network's order of channels.
        std: divides per channel after that, same order.
        mode: "squash" resizes to `size` and ignores the aspect ratio; "crop" resizes until the
            frame covers `size` and cuts the centre.
        channels: order in which the network wants the colours, "rgb" or "bgr".
        scale: factor on the 0..255 values; 1/255 for most networks, 1 for Caffe's.
        resize: "bilinear" with antialiasing (a triangle as wide as two pixels of the result, as
            torchvision and Pillow do), or "area", the mean over each pixel of the result, which is
            sharper (OpenCV's INTER_AREA). Networks notice: take what they were trained with.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    mode: str = "squash"
    channels: str = "rgb"
    scale: float = 1 / 255
    resize: str = "bilinear"

    def __post_init__(self) -> None:
        """Refuse what no option may be."""
        for name, known in (("mode", MODES), ("channels", CHANNELS), ("resize", tuple(_FILTERS))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} {getattr(self, name)!r} in the options of a model: unknown; "
                    f"take {' or '.join(known)}"
                )
        for name, wanted in (("size", 2), ("mean", 3), ("std", 3)):
            values = getattr(self, name)
            if len(values) != wanted or (name != "mean" and min(values) <= 0):
                raise InputError(
                    f"{name} {list(values)} in the options of a model: unusable; "
                    f"give {wanted} numbers{'' if name == 'mean' else ' above 0'}"
                )

    def __call__(self, frames: np.ndarray) -> torch.Tensor:
        """Return the network input (3,T,h,w) float32 of frames uint8 (T,H,W,3) RGB."""
        rows, columns = self._resized(frames.shape[1], frames.shape[2])
        top, left = self._corner(rows, columns)
        images = _FILTERS[self.resize](np.ascontiguousarray(frames), rows, columns)
        images = images[:, :, top : top + self.size[0], left : left + self.size[1]]
        if self.channels == "bgr":
            images = images.flip(1)
        clip = images.transpose(0, 1) * self.scale
        return ((clip - _column(self.mean)) / _column(self.std)).contiguous()

    def matrix(self, height: int, width: int) -> np.ndarray:
        """Return the 3x3 float64 matrix from frame pixels to network pixels, centres at integers.

        Resizing by s maps x to (x + 1/2) s - 1/2; the cut then shifts by whole pixels.
        """
        rows, columns = self._resized(height, width)
        top, left = self._corner(rows, columns)
        sx, sy = columns / width, rows / height
        return np.array(
            [[sx, 0, sx / 2 - 0.5 - left], [0, sy, sy / 2 - 0.5 - top], [0, 0, 1]], dtype=np.float64
        )

    def black(self) -> torch.Tensor:
        """Return what a black pixel is in network space, float32 (3,1,1,1)."""
        return -_column(self.mean) / _column(self.std)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.mode == "squash":
            return self.size
        ratio = max(self.size[0] / height, self.size[1] / width)
        return (
            max(round(height * ratio), self.size[0]),
            max(round(width * ratio), self.size[1]),
        )

    def _corner(self, rows: int, columns: int) -> tuple[int, int]:
        return (rows - self.size[0]) // 2, (columns - self.size[1]) // 2


@dataclass(frozen=True)
class VideoModel:
    """A network with everything that the rest of vidsal asks about it.

    Attributes:
        name: name of the file that built it.
        net: maps clips (N,3,T,H,W) float32 to logits (N,K).
        preprocess: makes a clip (3,T,H,W) of frames.
        categories: names of the K classes, where known.
        cam_layers: module paths in `net` that have feature maps; the first is Grad-CAM's default.
        length: frames that the network receives.
        stride: step between two of them, in frames of the video.
        hop: step between the first frames of two clips, in frames of the video.
        frame_wise: the CAM layers see frames as a batch, (N*T,C,h,w) with T running fastest.
        tokens: of a transformer, (T,H,W) of the patch behind a token of its first layers; tokens
            are listed with T slowest, with or without a class token before them, or have their
            channels last, and later layers may halve their rows and columns.
        sampling: how clips lie over a video, "dense" or "segments"; see `vidsal.video.clips`. It is
            what the network is tested and explained on, and learns from unless told otherwise.
    """

    name: str
    net: torch.nn.Module
    preprocess: Preprocessing
    categories: list[str] | None
    cam_layers: tuple[str, ...]
    length: int
    stride: int
    hop: int
    frame_wise: bool = False
    sampling: str = "dense"
    tokens: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse clips that cannot be laid over a video."""
        for name in ("length", "stride", "hop"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"{name} {getattr(self, name)} in the options of {self.name}: clips need whole "
                    "frames; give 1 or more"
                )
        if self.sampling not in clips.SAMPLINGS:
            raise InputError(
                f"sampling {self.sampling!r} in the options of {self.name}: unknown; "
                f"take {' or '.join(clips.SAMPLINGS)}"
            )

    def layout(self, num_frames: int) -> np.ndarray:
        """Return which frames of a video each clip shows, int64 (n_clips, length)."""
        return clips.layout(num_frames, self.length, self.stride, self.hop, self.sampling)

    @property
    def frame_features(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """What the network sees in single frames, (n,3,H,W) -> (n,D), before any of them meet.

        A network with such a method and `from_frame_features`, (N,T,D) -> logits (N,K), of which
        it is made, is asked about many variants of a clip without looking at a frame twice. None
        for one whose frames meet earlier, in convolutions or shifts over time.
        """
        return getattr(self.net, "frame_features", None)

    @property
    def head(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """What makes logits (N,K) of the features (N,T,D) of a clip's frames, or None likewise."""
        return getattr(self.net, "from_frame_features", None)

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.net.parameters()).device


def _bilinear(frames: np.ndarray, rows: int, columns: int) -> torch.Tensor:
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    return functional.interpolate(
        images, (rows, columns), mode="bilinear", align_corners=False, antialias=True
    )


def _area(frames: np.ndarray, rows: int, columns: int) -> torch.Tensor:
    size, way = (columns, rows), cv2.INTER_AREA
    images = [cv2.resize(frame, size, interpolation=way) for frame in frames.astype(np.float32)]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


_FILTERS = {"bilinear": _bilinear, "area": _area}


def _column(values: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(3, 1, 1, 1)
