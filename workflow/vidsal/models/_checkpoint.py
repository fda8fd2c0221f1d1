"""Weights from a checkpoint file into a network, every key accounted for."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch

from vidsal.errors import InputError

SHOWN = 5


def read(path: str) -> dict:
    """Return what a checkpoint file holds, tensors on the CPU; no code in it can run.

    Raises:
        InputError: the file is missing, is no checkpoint, or holds more than tensors and values.
    """
    if not Path(path).is_file():
        raise InputError(f"weights {path}: there is no such file; correct the path in the config")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"weights {path}: not a checkpoint of plain tensors ({reason}); save the state_dict "
            "with torch.save and give that file"
        ) from error
    if not isinstance(found, dict):
        raise InputError(
            f"weights {path}: holds a {type(found).__name__}, not a state_dict; "
            "save net.state_dict() instead"
        )
    return found


def load(net: torch.nn.Module, path: str) -> list[str] | None:
    """Fill the network with the weights of a checkpoint and return its class names, if it has any.

    Both a bare state_dict and `{"state_dict": ..., "categories": ...}` (what `train` writes) fit.

    Raises:
        InputError: keys are missing, unknown or of another shape; the first ones are named.
    """
    found = read(path)
    weights = found.get("state_dict", found)
    problems = mismatches(net.state_dict(), weights)
    if problems:
        raise InputError(
            f"weights {path}: do not fit the network: {'; '.join(problems)}; take the options and "
            "the number of classes that they were trained with"
        )
    net.load_state_dict(weights)
    return found.get("categories") if "state_dict" in found else None


def mismatches(wanted: dict, given: dict) -> list[str]:
    """Return a phrase for the missing, the unknown and the misshaped keys of a state_dict."""
    shared = [key for key in wanted if key in given]
    misshaped = [
        f"{key} {_shape(given[key])} instead of {_shape(wanted[key])}"
        for key in shared
        if _shape(given[key]) != _shape(wanted[key])
    ]
    lists = {
        "missing": [key for key in wanted if key not in given],
        "unknown": [key for key in given if key not in wanted],
        "of another shape": misshaped,
    }
    return [f"{len(keys)} {what}: {_some(keys)}" for what, keys in lists.items() if keys]


def _shape(value: object) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return "x".join(map(str, value.shape)) or "scalar"


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(map(str, keys[:SHOWN])) + more
