"""Linear approximation: what each place of a layer adds to the score, to first order.

M(t,y,x) = sum_c A(c,t,y,x) G(c,t,y,x), A the activation of a layer and G = ds/dA, signed: with all
G held fixed, M is the part of the score that comes through this place. Molchanov et al., "Pruning
Convolutional Neural Networks for Resource Efficient Inference", ICLR 2017 (arXiv 1611.06440), used
the product to prune channels, and Rebuffi et al., "There and Back Again: Revisiting Backpropagation
Saliency Methods", CVPR 2020 (arXiv 2004.02866), as a map. At the clip itself (no layer given) it is
`input_x_gradient`, signed; at a layer it is `hires_cam` without its ReLU, whose default is the last
layer instead.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True


def linear_approximation(
    model: VideoModel, clip: Tensor, target: int, *, layer: str | int | None = None
) -> Tensor:
    """Return the heatmap (T',h,w) of a clip (C,T,H,W), negative where it speaks against the class.

    Args:
        model: the network.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        layer: the clip itself when not given; else a layer with feature maps: its module path, or
            a number in the model's own list (0 the last and coarsest; 1 the one before; ...).
    """
    if layer is None:
        return (clip * capture(model, clip, target).gradient).sum(dim=0)
    layer = pick_layer(model, layer)
    found = capture(model, clip, target, [layer])
    return (found.activations[layer] * found.gradients[layer]).sum(dim=0)
