"""VideoSalGAN: a convolutional LSTM that reads the maps of SalGAN, frame after frame.

The system of 2018 on which SalEMA was built. SalGAN's maps, stretched to 0..1 each and brought to
`short_side` pixels, go through an LSTM of 128 channels, whose cells a 1x1 convolution turns into
the map. Without its memory (`ablated`) a 3x3 convolution takes the LSTM's place.
"""

from __future__ import annotations

import torch
from torch import nn

from vidsal.errors import InputError
from vidsal.gaze import _salgan
from vidsal.gaze._finish import finished, start_generator, still_inputs
from vidsal.gaze._model import GazeModel
from vidsal.gaze._state import ConvLstm

CHANNELS = 128
LAYOUTS = {"videosalgan": [(r"^Gates\.", "memory.gates.")]}


class VideoSalgan(nn.Module):
    """The frozen generator, and what reads its maps."""

    def __init__(
        self, salgan: nn.Module | None, channels: int, short_side: int, ablated: bool
    ) -> None:
        """Take the generator, the channels of the memory, and what `video_salgan` documents."""
        super().__init__()
        # In a list, since its weights come from a file of their own and do not learn.
        self._salgan, self.short_side = [salgan] if salgan else [], short_side
        self.memory = None if ablated else ConvLstm(1, channels)
        self.conv = nn.Conv2d(1, channels, 3, padding=1) if ablated else None
        self.conv1x1 = nn.Conv2d(channels, 1, 1)

    def _apply(self, function: object, *args: object, **options: object) -> VideoSalgan:
        """Move the generator too."""
        for one in self._salgan:
            one._apply(function, *args, **options)
        return super()._apply(function, *args, **options)

    def forward(
        self, clips: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor] | None]:
        """Return logits (N,T,h,w) of clips (N,C,T,H,W), and the state.

        Raises:
            InputError: there is no generator to make maps of frames.
        """
        if not self._salgan:
            raise InputError(
                "video_salgan: reads the maps of SalGAN; name its checkpoint under salgan_weights"
            )
        with torch.no_grad():
            maps = self._salgan[0](clips)[0].float().sigmoid().flatten(0, 1)[:, None]
        size = [round(side * self.short_side / min(maps.shape[2:])) for side in maps.shape[2:]]
        small = nn.functional.interpolate(maps, size, mode="bilinear", antialias=True)
        return self.read(_salgan.unfolded(_stretched(small), clips), state)

    def read(
        self, maps: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor] | None]:
        """Return logits (N,T,h,w) of maps (N,T,1,h,w) in 0..1, and the state."""
        if self.memory is None:
            values = self.conv(maps.flatten(0, 1))
        else:
            cells, state = self.memory(maps, state)
            values = cells.flatten(0, 1)
        return self.conv1x1(values).unflatten(0, maps.shape[:2]).squeeze(2), state


def _stretched(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (n,1,h,w), each from 0 to 1; one of a single value is 0."""
    low, high = maps.amin((1, 2, 3), keepdim=True), maps.amax((1, 2, 3), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, 1)


def video_salgan(
    *,
    salgan_weights: str | None = None,
    ablated: bool = False,
    short_side: int = 64,
    width: float = 1.0,
    size: list[int] = [192, 256],  # noqa: B006 - only read
    batch: int = 8,
    precision: str = "fp32",
    weights: str | None = None,
) -> GazeModel:
    """Build the network.

    Args:
        salgan_weights: a checkpoint of SalGAN or SalBCE, whose maps are read.
        ablated: a convolution in place of the LSTM.
        short_side: rows or columns, whichever are fewer, of the maps that are read and given.
        width: of SalGAN and of the memory, times the published number of channels.
        size: [H, W] of SalGAN's input, px; multiples of 16.
        batch: frames that go through it at once.
        precision: "fp32", or "bf16" for its convolutions.
        weights: a checkpoint file of what reads the maps; random weights when not given.
    """
    still = None
    if salgan_weights:
        layers = _salgan.generator(width)
        start_generator(layers, salgan_weights, None)
        still = _salgan.Still(layers).eval().requires_grad_(False)
    return finished(
        VideoSalgan(still, round(CHANNELS * width), short_side, ablated),
        name="video_salgan",
        inputs=still_inputs(_salgan.preprocessing(size)),
        weights=weights,
        batch=batch,
        precision=precision,
        layouts=LAYOUTS,
        # One channel has nothing beside it.
        order=torch.contiguous_format,
    )
