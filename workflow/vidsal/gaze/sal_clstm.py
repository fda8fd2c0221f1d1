"""SalCLSTM: SalGAN with a convolutional LSTM between its encoder and its decoder.

Linardos et al., "Simple vs complex temporal recurrences for video saliency prediction", BMVC 2019
(arXiv 1907.01869). The LSTM lies before the first decoder layer (`at: 30`), or before the last
convolutions (`at: 56`). As in the original, the decoder reads the LSTM's cells, not its output.
"""

from __future__ import annotations

import torch
from torch import nn

from vidsal.gaze import _salgan
from vidsal.gaze._finish import finished, start_generator, still_inputs
from vidsal.gaze._model import GazeModel
from vidsal.gaze._salgan import BACKBONE_WEIGHTS  # noqa: F401 - names of weights
from vidsal.gaze._state import ConvLstm
from vidsal.models._finish import check_choice

WEIGHTS = {
    "salclstm30": {
        "form": "ask for SalCLSTM30.pt as github.com/Linardos/SalEMA says in its README",
        "file": "SalCLSTM30.pt",
        "licence": "none stated, trained on DHF1K",
    },
}

PLACES = (30, 56)
LAYOUTS = {"salema": [(r"^Gates\.", "memory.gates.")]}


class SalClstm(nn.Module):
    """Layers of the generator, the LSTM, and layers again."""

    def __init__(self, layers: nn.Sequential, at: int, residual: bool) -> None:
        """Take the generator's layers, the number of the first behind the LSTM, the shortcut."""
        super().__init__()
        channels = layers[at].in_channels
        self.memory = ConvLstm(channels, channels)
        self.residual = residual
        # At 56 the published network files the layers behind the LSTM under a name of their own.
        self.salgan = layers if at == _salgan.CENTRE else layers[:at]
        self.final_convs = None if at == _salgan.CENTRE else nn.Sequential(*layers[at:-1])

    def forward(
        self, clips: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Return logits (N,T,H,W) of clips (N,C,T,H,W), and the state."""
        frames = clips.transpose(1, 2).flatten(0, 1)
        whole, middle = self.final_convs is None, _salgan.CENTRE
        seen = _salgan.through(self.salgan[:middle] if whole else self.salgan, frames)
        values, state = self.memory(_salgan.unfolded(seen, clips), state)
        values = values.flatten(0, 1) + seen if self.residual else values.flatten(0, 1)
        logits = _salgan.through(self.salgan[middle:-1] if whole else self.final_convs, values)
        return _salgan.unfolded(logits, clips).squeeze(2), state


def sal_clstm(
    *,
    at: int = 30,
    residual: bool = False,
    width: float = 1.0,
    size: list[int] = [192, 256],  # noqa: B006 - only read
    batch: int = 8,
    precision: str = "fp32",
    weights: str | None = None,
    backbone_weights: str | None = None,
) -> GazeModel:
    """Build the network.

    Args:
        at: 30 or 56, the number of the generator's first layer behind the LSTM.
        residual: add what the LSTM reads to what it gives.
        width: times the published number of channels; below 1 for small networks trained here.
        size: [H, W] of its input and of the map, px; multiples of 16.
        batch: frames that go through it at once.
        precision: "fp32", or "bf16" for its convolutions.
        weights: a checkpoint file; random weights when not given.
        backbone_weights: a checkpoint of SalGAN, SalBCE or VGG-16 to train from.
    """
    check_choice("sal_clstm", "at", at, PLACES)
    layers = _salgan.generator(width)
    start_generator(layers, backbone_weights, weights)
    return finished(
        SalClstm(layers, at, residual),
        name="sal_clstm",
        inputs=still_inputs(_salgan.preprocessing(size)),
        weights=weights,
        batch=batch,
        precision=precision,
        width=width,
        layouts=LAYOUTS,
    )
