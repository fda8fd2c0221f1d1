"""One video explained: clips laid over it, methods that share passes, maps put on its clock."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import h5py
import numpy as np
from torch import OutOfMemoryError

from vidsal import heatmaps, networks, targets
from vidsal.asking import read_clip
from vidsal.attribution import _notes
from vidsal.attribution._contrast import contrasted
from vidsal.attribution._fidelity import fidelity
from vidsal.attribution._frames import remembering
from vidsal.attribution._layer import pick_layer
from vidsal.attribution._pass import BACK, PASSES, sharing
from vidsal.attribution._precision import precision as calculating
from vidsal.attribution._variants import batch
from vidsal.errors import InputError
from vidsal.mapping import scaling, seen, source_attrs
from vidsal.models import VideoModel
from vidsal.video import clips

log = logging.getLogger(__name__)


def of_video(
    model: VideoModel,
    group: h5py.Group,
    methods: dict[str, Callable],
    target: targets.Target,
    logits: Sequence[float],
    *,
    batch_size: int = 8,
    polarity: str = "both",
    precision: str = "fp32",
) -> dict[str, heatmaps.Heatmap | Exception]:
    """Return the map of one video by each method, or the error that stopped it.

    Args:
        model: the network, with its clip layout and preprocessing.
        group: the video's group of the frames file.
        methods: name -> method(model, clip, target), options bound.
        target: what is explained.
        logits: (K,) of the video, for the record.
        batch_size: variants that go through the network at once; halved when memory runs out.
        polarity: which part of signed maps is kept, of `targets.POLARITIES`.
        precision: "fp32", or "bf16" up to the network's last feature layer.
    """
    asked = partial(_in_batches, model, group, methods, target, len(logits))
    with calculating(precision):
        found = networks.within_memory(batch_size, asked)
    made: dict[str, heatmaps.Heatmap | Exception] = {}
    for name, one in found.items():
        if isinstance(one, Exception):
            made[name] = one
            continue
        (saliency, coverage), notes = one
        notes |= target.attrs() | _answer(target, logits)
        notes |= {"layer": _layer(model, methods[name]), "polarity": polarity}
        shown = targets.polarised(saliency, polarity)
        if saliency.any() and not shown.any():
            log.warning("%s: its map has no %s values; all of it is 0", name, polarity)
        made[name] = _heatmap(model, group, shown, coverage, notes)
    return made


def fidelity_of_video(
    model: VideoModel, group: h5py.Group, target: targets.Target
) -> dict[str, float]:
    """Return what is left in bfloat16 of a network's answer to a video's first clip."""
    first = model.layout(len(group["frame_index"]))[0]
    return fidelity(model, read_clip(model, group, first).to(model.device), target.index)


def _in_batches(
    model: VideoModel,
    group: h5py.Group,
    methods: dict[str, Callable],
    target: targets.Target,
    count: int,
    size: int,
) -> dict[str, tuple | Exception]:
    number = contrasted(model, target.index, target.against, count)
    with batch(size), remembering(model), number as logit:
        return explain_video(model, group, logit, methods)


def _answer(target: targets.Target, logits: Sequence[float]) -> dict[str, float]:
    raised = np.exp(np.asarray(logits, dtype=np.float64) - np.max(logits))
    probability = float((raised / raised.sum())[target.index])
    return {"logit": target.score(logits), "probability": probability}


def _layer(model: VideoModel, method: Callable) -> str:
    """Return the layer that a method looked at, '' for methods that look at none."""
    return pick_layer(model, method.keywords["layer"]) if "layer" in method.keywords else ""


def explain_video(
    model: VideoModel, group: h5py.Group, target: int, methods: dict[str, Callable]
) -> dict[str, tuple | Exception]:
    """Explain one video with several methods that share what passes they can.

    Args:
        model: the network, with its clip layout and preprocessing.
        group: the video's group of the frames file.
        target: number of the class to explain.
        methods: name -> method(model, clip, target), options bound.

    Returns:
        name -> ((saliency (T,h,w), coverage (T,)), notes), or the exception of that method.
    """
    count = len(group["frame_index"])
    layout = model.layout(count)
    found: dict[str, list | Exception] = {name: [] for name in methods}
    wanted = _wanted(model, methods)
    for numbers in layout:
        clip = read_clip(model, group, numbers).to(model.device)
        with sharing(model, **wanted):
            for name, method in methods.items():
                _add_clip(found, name, method, model, clip, target)
    return {
        name: made if isinstance(made, Exception) else _on_clock(made, layout, count, model)
        for name, made in found.items()
    }


def _wanted(model: VideoModel, methods: dict[str, Callable]) -> dict[str, object]:
    """Return what the methods will ask of a pass that they share, as `sharing` takes it."""
    shared = [method for method in methods.values() if _constant(method, "SHARED_PASS")]
    back = [_constant(method, "BACK") or "input" for method in shared]
    extra = [_constant(method, "COLLECT") for method in shared]
    return {
        "layers": _layers(model, methods),
        "back": max(back, key=BACK.index, default="nothing"),
        "extra": [collector for collector in dict.fromkeys(extra) if collector],
    }


def _constant(method: Callable, name: str) -> object:
    """Return a constant of the file that defines a method, options bound or not."""
    return getattr(method, "func", method).__globals__.get(name)


def _layers(model: VideoModel, methods: dict[str, Callable]) -> list[str]:
    """Return the layers that the methods will ask for and that this network has."""
    wanted = set()
    for method in methods.values():
        # One method's wrong layer is refused in its own turn, and must not stop the others.
        with contextlib.suppress(InputError):
            if "layer" in method.keywords:
                wanted.add(pick_layer(model, method.keywords["layer"]))
    return sorted(wanted)


def _add_clip(
    found: dict, name: str, method: Callable, model: VideoModel, clip: object, target: int
) -> None:
    """Explain one clip and keep (map, notes, passes); an error ends this method, not the others."""
    if isinstance(found[name], Exception):
        return
    before = PASSES.forward, PASSES.backward
    try:
        with _notes.notes() as noted:
            made = method(model, clip, target).float().cpu().numpy()
    except OutOfMemoryError:
        raise
    except Exception as error:
        log.exception("%s", name)
        found[name] = error
        return
    passes = PASSES.forward - before[0], PASSES.backward - before[1]
    if _constant(method, "SHARED_PASS"):
        # It counts as the pass that it needs, so that the record does not depend on which others
        # shared it and which came first.
        passes = (1, int(_constant(method, "BACK") != "nothing"))
    found[name].append((made, dict(noted), passes))


def _on_clock(made: list[tuple], layout: np.ndarray, frames: int, model: VideoModel) -> tuple:
    maps = [clip_map for clip_map, _, _ in made]
    forward, backward = (sum(passes[i] for _, _, passes in made) for i in (0, 1))
    notes = _worst([noted for _, noted, _ in made])
    notes |= {"passes_forward": _plain(forward), "passes_backward": _plain(backward)}
    return clips.assemble(maps, layout, frames, model.stride, model.sampling), notes


def _plain(count: int | Fraction) -> int | float:
    """Return a number of passes as HDF5 knows it; frames looked at again are parts of one."""
    return int(count) if count == int(count) else float(count)


def _worst(notes: list[dict[str, float]]) -> dict[str, float]:
    """Return each noted value at its largest size over the clips of a video."""
    names = sorted({name for noted in notes for name in noted})
    return {n: max((noted[n] for noted in notes if n in noted), key=abs) for n in names}


def _heatmap(
    model: VideoModel,
    group: h5py.Group,
    saliency: np.ndarray,
    coverage: np.ndarray,
    notes: dict[str, object],
) -> heatmaps.Heatmap:
    """Return a map (T,h,w) on the video's clock, with all that its record says."""
    canvas = [int(side) for side in group.attrs["canvas_size"]]
    to_network = model.preprocess.matrix(*canvas)
    transform = (
        scaling(model.preprocess.size, saliency.shape[-2:]) @ to_network @ group.attrs["transform"]
    )
    source = [int(side) for side in group.attrs["source_size"]]
    attrs = source_attrs(group) | {
        "coverage": coverage.astype(np.int32),
        "sampling": model.sampling,
        "seen": seen(transform, saliency.shape[-2:], source),
    }
    return heatmaps.Heatmap(
        saliency, transform, group["frame_index"][()], group["time"][()], attrs | notes
    )
