r"""SalEMA: SalGAN whose inner maps are averaged over time, new frames weighing alpha.

Linardos et al., "Simple vs complex temporal recurrences for video saliency prediction", BMVC 2019
(arXiv 1907.01869). With c_t what layer `at` gives for frame t, before any ReLU behind it:

$$ s_0 = c_0, \qquad s_t = a c_t + (1 - a) s_{t-1} $$

and the layers behind read s_t instead of c_t. What a is, a checkpoint shows: one with a tensor
`alpha` learned it, and a is its sigmoid; one without belongs to a fixed a, which is `alpha` itself
in the first published version and the sigmoid of it in later ones (`alpha_mode`).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from vidsal.errors import InputError
from vidsal.gaze import _salgan
from vidsal.gaze._finish import finished, keys, start_generator, still_inputs
from vidsal.gaze._model import GazeModel
from vidsal.gaze._salgan import BACKBONE_WEIGHTS  # noqa: F401 - names of weights
from vidsal.gaze._state import moving_average
from vidsal.models._finish import check_choice

WEIGHTS = {
    "salema30": {
        "form": "ask for SalEMA30.pt as github.com/Linardos/SalEMA says in its README",
        "file": "SalEMA30.pt",
        "licence": "none stated, trained on DHF1K",
    },
}

# How a is found, and what `alpha` is where nobody says.
MODES = {"learned": 0.25, "raw": 0.1, "sigmoid": 0.1}
DROPOUTS = ("training", "always", "never")
DROPPED = 0.5
State = tuple[torch.Tensor, tuple[torch.Tensor, ...]]


class SalEma(nn.Module):
    """Layers of the generator with averages over time between them."""

    def __init__(
        self,
        layers: nn.Sequential,
        at: list[int],
        mode: str,
        alpha: float,
        residual: bool,
        dropout: str,
    ) -> None:
        """Take what `sal_ema` documents."""
        super().__init__()
        self.salgan = layers
        self.at, self.mode = at, mode
        self.residual, self.dropout = residual, dropout
        self.alpha = nn.Parameter(torch.tensor([alpha])) if mode == "learned" else alpha

    def share(self) -> torch.Tensor | float:
        """Return a, the share of a new frame."""
        if self.mode == "raw":
            return self.alpha
        return torch.as_tensor(self.alpha).sigmoid()

    def forward(
        self, clips: torch.Tensor, state: State | None = None
    ) -> tuple[torch.Tensor, State]:
        """Return logits (N,T,H,W) of clips (N,C,T,H,W), and the state: frames seen, averages."""
        values, begin, kept = clips.transpose(1, 2).flatten(0, 1), 0, []
        start = torch.zeros(len(clips), dtype=torch.int64), (None,) * len(self.at)
        seen, before = state or start
        for place, last in zip(self.at, before, strict=True):
            values = _salgan.through(self.salgan[begin:place], values)
            values, last = self._averaged(values, place, clips, last, seen)
            begin = place + 1
            kept.append(last)
        values = _salgan.through(self.salgan[begin : _salgan.LAST], values)
        if begin > _salgan.LAST:
            values = torch.logit(values, eps=1e-6)
        logits = _salgan.unfolded(values, clips).squeeze(2)
        return logits, (seen + clips.shape[2], tuple(kept))

    def _averaged(
        self,
        values: torch.Tensor,
        place: int,
        clips: torch.Tensor,
        last: torch.Tensor | None,
        seen: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what layer `place` makes of frames (N*T,C,h,w), averaged, and the new state."""
        if self.dropout == "always":
            values = _dropped(values, clips, seen)
        elif self.dropout == "training":
            values = functional.dropout2d(values, DROPPED, self.training)
        # A copy: the layer may work in place.
        shortcut = values.clone() if self.residual else None
        new = _salgan.unfolded(self.salgan[place](values), clips)
        averages, last = moving_average(new, self.share(), last)
        made = averages.flatten(0, 1)
        return (made if shortcut is None else made + shortcut), last


def _dropped(values: torch.Tensor, clips: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return values without half of their channels, others in each frame, by its number."""
    masks = []
    for number in (first + t for first in seen.tolist() for t in range(clips.shape[2])):
        draw = torch.rand(values.shape[1], generator=torch.Generator().manual_seed(number))
        masks.append((draw >= DROPPED).to(values) / (1 - DROPPED))
    return values * torch.stack(masks)[..., None, None]


def sal_ema(
    *,
    at: list[int] = [30],  # noqa: B006 - only read
    alpha: float | None = None,
    alpha_mode: str | None = None,
    residual: bool = False,
    dropout: str = "training",
    width: float = 1.0,
    size: list[int] = [192, 256],  # noqa: B006 - only read
    batch: int = 8,
    precision: str = "fp32",
    weights: str | None = None,
    backbone_weights: str | None = None,
) -> GazeModel:
    """Build the network.

    Args:
        at: numbers of the layers that are averaged, 0 to 61; [30, 54] is the double average of the
            original, which has `alpha: 0.3`.
        alpha: what a is made of; 0.1 when not given, 0.25 where it is learned.
        alpha_mode: "learned" (a = sigmoid(alpha), which training changes), "raw" (a = alpha) or
            "sigmoid" (a = sigmoid(alpha), fixed); when not given, as the checkpoint shows: "raw"
            without a tensor `alpha` in it, "learned" with it or without a checkpoint.
        residual: add what a layer reads to the average of what it gives.
        dropout: half of the channels before the average are left out in "training" alone, "always"
            (as the original does, even when it predicts), or "never".
        width: times the published number of channels; below 1 for small networks trained here.
        size: [H, W] of its input and of the map, px; multiples of 16.
        batch: frames that go through it at once.
        precision: "fp32", or "bf16" for its convolutions.
        weights: a checkpoint file; random weights when not given.
        backbone_weights: a checkpoint of SalGAN, SalBCE or VGG-16 to train from.
    """
    check_choice("sal_ema", "dropout", dropout, DROPOUTS)
    mode = _mode(alpha_mode, alpha, weights)
    value = MODES[mode] if alpha is None else alpha
    if mode == "raw" and not 0 < value <= 1:
        raise InputError(f"sal_ema: alpha {value}: a share of a new frame lies in (0, 1]")
    layers = _salgan.generator(width)
    _check_places(layers, at, residual)
    start_generator(layers, backbone_weights, weights)
    return finished(
        SalEma(layers, list(at), mode, value, residual, dropout),
        name="sal_ema",
        inputs=still_inputs(_salgan.preprocessing(size)),
        weights=weights,
        batch=batch,
        precision=precision,
        width=width,
    )


def _mode(asked: str | None, alpha: float | None, weights: str | None) -> str:
    """Return how a is found: as asked, or as the checkpoint shows."""
    has_alpha = "alpha" in keys(weights)
    mode = asked or ("learned" if has_alpha or not weights else "raw")
    check_choice("sal_ema", "alpha_mode", mode, MODES)
    if has_alpha and (mode != "learned" or alpha is not None):
        given = f"alpha_mode {mode}" if mode != "learned" else f"alpha {alpha}"
        raise InputError(
            f"sal_ema: {given}, but weights {weights} hold the alpha that they learned; leave "
            "alpha and alpha_mode out"
        )
    if weights and mode == "learned" and not has_alpha:
        raise InputError(
            f"sal_ema: alpha_mode learned, but weights {weights} hold no alpha; set alpha_mode to "
            "raw or sigmoid, and alpha to the number that they were trained with"
        )
    return mode


def _check_places(layers: nn.Sequential, at: list[int], residual: bool) -> None:
    """Refuse layers that there are not, and shortcuts between maps of different sizes."""
    if not at or sorted(set(at)) != list(at) or at[0] < 0 or at[-1] > _salgan.LAST:
        raise InputError(
            f"sal_ema: at {list(at)}: give numbers of layers from 0 to {_salgan.LAST}, ascending"
        )
    for place in at if residual else []:
        one = layers[place]
        same = one.in_channels == one.out_channels if isinstance(one, nn.Conv2d) else True
        if not same or isinstance(one, nn.MaxPool2d | nn.Upsample):
            raise InputError(
                f"sal_ema: residual, but layer {place} changes the size of its maps; average "
                "another one, such as 30"
            )
