"""Feature saliency: how much each frame's features move the score of a frame-wise network.

S[t,d] = |ds/df_{t,d}|, f_t the D numbers that the network's head reads of frame t (the LSTM's
input in a CNN-LSTM), s the target's logit or probability; M_t = sum_d S[t,d]. One backward pass
through the head alone. `features_by_time` gives S itself, the map of features over time of the KTH
sequential-saliency project.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vidsal.attribution import _pass
from vidsal.attribution._contrast import refuse_contrast
from vidsal.attribution._state import backward_through_rnn, untouched
from vidsal.errors import InputError
from vidsal.models import VideoModel

SCORES = ("logit", "probability")


def feature_saliency(
    model: VideoModel, clip: Tensor, target: int, *, score: str = "logit"
) -> Tensor:
    """Return the heatmap (T,1,1) of a clip (C,T,H,W).

    Args:
        model: a network that sees frames one by one.
        clip: (C,T,H,W), preprocessed.
        target: class to explain.
        score: "logit" or "probability" (softmax) of the target.
    """
    return features_by_time(model, clip, target, score=score).sum(dim=1)[:, None, None]


def features_by_time(
    model: VideoModel, clip: Tensor, target: int, *, score: str = "logit"
) -> Tensor:
    """Return |ds/df| (T,D) of a clip (C,T,H,W).

    Raises:
        InputError: the network does not see frames one by one, or there is no such score.
    """
    if score not in SCORES:
        raise InputError(
            f"score {score!r} in the options of feature_saliency: take {' or '.join(SCORES)}"
        )
    if model.frame_features is None:
        raise InputError(
            f"feature_saliency cannot explain {model.name}: it has no features of single frames; "
            "take a frame-wise network such as cnn_lstm, or gradient"
        )
    if score == "probability":
        refuse_contrast(model, "feature_saliency", "it has no probability", "score: logit")
    net = model.net
    with untouched(net), backward_through_rnn(net):
        with torch.no_grad():
            features = model.frame_features(clip.transpose(0, 1))[None]
        with torch.enable_grad():
            features.requires_grad_()
            logits = model.head(features)
            _pass.check_target(logits, target)
            scores = logits if score == "logit" else logits.softmax(dim=1)
            (gradient,) = torch.autograd.grad(scores[0, target], features)
    _pass.PASSES.forward += 1
    return gradient[0].abs()
