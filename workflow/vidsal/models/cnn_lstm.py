"""CNN-LSTM: a ResNet-18 looks at every frame, an LSTM reads its features in order.

The layout of the KTH sequential-saliency project and of Donahue et al., "Long-term Recurrent
Convolutional Networks", CVPR 2015 (arXiv 1411.4389): ResNet-18 with its last layer replaced by
512 -> `features`, an LSTM, and two linear layers with a ReLU on the LSTM's last output. Its
feature maps belong to single frames (T x H/32 x W/32 cells).
"""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import resnet18

from vidsal.models import _checkpoint
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel


class CnnLstm(nn.Module):
    """Frames (N,3,T,H,W) -> ResNet-18 per frame -> LSTM -> logits (N,K) of the last step."""

    def __init__(self, num_classes: int, features: int, hidden: int, layers: int) -> None:
        """Take the sizes that `cnn_lstm` documents."""
        super().__init__()
        self.resnet = resnet18(weights=None)
        self.resnet.fc = nn.Linear(self.resnet.fc.in_features, features)
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True)
        self.fc1 = nn.Linear(hidden, 128)
        self.fc2 = nn.Linear(128, num_classes)
        _remember(self.lstm)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        count, _, length = clips.shape[:3]
        # Time beside the batch first: a plain view would mix channels with frames.
        frames = clips.transpose(1, 2).flatten(0, 1)
        features = self.resnet(frames).view(count, length, -1)
        states, _ = self.lstm(features)
        return self.fc2(torch.relu(self.fc1(states[:, -1])))


def _remember(lstm: nn.LSTM) -> None:
    """Open the forget gates: their bias starts at 1 (Jozefowicz et al., ICML 2015).

    At 0 an LSTM forgets half of its state at every step, and hardly any gradient reaches the early
    frames: from few videos the network then learns with some seeds and not with others.
    """
    gate = slice(lstm.hidden_size, 2 * lstm.hidden_size)
    with torch.no_grad():
        for name, bias in lstm.named_parameters():
            if name.startswith("bias_ih"):
                bias[gate] = 1.0
            elif name.startswith("bias_hh"):
                bias[gate] = 0.0


def cnn_lstm(
    num_classes: int,
    *,
    features: int = 300,
    hidden: int = 256,
    layers: int = 1,
    size: list[int] = [120, 120],  # noqa: B006 - only read
    mode: str = "squash",
    length: int = 16,
    stride: int = 2,
    hop: int | None = None,
    weights: str | None = None,
) -> VideoModel:
    """Build the network.

    Args:
        num_classes: number of classes.
        features: numbers that the LSTM reads per frame.
        hidden: size of the LSTM's state.
        layers: LSTM layers (the original stacks 3; 1 learns faster from few videos).
        size: [H, W] of its input, px.
        mode: "squash" or "crop", how frames are brought to `size`.
        length: frames per clip.
        stride: step between them, in frames of the video.
        hop: step between clips, in frames of the video; length * stride when not given.
        weights: a checkpoint file; random weights when not given.
    """
    net = CnnLstm(num_classes, features, hidden, layers)
    categories = _checkpoint.load(net, weights) if weights else None
    return VideoModel(
        name="cnn_lstm",
        net=net,
        preprocess=Preprocessing(size=tuple(size), mode=mode, **IMAGENET),
        categories=categories,
        cam_layers=("resnet.layer4", "resnet.layer3", "resnet.layer2", "resnet.layer1"),
        length=length,
        stride=stride,
        hop=length * stride if hop is None else hop,
        frame_wise=True,
    )
