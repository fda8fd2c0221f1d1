"""CNN-LSTM with input-cell attention: at every step the LSTM reads all frames so far, weighted.

Ismail et al., "Input-Cell Attention Reduces Vanishing Saliency of Recurrent Neural Networks",
NeurIPS 2019 (arXiv 1910.12370), on the features of a ResNet, in the layout of the KTH
sequential-saliency project. With the features X_t = (x_1 ... x_t) of the frames so far,

    A_t = softmax over time of W2 tanh(W1 X_t + b1) + b2,

one row of weights per hop, and the LSTM reads the mean over hops of A_t X_t in place of x_t. An
early frame thus reaches the last step directly, not only through the state. The project's own code
never kept the steps of the past and attended to one frame alone.

The published layout has `backbone: resnet101`, `layers: 3`.
"""

from __future__ import annotations

import torch
from torch import nn

from vidsal.models import _checkpoint
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel
from vidsal.models.cnn_lstm import CnnLstm, check_backbone

LAYOUTS = {
    "kth": [
        (r"^resnet\.fc\.0\.", "resnet.fc."),
        (r"^lstm\.lstm\.", "lstm."),
        (r"^fc_layers\.", ""),
    ],
}
HEAD = ("fc2.weight", "fc2.bias")


class CnnLstmAttention(CnnLstm):
    """Frames (N,3,T,H,W) -> ResNet per frame -> weighted past -> LSTM -> logits (N,K)."""

    def __init__(self, num_classes: int, *sizes: object, width: int, hops: int) -> None:
        """Take the sizes of a CnnLstm, and those of the attention."""
        super().__init__(num_classes, *sizes)
        self.linear_first = nn.Linear(self.lstm.input_size, width)
        self.linear_second = nn.Linear(width, hops)
        # What all frames have in common leaves the softmax as it is: nothing to be learnt.
        self.linear_second.bias.requires_grad_(False)

    def look(self, clips: torch.Tensor) -> torch.Tensor:
        """Return what the LSTM reads (N,T,features) of clips (N,3,T,H,W)."""
        features = super().look(clips)
        return self.attend(features) @ features

    def attend(self, features: torch.Tensor) -> torch.Tensor:
        """Return the weights (N,T,T) that each step gives to each frame, 0 for those to come."""
        scores = self.linear_second(torch.tanh(self.linear_first(features)))
        length = features.shape[1]
        future = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
        # (N,hops,step,frame): the scores of frames are the same for every step, what differs is
        # how many of them there are yet.
        every = scores.transpose(1, 2)[:, :, None].expand(-1, -1, length, -1)
        return every.masked_fill(future, -torch.inf).softmax(dim=-1).mean(dim=1)


def cnn_lstm_attention(
    num_classes: int,
    *,
    backbone: str = "resnet18",
    features: int = 300,
    hidden: int = 256,
    layers: int = 1,
    width: int = 50,
    hops: int = 20,
    size: list[int] = [120, 120],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 16,
    stride: int = 2,
    hop: int | None = None,
    weights: str | None = None,
    new_head: bool = False,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        backbone: "resnet18" or "resnet101".
        features: numbers that the LSTM reads per frame.
        hidden: size of the LSTM's state.
        layers: LSTM layers (the original stacks 3; 1 learns faster from few videos).
        width: of the attention's hidden layer.
        hops: rows of weights that are averaged.
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        weights: a checkpoint file; random weights when not given.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    check_backbone("cnn_lstm_attention", backbone)
    sizes = (backbone, features, hidden, layers)
    net = CnnLstmAttention(num_classes, *sizes, width=width, hops=hops)
    categories = None
    if weights:
        loaded = _checkpoint.load(net, weights, layouts=LAYOUTS, head=HEAD, new_head=new_head)
        categories = loaded.categories
    return VideoModel(
        name="cnn_lstm_attention",
        net=net,
        preprocess=Preprocessing(size=tuple(size), mode=mode, **IMAGENET),
        categories=categories,
        cam_layers=("resnet.layer4", "resnet.layer3", "resnet.layer2", "resnet.layer1"),
        length=length,
        stride=stride,
        hop=length * stride if hop is None else hop,
        frame_wise=True,
    )
