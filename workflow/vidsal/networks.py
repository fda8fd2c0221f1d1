"""Networks of the config, built and loaded: new ones for training, trained ones for the rest."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from vidsal import config as settings
from vidsal import parts, registry, weights
from vidsal.errors import InputError

log = logging.getLogger(__name__)


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
    """Return a network to be trained: initialised from the seed, or but for its head from weights.

    Raises:
        InputError: the weights to start from do not fit.
    """
    where = prepare(config, seed)
    own = settings.choice(config, "models", name)
    model = build(config, own, len(categories), weights.path(config, own))
    return _placed(dataclasses.replace(model, categories=list(categories)), where)


def load(config: dict, name: str, file: str | Path) -> object:
    """Return a network ready to be asked: trained here, or with the weights that the config gives.

    Args:
        config: the config.
        name: name of the model in it.
        file: the checkpoint, as the rule names it.

    Raises:
        InputError: the checkpoint is not there, or was trained with other options.
    """
    where = prepare(config)
    own = settings.choice(config, "models", name)
    model = _trained(config, own, file) if weights.is_trained(own) else _given(config, own, file)
    model.net.eval()
    return _placed(model, where)


def _given(config: dict, own: settings.Choice, file: str | Path) -> object:
    """Return a network with weights made elsewhere; class names that the model knows come first."""
    count = own.options.get("num_classes")
    if not count:
        raise InputError(f"models.{own.name}: weights are given, so num_classes must be given too")
    model = build(config, own, count, str(file))
    return dataclasses.replace(
        model, categories=model.categories or weights.categories(config, own)
    )


def _trained(config: dict, own: settings.Choice, file: str | Path) -> object:
    import torch

    saved = torch.load(file, map_location="cpu", weights_only=True)
    model = build(config, own, len(saved["categories"]), None)
    model.net.load_state_dict(saved["state_dict"])
    return dataclasses.replace(model, categories=list(saved["categories"]))


def load_gaze(config: dict, name: str, file: str | Path | None = None) -> object:
    """Return a predictor of gaze ready to run: trained here, with given weights, or without any.

    Args:
        config: the config.
        name: name of the predictor in it.
        file: the checkpoint, as the rule names it; none for a predictor without weights.

    Raises:
        InputError: the checkpoint is not there, or belongs to another network.
    """
    where = prepare(config)
    own = settings.choice(config, "gaze", name)
    model = build_gaze(config, own, None if weights.is_trained(own) else file)
    if weights.is_trained(own):
        import torch

        saved = torch.load(file, map_location="cpu", weights_only=True)
        model.net.load_state_dict(saved["state_dict"])
        model = dataclasses.replace(model, weights_sha256=parts.sha256(file))
    return model if model.net is None else _placed(model, where)


def new_gaze(config: dict, name: str, seed: int) -> object:
    """Return a predictor of gaze to be trained: initialised from the seed, or from a backbone.

    Raises:
        InputError: the weights to start from do not fit.
    """
    where = prepare(config, seed)
    own = settings.choice(config, "gaze", name)
    return _placed(build_gaze(config, own, weights.path(config, own)), where)


def build_gaze(config: dict, own: settings.Choice, file: str | Path | None) -> object:
    """Return a predictor as its file builds it, filled from a checkpoint file when one is given."""
    options = own.options | {one: None for one in weights.TABLES if one in own.options}
    option, _ = weights.given(own.options)
    if option in options:
        options[option] = str(file) if file else None
    return registry.load("gaze", own.method, config.get("rooms"))(**options)


def build(config: dict, own: settings.Choice, num_classes: int, file: str | None) -> object:
    """Return a network as its file builds it, filled from a checkpoint file when one is given."""
    options = {key: value for key, value in own.options.items() if key != "num_classes"}
    options |= {option: None for option in weights.TABLES if option in options}
    option, _ = weights.given(own.options)
    if option in options:
        options[option] = file
    if file is None and "new_head" in options:
        options["new_head"] = False
    return registry.load("models", own.method, config.get("rooms"))(num_classes, **options)


def _placed(model: object, where: object) -> object:
    model.net.to(where)
    return model


def within_memory(batch: int, function: Callable[[int], dict]) -> dict:
    """Return function(batch), called again at half the batch after every out-of-memory error."""
    from torch import OutOfMemoryError

    while True:
        try:
            return function(batch)
        except OutOfMemoryError:
            if batch == 1:
                raise
            batch //= 2
            log.warning("out of memory; the video is done again at batch size %d", batch)


def model_fields(config: dict, name: str, room: str = "models") -> dict[str, object]:
    """Return a model's options, with the digest of every file that they name, for part keys."""
    own = settings.choice(config, room, name)
    named = {"weights": weights.path(config, own)}
    if about := weights.of(config, own):
        named["categories"] = weights.classes_file(about)
    texts = {k: v for k, v in (own.resolved | named).items() if isinstance(v, str)}
    files = {key: parts.sha256(text) for key, text in texts.items() if _is_file(text)}
    return {"options": own.resolved, "files": files}


def _is_file(text: str) -> bool:
    return len(text) < 1000 and Path(text).is_file()


def precision(config: dict) -> str:
    """Return how exactly networks calculate while they are explained, "fp32" or "bf16"."""
    return config["numerics"].get("precision", "fp32")


def numerics_fields(config: dict, *, explaining: bool = False) -> dict[str, object]:
    """Return what every result of a network depends on besides its inputs, for part keys.

    Args:
        config: the config.
        explaining: the result is a map; nothing else looks at the precision.
    """
    from vidsal.jobs import device_kind

    half = explaining and precision(config) == "bf16"
    return settings.section(config, "numerics") | {
        "device": device_kind(config["numerics"]["device"]),
        "dtype": "bfloat16 trunk, float32 head" if half else "float32",
        "torch": version("torch"),
    }
