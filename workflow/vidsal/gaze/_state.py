"""Memories over frames: the exponential moving average, and the convolutional LSTM."""

from __future__ import annotations

import torch
from torch import nn


def moving_average(
    values: torch.Tensor, alpha: torch.Tensor | float, state: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Return the moving averages of a sequence and the last of them, as the next state.

    $$ s_0 = c_0, \qquad s_t = a c_t + (1 - a) s_{t-1} $$

    Args:
        values: c, (N,T,...).
        alpha: a, share of the new value.
        state: s (N,...) before the first of them, None at a start.

    Returns:
        float32 (N,T,...) and (N,...).
    """
    made = []
    for value in values.float().unbind(1):
        state = value if state is None else alpha * value + (1 - alpha) * state
        made.append(state)
    # A copy: the layer that follows may work in place on the averages.
    return torch.stack(made, dim=1), state.clone()


class ConvLstm(nn.Module):
    r"""A convolutional LSTM (Shi et al., NeurIPS 2015, arXiv 1506.04214) without peepholes.

    $$ i, f, o = \sigma(W * [x, h]), \quad g = \tanh(W * [x, h]), \qquad
       c \leftarrow f c + i g, \quad h \leftarrow o \tanh c $$

    It gives the cells c, which the decoders of these networks read, not h.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        """Take the numbers of channels that it reads and keeps."""
        super().__init__()
        self.hidden = hidden
        # Channels of the kernel: input and hidden state; of its result: i, f, o, g.
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, 3, padding=1)
        nn.init.xavier_normal_(self.gates.weight)
        nn.init.zeros_(self.gates.bias)

    def forward(
        self, values: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Return the cells (N,T,hidden,h,w) of values (N,T,inputs,h,w), and the state (h, c)."""
        shape = (len(values), self.hidden, *values.shape[3:])
        hidden, cells = state or (values.new_zeros(shape), values.new_zeros(shape))
        made = []
        for value in values.unbind(1):
            gates = self.gates(torch.cat([value, hidden.to(value)], dim=1))
            hidden, cells = self._step(gates.float(), cells.float())
            made.append(cells)
        return torch.stack(made, dim=1), (hidden, cells)

    @staticmethod
    def _step(gates: torch.Tensor, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        taken, kept, shown, new = gates.chunk(4, dim=1)
        cells = kept.sigmoid() * cells + taken.sigmoid() * new.tanh()
        return shown.sigmoid() * cells.tanh(), cells
