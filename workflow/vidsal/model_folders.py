"""A trained network as a folder: weights, config, categories, preprocessing, where it comes from.

The folder holds a checkpoint and `model.json`, which says how to build the network again:

- `model`: its file in the room of models, the user's rooms if it came from there, and a
  fingerprint of the code;
- `config`: the options; `num_classes`, `categories`;
- `preprocessing` and `clips`: what the network was trained on, whatever the defaults are by then;
- `weights`: the checkpoint's name and sha256;
- `provenance`: dataset, seed, options of the training, the weights that it began with, versions.

`train` writes one for every model; `vidsal.load_model(folder)` opens it, without Snakemake.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import os
from importlib.metadata import version
from pathlib import Path

import torch

from vidsal import _version, networks, parts, registry, weights
from vidsal import config as settings
from vidsal.errors import InputError
from vidsal.models import VideoModel, _checkpoint

CARD = "model.json"
SCHEMA = "vidsal model 1"
CLIPS = ("length", "stride", "hop", "sampling")
NOT_CONFIG = ("num_classes", "weights", "backbone_weights", "new_head")
log = logging.getLogger(__name__)


def load_model(folder: str | Path, *, rooms: str | Path | None = None) -> VideoModel:
    """Return the network of a model folder, on the CPU and ready to be asked.

    Args:
        folder: such as results/kth/models/r3d_18.
        rooms: the user's rooms that its code lies in; where they were when not given.

    Raises:
        InputError: the folder, its weights or the network's code are not what they were.
    """
    folder = Path(folder)
    card = _read(folder)
    about, file = card["model"], folder / card["weights"]["file"]
    rooms = _rooms(folder, about, rooms)
    if parts.sha256(file) != card["weights"]["sha256"]:
        raise InputError(f"{file}: not the weights that {CARD} describes; copy the folder again")
    if registry.fingerprint(registry.entry("models", about["method"], rooms).path) != about["code"]:
        log.warning("%s: the code of %s has changed since", folder, about["method"])
    function = registry.load("models", about["method"], rooms)
    model = function(card["num_classes"], **card["config"])
    _checkpoint.load(model.net, str(file), layouts={}, head=())
    model.net.eval()
    return dataclasses.replace(
        model,
        preprocess=dataclasses.replace(
            model.preprocess, **{k: _tuple(v) for k, v in card["preprocessing"].items()}
        ),
        categories=card["categories"],
        **card["clips"],
    )


def save_model(
    model: VideoModel,
    folder: str | Path,
    *,
    options: dict[str, object] | None = None,
    num_classes: int | None = None,
    rooms: str | Path | None = None,
    provenance: dict[str, object] | None = None,
) -> Path:
    """Write a network into a folder that `load_model` opens; return the folder.

    Args:
        model: the network; its name is that of its file in the room of models.
        folder: where to; what it holds of another model is replaced.
        options: those of its file that the model itself does not tell (`hidden`, `backbone`, ...).
        num_classes: number of classes, for a model without categories.
        rooms: the user's rooms, if the file is there.
        provenance: whatever should be known of the training.

    Raises:
        InputError: built with these options the network would be another one.
    """
    folder, rooms = Path(folder), str(rooms) if rooms else None
    entry = registry.entry("models", model.name, rooms)
    count = num_classes or len(model.categories or ())
    if not count:
        raise InputError(f"save_model of {model.name}: it has no categories; give num_classes")
    options = _told(model, entry) | (options or {})
    _refuse_another(model, registry.load("models", model.name, rooms)(count, **options))
    made = {"state_dict": model.net.state_dict(), "categories": model.categories}
    buffer = io.BytesIO()
    torch.save(made, buffer)
    with parts.replacing(folder / "best.pt") as temporary:
        temporary.write_bytes(buffer.getbuffer())
    made = _card(folder, model, entry, options, rooms) | {"num_classes": count}
    _write(folder, made | {"provenance": _versions() | (provenance or {})})
    return folder


def describe(config: dict, dataset: str, name: str, folder: Path) -> None:
    """Write the card of a model that was trained in the workflow, beside its weights."""
    own = settings.choice(config, "models", name)
    rooms = config.get("rooms")
    entry = registry.entry("models", own.method, rooms)
    model = networks.load(config, name, folder / "best.pt")
    options = {key: value for key, value in own.options.items() if key not in NOT_CONFIG}
    made = _card(folder, model, entry, options, rooms)
    made["model"]["name"] = name
    training = {k: v for k, v in config["train"].items() if k != "per_model"}
    made["provenance"] = _versions() | {
        "dataset": dataset,
        "seed": config["seed"],
        "train": training | config["train"]["per_model"].get(name, {}),
        "numerics": networks.numerics_fields(config),
        "began_with": _origin(config, own),
    }
    _write(folder, made)


def _origin(config: dict, own: settings.Choice) -> dict[str, object] | None:
    """Return which weights a training began with, None for random ones."""
    file = weights.path(config, own)
    if file is None:
        return None
    about = weights.of(config, own) or {}
    facts = {key: about[key] for key in ("url", "licence") if key in about}
    return {"weights": weights.given(own.options)[1], "sha256": parts.sha256(file)} | facts


def _card(
    folder: Path, model: VideoModel, entry: registry.Entry, options: dict, rooms: str | None
) -> dict[str, object]:
    theirs = rooms if rooms and not entry.path.is_relative_to(registry.PACKAGE) else None
    return {
        "schema": SCHEMA,
        "model": {
            "name": model.name,
            "method": entry.name,
            "rooms": theirs,
            "rooms_from_here": theirs and os.path.relpath(theirs, folder),
            "code": registry.fingerprint(entry.path),
        },
        "config": options,
        "num_classes": len(model.categories or ()),
        "categories": model.categories,
        "preprocessing": dataclasses.asdict(model.preprocess),
        "clips": {name: getattr(model, name) for name in CLIPS},
        "weights": {"file": "best.pt", "sha256": parts.sha256(folder / "best.pt")},
    }


def _versions() -> dict[str, object]:
    return {"vidsal": _version.version(), "torch": version("torch")}


def _write(folder: Path, card: dict[str, object]) -> None:
    with parts.replacing(folder / CARD) as temporary:
        text = json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _read(folder: Path) -> dict:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: no model folder ({error}); give one that `train` or save_model wrote, "
            f"with its {CARD}"
        ) from error
    if not isinstance(card, dict) or card.get("schema") != SCHEMA:
        raise InputError(f"{folder / CARD}: not {SCHEMA!r}; open it with the vidsal that wrote it")
    if not (folder / card["weights"]["file"]).is_file():
        raise InputError(f"{folder}: {card['weights']['file']} is missing; copy the whole folder")
    return card


def _rooms(folder: Path, about: dict, given: str | Path | None) -> str | None:
    """Return the user's rooms that hold a network's code, None for a network of vidsal."""
    if about["rooms"] is None:
        return None
    places = [given] if given else [folder / about["rooms_from_here"], about["rooms"]]
    for place in places:
        if (Path(place) / "models" / f"{about['method']}.py").is_file():
            return str(place)
    wanted = Path(given or about["rooms"]) / "models" / f"{about['method']}.py"
    raise InputError(
        f"{folder}: its network is a file of the user's, {wanted}, which is not there; name the "
        "folder that holds models/: vidsal.load_model(folder, rooms=...)"
    )


def _told(model: VideoModel, entry: registry.Entry) -> dict[str, object]:
    """Return the options that a model itself tells: of its preprocessing and its clips."""
    told = dataclasses.asdict(model.preprocess) | {name: getattr(model, name) for name in CLIPS}
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in told.items()
        if key in entry.options
    }


def _refuse_another(model: VideoModel, built: VideoModel) -> None:
    fit = _checkpoint.best_fit(built.net.state_dict(), model.net.state_dict(), {})
    problems = [f"{kind}: {', '.join(keys[:3])}" for kind, keys in fit.problems().items()]
    problems += [
        f"{name} would be {getattr(built, name)}"
        for name in ("preprocess", "cam_layers", "frame_wise", *CLIPS)
        if getattr(built, name) != getattr(model, name)
    ]
    if problems:
        raise InputError(
            f"save_model of {model.name}: with these options another network would be built "
            f"({'; '.join(problems)}); give the ones that it was built with as options={{...}}"
        )


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
