"""Gradient: how strongly the score reacts to a small change of each voxel.

M(t,y,x) = sum_c |ds/dx(c,t,y,x)|, s = logit of the target. Simonyan et al., "Deep Inside
Convolutional Networks: Visualising Image Classification Models and Saliency Maps", 2013 (arXiv
1312.6034), who take the maximum over channels; the sum uses all of them. It says where the score is
sensitive, not what it is made of.
"""

from __future__ import annotations

from torch import Tensor

from vidsal.attribution._pass import capture
from vidsal.models import VideoModel

SHARED_PASS = True


def gradient(model: VideoModel, clip: Tensor, target: int) -> Tensor:
    """Return the heatmap (T,H,W) of a clip (C,T,H,W)."""
    return capture(model, clip, target).gradient.abs().sum(dim=0)
