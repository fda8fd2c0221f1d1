"""Networks that classify video clips.

A file `NAME.py` defines `def NAME(num_classes: int, *, options...) -> VideoModel`; the keyword-only
options, with defaults and simple types, are what the config may set. A `VideoModel` knows
everything that the rest of vidsal asks of a network: how frames become its input, how clips are
laid over a video, and which layers have feature maps for Grad-CAM.

Alphabet: N batch, C channels, T frames, H rows, W columns. Frames are uint8 RGB `(T,H,W,3)`; a
clip is float32 `(C,T,H,W)`; `net` takes `(N,C,T,H,W)` and returns logits `(N,K)` for K classes.
Initial weights come from torch's global generator, which the caller seeds.

To add one, copy `r3d_18.py`: keep the options `size`, `mode`, `length`, `stride`, `hop`,
`sampling`, `weights` and `new_head`, exchange the network, its colours and its CAM layers;
`finished` does the rest. Constants, literals or imported from another file of this package, say
what is published: `LAYOUTS` and `IGNORED`, how checkpoints name its tensors (see `_checkpoint.py`);
`HEAD`, the keys of its last layer where they are not `fc`; `WEIGHTS` and `BACKBONE_WEIGHTS`,
weights that have a name (see `vidsal/weights.py`).
"""

from vidsal.models._checkpoint import load as load_weights
from vidsal.models._finish import finished
from vidsal.models._model import Preprocessing, VideoModel

__all__ = ["Preprocessing", "VideoModel", "finished", "load_weights"]
