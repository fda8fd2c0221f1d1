"""Which layer of a network a method looks at."""

from __future__ import annotations

from vidsal.errors import InputError
from vidsal.models import VideoModel


def pick_layer(model: VideoModel, layer: str | int | None) -> str:
    """Return the layer asked for: a module path, the n-th of the model's own, or its first.

    The model's layers are ordered from the last and coarsest (0) to the first and finest.

    Raises:
        InputError: the model names no layer, or fewer than that.
    """
    if isinstance(layer, str):
        return layer
    place = layer or 0
    if not 0 <= place < max(len(model.cam_layers), 1):
        raise InputError(
            f"layer {place} in the options of a method: {model.name} has the layers "
            f"{', '.join(model.cam_layers)}, 0 to {len(model.cam_layers) - 1}"
        )
    if not model.cam_layers:
        raise InputError(
            f"layer in the options of a method: {model.name} names no layer with feature maps; "
            "set `layer` to the path of one"
        )
    return model.cam_layers[place]
