"""SalGAN: VGG-16 and its mirror image, trained on still pictures against a discriminator.

Pan et al., "SalGAN: Visual Saliency Prediction with Generative Adversarial Networks", 2017 (arXiv
1701.01081). Each frame is looked at for itself. The map is the sigmoid of the network, at the size
of its input. Read are checkpoints of the PyTorch ports (names `0.weight` or `salgan.0.weight`), and
those of the Theano original (`gen_modelWeights*.npz`), whose decoder kernels are turned round.
"""

from __future__ import annotations

from vidsal.gaze import _salgan
from vidsal.gaze._finish import finished, start_generator, still_inputs
from vidsal.gaze._model import GazeModel
from vidsal.gaze._salgan import BACKBONE_WEIGHTS  # noqa: F401 - names of weights

WEIGHTS = {
    "gen_model": {
        "form": "ask for gen_model.pt as the README of "
        "github.com/imatge-upc/saliency-2018-videosalgan says",
        "file": "gen_model.pt",
        "licence": "MIT (the project), trained on SALICON",
    },
}


def salgan(
    *,
    width: float = 1.0,
    size: list[int] = [192, 256],  # noqa: B006 - only read
    batch: int = 8,
    precision: str = "fp32",
    weights: str | None = None,
    backbone_weights: str | None = None,
) -> GazeModel:
    """Build the network.

    Args:
        width: times the published number of channels; below 1 for small networks trained here.
        size: [H, W] of its input and of the map, px; multiples of 16.
        batch: frames that go through it at once.
        precision: "fp32", or "bf16" for its convolutions.
        weights: a checkpoint file; random weights when not given.
        backbone_weights: a checkpoint to train from: of SalGAN or SalBCE, or of VGG-16 (Caffe's, in
            torchvision's form) for the encoder alone.
    """
    layers = _salgan.generator(width)
    start_generator(layers, backbone_weights, weights)
    return finished(
        _salgan.Still(layers),
        name="salgan",
        inputs=still_inputs(_salgan.preprocessing(size)),
        weights=weights,
        batch=batch,
        precision=precision,
        width=width,
    )
