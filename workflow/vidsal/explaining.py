"""Explaining the videos of a shard: clips laid over the video, maps put back on its clock."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import _version, heatmaps, networks, parts, registry, sheets, stage, targets
from vidsal import config as settings
from vidsal.errors import InputError
from vidsal.mapping import chosen_rows

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
        self._refuse_unknown_classes()
        self.model = settings.choice(config, "models", name)
        self.model_fields = networks.model_fields(config, name)
        self.weights_sha256 = parts.sha256(self.weights)
        self._loaded: object = None

    def _refuse_unknown_classes(self) -> None:
        """Refuse a rule whose classes the network does not have: no video would be explained."""
        rule, found = self.config["explain"]["target"], next(iter(self.targets.values()), None)
        if found is None:
            return
        problems = targets.class_problems(rule, list(found["categories"]), len(found["logits"]))
        if problems:
            raise InputError(f"explain.target for {self.name}: {'; '.join(problems)}")

    def target(self, row: dict) -> targets.Target:
        """Return what is explained of a video, by the rule of the config."""
        found = self.targets[row["video"]]
        return targets.resolve(
            self.config["explain"]["target"],
            predicted=int(found["predicted_index"]),
            label=row["label"],
            categories=list(found["categories"]),
            count=len(found["logits"]),
        )

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
            "target_rule": targets.text(self.config["explain"]["target"]),
            "target": _or_message(self.target, row),
            "polarity": self.config["explain"]["polarity"],
            "seed": self.config["seed"],
            "code": registry.fingerprint(__file__, *method.code, *self.model.code),
            "numerics": networks.numerics_fields(self.config, explaining=True),
            **({"fidelity": True} if self.measured(row) else {}),
        }

    def measured(self, row: dict) -> bool:
        """Say whether this video's record holds what bfloat16 costs: one of a shard is enough."""
        return networks.precision(self.config) == "bf16" and row["video"] == self.rows[0]["video"]

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
            "target_rule": targets.text(self.config["explain"]["target"]),
            "polarity": self.config["explain"]["polarity"],
            "code": registry.fingerprint(__file__, *method.code, *self.model.code),
            "vidsal_version": _version.version(),
            "seed": self.config["seed"],
            "numerics": json.dumps(
                networks.numerics_fields(self.config, explaining=True), sort_keys=True
            ),
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
        return asdict(function(row))
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
    from vidsal import explained

    try:
        target = shard.target(row)
    except InputError as error:
        return {method.name: error for method in methods}
    model, group = shard.load(), shard.frames[row["video"]]
    found = explained.of_video(
        model,
        group,
        {method.name: bound(shard.config, method) for method in methods},
        target,
        shard.targets[row["video"]]["logits"],
        batch_size=shard.config["numerics"]["batch_size"],
        polarity=shard.config["explain"]["polarity"],
        precision=networks.precision(shard.config),
    )
    if shard.measured(row):
        known = explained.fidelity_of_video(model, group, target)
        for made in found.values():
            if not isinstance(made, Exception):
                made.attrs.update(known)
    return found


def bound(config: dict, method: settings.Choice) -> Callable:
    """Return a configured method with its options bound."""
    function = registry.load("attribution", method.method, config["rooms"])
    return partial(function, **settings.bind(config, method))
