"""Networks of the config, built and loaded: new ones for training, trained ones for the rest."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version
from pathlib import Path

from vidsal import config as settings
from vidsal import parts, registry
from vidsal.errors import InputError


def device(config: dict) -> object:
    """Return the torch device of the config: the GPU when there is one and it is not refused."""
    import torch

    wanted = config["numerics"]["device"]
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("numerics.device: cuda, but torch sees no GPU here; set auto or cpu")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def prepare(config: dict, seed: int | None = None) -> object:
    """Set torch's threads, determinism and seed from the config; return the device."""
    import torch

    torch.set_num_threads(config["numerics"]["torch_threads"])
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    # TF32 keeps 10 bits of the mantissa: far from the 1e-5 that chunked and unchunked may differ.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if seed is not None:
        torch.manual_seed(seed)
    return device(config)


def new(config: dict, name: str, categories: list[str], seed: int) -> object:
    """Return a network to be trained, initialised from the seed."""
    where = prepare(config, seed)
    model = _build(config, name, len(categories))
    return _placed(dataclasses.replace(model, categories=list(categories)), where)


def load(config: dict, name: str, weights: str | Path) -> object:
    """Return a network ready to be asked: trained by us, or with the weights that the config gives.

    Raises:
        InputError: the checkpoint is not there, or was trained with other options.
    """
    where = prepare(config)
    own = settings.choice(config, "models", name)
    if own.options.get("weights"):
        if not own.options.get("num_classes"):
            raise InputError(f"models.{name}: weights are given, so num_classes must be given too")
        model = _build(config, name, own.options["num_classes"])
    else:
        model = _load_trained(config, name, Path(weights))
    model.net.eval()
    return _placed(model, where)


def _load_trained(config: dict, name: str, path: Path) -> object:
    import torch

    saved = torch.load(path, map_location="cpu", weights_only=True)
    model = _build(config, name, len(saved["categories"]))
    model.net.load_state_dict(saved["state_dict"])
    return dataclasses.replace(model, categories=list(saved["categories"]))


def _build(config: dict, name: str, num_classes: int) -> object:
    own = settings.choice(config, "models", name)
    options = {key: value for key, value in own.options.items() if key != "num_classes"}
    return registry.load("models", own.method, config["rooms"])(num_classes, **options)


def _placed(model: object, where: object) -> object:
    model.net.to(where)
    return model


def model_fields(config: dict, name: str) -> dict[str, object]:
    """Return a model's options, with the digest of every file that they name, for part keys."""
    options = settings.choice(config, "models", name).resolved
    files = {k: parts.sha256(v) for k, v in options.items() if isinstance(v, str) and _is_file(v)}
    return {"options": options, "files": files}


def _is_file(text: str) -> bool:
    return len(text) < 1000 and Path(text).is_file()


def numerics_fields(config: dict) -> dict[str, object]:
    """Return what every result of a network depends on besides its inputs, for part keys."""
    from vidsal.jobs import device_kind

    return config["numerics"] | {
        "device": device_kind(config["numerics"]["device"]),
        "dtype": "float32",
        "torch": version("torch"),
    }
