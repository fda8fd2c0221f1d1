"""CNN-LSTM: a ResNet looks at every frame, an LSTM reads its features in order.

The layout of the KTH sequential-saliency project and of Donahue et al., "Long-term Recurrent
Convolutional Networks for Visual Recognition and Description", CVPR 2015 (arXiv 1411.4389): a
ResNet with its last layer replaced by one to `features` numbers, an LSTM, and two linear layers
with a ReLU on the LSTM's last output. Its feature maps belong to single frames (T x H/32 x W/32
cells).

Published checkpoints of this layout have `layers: 3`, with `backbone: resnet18` (KTH) or
`backbone: resnet101` (pranoyr/cnn-lstm).
"""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import resnet18, resnet101

from vidsal.models._finish import as_frames, check_choice, finished, start_backbone
from vidsal.models._imagenet import RESNETS
from vidsal.models._model import IMAGENET, Preprocessing, VideoModel

BACKBONES = {"resnet18": resnet18, "resnet101": resnet101}
BACKBONE_WEIGHTS = {
    "imagenet": {"resnet18": RESNETS["resnet18"], "resnet101": RESNETS["resnet101"]},
}
PRANOYR = [(r"^resnet\.fc\.0\.", "resnet.fc.")]
KTH = [*PRANOYR, (r"^lstm\.lstm\.", "lstm."), (r"^fc_layers\.", "")]
LAYOUTS = {"pranoyr": PRANOYR, "kth": KTH}
HEAD = ("fc2.weight", "fc2.bias")
CAM_LAYERS = ("resnet.layer4", "resnet.layer3", "resnet.layer2", "resnet.layer1")


class CnnLstm(nn.Module):
    """Frames (N,3,T,H,W) -> ResNet per frame -> LSTM -> logits (N,K) of the last step."""

    def __init__(
        self, num_classes: int, backbone: str, features: int, hidden: int, layers: int
    ) -> None:
        """Take the sizes that `cnn_lstm` documents."""
        super().__init__()
        self.resnet = BACKBONES[backbone](weights=None)
        self.resnet.fc = nn.Linear(self.resnet.fc.in_features, features)
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True)
        self.fc1 = nn.Linear(hidden, 128)
        self.fc2 = nn.Linear(128, num_classes)
        _remember(self.lstm)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of clips (N,3,T,H,W)."""
        features = self.frame_features(as_frames(clips))
        return self.from_frame_features(features.unflatten(0, (len(clips), -1)))

    def frame_features(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the features (n,features) of frames (n,3,H,W)."""
        return self.resnet(frames)

    def from_frame_features(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (N,K) of the features (N,T,features) of clips."""
        states, _ = self.lstm(self.read(features))
        return self.fc2(torch.relu(self.fc1(states[:, -1])))

    def read(self, features: torch.Tensor) -> torch.Tensor:
        """Return what the LSTM reads (N,T,features): the features themselves."""
        return features


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
    backbone: str = "resnet18",
    features: int = 300,
    hidden: int = 256,
    layers: int = 1,
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
    check_choice("cnn_lstm", "backbone", backbone, BACKBONES)
    net = CnnLstm(num_classes, backbone, features, hidden, layers)
    start_backbone(net.resnet, backbone_weights, weights)
    return finished(
        net,
        name="cnn_lstm",
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
