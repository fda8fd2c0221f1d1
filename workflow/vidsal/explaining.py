"""Explaining the videos of a shard: clips laid over the video, maps put back on its clock."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from vidsal import _version, heatmaps, networks, parts, registry, sheets, stage
from vidsal import config as settings
from vidsal.errors import InputError
from vidsal.mapping import chosen_rows, scaling, seen, source_attrs

log = logging.getLogger(__name__)


class Shard:
    """The inputs of explaining one shard with one model: frames, predictions, weights.

    `files` holds the paths `frames`, `predictions` and `weights`, as the rule names them. What is
    explained is what was classified: the predictions say which videos there are, and their labels.
    """

    def __init__(self, config: dict, dataset: str, name: str, shard: str, files: object) -> None:
        """Open the files and choose the rows."""
        self.config, self.dataset, self.name = config, dataset, name
        self.weights = Path(files.weights)
        self.frames = heatmaps.open_file(files.frames)
        predictions = sheets.members(pd.read_parquet(files.predictions), shard)
        self.targets = {row["video"]: row for row in predictions.to_dict("records")}
        self.rows = chosen_rows(config, predictions[["video", "label"]].to_dict("records"))
        self.model = settings.choice(config, "models", name)
        self.model_fields = networks.model_fields(config, name)
        self.weights_sha256 = parts.sha256(self.weights)
        self._loaded: object = None

    def target(self, row: dict) -> int:
        """Return the number of the class that is explained, by the rule of the config."""
        found = self.targets[row["video"]]
        if self.config["explain"]["target"] == "predicted":
            return int(found["predicted_index"])
        categories = list(found["categories"])
        if row["label"] not in categories:
            raise InputError(
                f"{row['video']}: label {row['label']!r} is none of the model's; "
                "set explain.target: predicted"
            )
        return categories.index(row["label"])

    def fields(self, row: dict, method: settings.Choice) -> dict[str, object]:
        """Return everything that the bytes of one video's map depend on."""
        return {
            "frames": self.frames[row["video"]].attrs["part_key"],
            "video": row["video"],
            "label": row["label"],
            "method": method.name,
            "options": settings.digest(method.resolved),
            "model": self.model_fields,
            "prediction": settings.digest(_plain(self.targets[row["video"]])),
            "weights": self.weights_sha256,
            "target_rule": self.config["explain"]["target"],
            "target": _or_message(self.target, row),
            "seed": self.config["seed"],
            "code": registry.fingerprint(__file__, *method.code, *self.model.code),
            "numerics": networks.numerics_fields(self.config),
        }

    def load(self) -> object:
        """Return the network, loaded once."""
        if self._loaded is None:
            self._loaded = networks.load(self.config, self.name, self.weights)
        return self._loaded

    def attrs(self, method: settings.Choice) -> dict[str, object]:
        """Return the root attributes of the shard's heatmap file."""
        return {
            "schema": heatmaps.SCHEMA,
            "Conventions": "CF-1.11",
            "dataset": self.dataset,
            "model": self.name,
            "model_options": settings.digest(self.model.options),
            "weights_sha256": self.weights_sha256,
            "method": method.name,
            "options": settings.digest(method.resolved),
            "target_rule": self.config["explain"]["target"],
            "code": registry.fingerprint(__file__, *method.code, *self.model.code),
            "vidsal_version": _version.version(),
            "seed": self.config["seed"],
            "numerics": json.dumps(networks.numerics_fields(self.config), sort_keys=True),
        }


def _plain(prediction: dict) -> dict[str, object]:
    """Return a prediction with lists for arrays."""
    return {
        k: v.tolist() if isinstance(v, np.ndarray) else v
        for k, v in prediction.items()
        if k != "clip_logits"
    }


def _or_message(function: Callable, row: dict) -> object:
    """Return the function's value, or its refusal, which is met again when the part is made."""
    try:
        return function(row)
    except InputError as error:
        return str(error)


def explain_shard(shard: Shard, name: str, out: Path, failures: Path) -> None:
    """Write the heatmap file of one method over one shard."""
    method = settings.choice(shard.config, "attribution", name)
    work = _stage(shard, method)
    keys, failed = stage.run(work, shard.rows)
    stage.write_h5(work, out, keys, shard.attrs(method))
    stage.write_failures(failures, failed, len(shard.rows), shard.config["max_failures"])


def _stage(shard: Shard, method: settings.Choice) -> stage.Stage:
    return stage.Stage(
        name="explain",
        cache=_cache(shard, method),
        fields=lambda row: shard.fields(row, method),
        prepare=lambda: _maker(shard, method),
    )


def _cache(shard: Shard, method: settings.Choice) -> parts.Cache:
    return stage.open_cache(shard.config, shard.dataset, "explain", shard.name, method.name)


def shared_pass_shard(shard: Shard, receipt: Path) -> None:
    """Make the maps of the whole family, one forward and backward per clip; write a receipt.

    The receipt lists (video, method, part key), or why there is no such map. Failures are left to
    `explain`, which meets them again and lists them.
    """
    methods = family(shard.config)
    caches = {method.name: _cache(shard, method) for method in methods}
    lines = [line for row in shard.rows for line in _share(shard, methods, caches, row)]
    table = pd.DataFrame(lines, columns=["video", "method", "part", "reason"])
    receipt.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(receipt, sep="\t", index=False, lineterminator="\n")


def family(config: dict) -> list[settings.Choice]:
    """Return the configured methods whose maps come out of the shared pass."""
    names = settings.chosen(config, "methods")
    chosen = [settings.choice(config, "attribution", name) for name in names]
    return [
        own
        for own in chosen
        if registry.entry("attribution", own.method, config["rooms"]).constants.get("SHARED_PASS")
    ]


def _share(shard: Shard, methods: list, caches: dict[str, parts.Cache], row: dict) -> list[dict]:
    keys = {m.name: parts.key(stage="explain", **shard.fields(row, m)) for m in methods}
    todo = [m for m in methods if caches[m.name].find(keys[m.name]) is None]
    reasons = {}
    for name, found in _tried(shard, todo, row).items():
        if isinstance(found, Exception):
            log.warning("shared pass: %s: %s: %s", row["video"], name, found)
            reasons[name] = " ".join(f"{type(found).__name__}: {found}".split())
        else:
            with parts.replacing(caches[name].path(keys[name])) as path:
                heatmaps.write_part(path, found)
    log.info("shared pass: %s: %d maps made", row["video"], len(todo) - len(reasons))
    return [
        {"video": row["video"], "method": name, "part": key, "reason": reasons.get(name, "")}
        for name, key in keys.items()
    ]


def _tried(shard: Shard, methods: list[settings.Choice], row: dict) -> dict[str, object]:
    """Return the maps of one video; an error that hits all of them stands for each."""
    if not methods:
        return {}
    try:
        return _explained(shard, methods, row)
    except Exception as error:
        log.exception("shared pass: %s", row["video"])
        return {method.name: error for method in methods}


def _maker(shard: Shard, method: settings.Choice) -> Callable[[dict, Path], None]:
    """Return make(row, path): explains one video and writes its part."""
    shard.load()

    def make(row: dict, path: Path) -> None:
        found = _explained(shard, [method], row)[method.name]
        if isinstance(found, Exception):
            raise found
        heatmaps.write_part(path, found)

    return make


def _explained(
    shard: Shard, methods: list[settings.Choice], row: dict
) -> dict[str, heatmaps.Heatmap | Exception]:
    """Return the map of one video by each method, or the error that stopped it."""
    try:
        target = shard.target(row)
    except InputError as error:
        return {method.name: error for method in methods}
    model, group = shard.load(), shard.frames[row["video"]]
    bound = {m.name: _bound(shard.config, m) for m in methods}
    size = shard.config["numerics"]["batch_size"]
    found = networks.within_memory(size, partial(_explain_in_batches, model, group, target, bound))
    prediction = shard.targets[row["video"]]
    return {
        name: made
        if isinstance(made, Exception)
        else _heatmap(model, group, *made, target, prediction, _layer(model, bound[name]))
        for name, made in found.items()
    }


def _explain_in_batches(
    model: object, group: h5py.Group, target: int, methods: dict[str, Callable], size: int
) -> dict[str, tuple | Exception]:
    from vidsal.attribution._variants import batch

    with batch(size):
        return explain_video(model, group, target, methods)


def _layer(model: object, method: Callable) -> str:
    """Return the layer that a method looked at, '' for methods that look at none."""
    from vidsal.attribution._layer import pick_layer

    return pick_layer(model, method.keywords["layer"]) if "layer" in method.keywords else ""


def _bound(config: dict, method: settings.Choice) -> Callable:
    function = registry.load("attribution", method.method, config["rooms"])
    return partial(function, **settings.bind(config, method))


def explain_video(
    model: object, group: h5py.Group, target: int, methods: dict[str, Callable]
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
    from vidsal.attribution._pass import sharing
    from vidsal.classifying import read_clip
    from vidsal.video import clips

    count = len(group["frame_index"])
    layout = clips.layout(count, model.length, model.stride, model.hop)
    device = next(model.net.parameters()).device
    found: dict[str, list | Exception] = {name: [] for name in methods}
    for numbers in layout:
        clip = read_clip(model, group, numbers).to(device)
        with sharing(model, _layers(model, methods)):
            for name, method in methods.items():
                _add_clip(found, name, method, model, clip, target)
    return {
        name: made if isinstance(made, Exception) else _on_clock(made, layout, count, model)
        for name, made in found.items()
    }


def _layers(model: object, methods: dict[str, Callable]) -> list[str]:
    """Return the layers that the methods will ask for and that this network has."""
    from vidsal.attribution._layer import pick_layer

    there = dict(model.net.named_modules())
    wanted = set()
    for method in methods.values():
        # One method's wrong layer is refused in its own turn, and must not stop the others.
        with contextlib.suppress(InputError):
            if "layer" in method.keywords:
                wanted.add(pick_layer(model, method.keywords["layer"]))
    return sorted(wanted & there.keys())


def _add_clip(
    found: dict, name: str, method: Callable, model: object, clip: object, target: int
) -> None:
    """Explain one clip and keep (map, notes, passes); an error ends this method, not the others."""
    from torch import OutOfMemoryError

    from vidsal.attribution import _notes
    from vidsal.attribution._pass import PASSES

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
    # Met in the shared pass: it counts as the pass that it stands for, so that the record does not
    # depend on which method came first.
    found[name].append((made, dict(noted), passes if any(passes) else (1, 1)))


def _on_clock(made: list[tuple], layout: np.ndarray, frames: int, model: object) -> tuple:
    from vidsal.video import clips

    maps = [clip_map for clip_map, _, _ in made]
    forward, backward = (sum(passes[i] for _, _, passes in made) for i in (0, 1))
    notes = _worst([noted for _, noted, _ in made])
    notes |= {"passes_forward": forward, "passes_backward": backward}
    return clips.assemble(maps, layout, frames, model.stride), notes


def _worst(notes: list[dict[str, float]]) -> dict[str, float]:
    """Return each noted value at its largest size over the clips of a video."""
    names = sorted({name for noted in notes for name in noted})
    return {n: max((noted[n] for noted in notes if n in noted), key=abs) for n in names}


def _heatmap(
    model: object,
    group: h5py.Group,
    found: tuple[np.ndarray, np.ndarray],
    notes: dict[str, float],
    target: int,
    prediction: dict,
    layer: str,
) -> heatmaps.Heatmap:
    saliency, coverage = found
    canvas = [int(side) for side in group.attrs["canvas_size"]]
    to_network = model.preprocess.matrix(*canvas)
    transform = (
        scaling(model.preprocess.size, saliency.shape[-2:]) @ to_network @ group.attrs["transform"]
    )
    source = [int(side) for side in group.attrs["source_size"]]
    attrs = source_attrs(group) | {
        "layer": layer,
        "target": target,
        "target_label": model.categories[target] if model.categories else str(target),
        "logit": float(prediction["logits"][target]),
        "probability": float(_softmax(prediction["logits"])[target]),
        "coverage": coverage.astype(np.int32),
        "seen": seen(transform, saliency.shape[-2:], source),
    }
    return heatmaps.Heatmap(
        saliency, transform, group["frame_index"][()], group["time"][()], attrs | notes
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(np.asarray(logits, dtype=np.float64) - np.max(logits))
    return raised / raised.sum()
