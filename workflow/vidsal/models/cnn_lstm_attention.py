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

from vidsal.models._finish import check_choice, finished, start_backbone
from vidsal.models._imagenet import RESNETS
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel
from vidsal.models.cnn_lstm import BACKBONES, CAM_LAYERS, HEAD, KTH, CnnLstm

BACKBONE_WEIGHTS = {
    "imagenet": {"resnet18": RESNETS["resnet18"], "resnet101": RESNETS["resnet101"]},
}
LAYOUTS = {"kth": KTH}


class CnnLstmAttention(CnnLstm):
    """Frames (N,3,T,H,W) -> ResNet per frame -> weighted past -> LSTM -> logits (N,K)."""

    def __init__(self, num_classes: int, *sizes: object, width: int, hops: int) -> None:
        """Take the sizes of a CnnLstm, and those of the attention."""
        super().__init__(num_classes, *sizes)
        self.linear_first = nn.Linear(self.lstm.input_size, width)
        self.linear_second = nn.Linear(width, hops)
        # What all frames have in common leaves the softmax as it is: nothing to be learnt.
        self.linear_second.bias.requires_grad_(False)

    def read(self, features: torch.Tensor) -> torch.Tensor:
        """Return what the LSTM reads (N,T,features): at each step the weighted past."""
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
    sampling: str = "dense",
    weights: str | None = None,
    backbone_weights: str | None = None,
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
        sampling: "dense", or "segments": one clip of frames from all over the video.
        weights: a checkpoint file; random weights when not given.
        backbone_weights: `imagenet`, or a checkpoint file of an image network, for the ResNet alone
            (all but its last layer), to train the rest.
        new_head: take all of `weights` but the last layer, to train one for other classes.
    """
    check_choice("cnn_lstm_attention", "backbone", backbone, BACKBONES)
    sizes = (backbone, features, hidden, layers)
    net = CnnLstmAttention(num_classes, *sizes, width=width, hops=hops)
    start_backbone(net.resnet, backbone_weights, weights)
    return finished(
        net,
        name="cnn_lstm_attention",
        preprocess=Preprocessing(size=tuple(size), mode=mode, **IMAGENET),
        cam_layers=CAM_LAYERS,
        length=length,
        stride=stride,
        hop=hop,
        sampling=sampling,
        weights=weights,
        new_head=new_head,
        layouts=LAYOUTS,
        head=HEAD,
        frame_wise=True,
    )
