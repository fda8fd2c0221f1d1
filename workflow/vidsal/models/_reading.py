"""Checkpoint files opened without running anything in them."""

from __future__ import annotations

import contextlib
import json
import pickle
import re
import shlex
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import serialization

from vidsal.errors import InputError

DEEPEST = 8
# What the state_dict of a network is filed under, the likeliest first.
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "network", "net", "weights")
NUMBERS = (np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32)
NUMBERS += (np.uint64, np.float16, np.float32, np.float64)
CONVERSION = """import torch
c = torch.load({path}, map_location="cpu", weights_only=False)
c = next((c[k] for k in {wrappers} if isinstance(c, dict) and k in c), c)
torch.save(c.state_dict() if hasattr(c, "state_dict") else c, {out})"""


def read(path: str) -> dict:
    """Return what a checkpoint file holds, tensors on the CPU; no code in it can run.

    Read are the files of `torch.save` (old and new) and NumPy's npz; NumPy's plain numbers and
    arrays beside the tensors are let through, nothing else is.

    Raises:
        InputError: the file is missing, is no checkpoint, or holds more than tensors and values.
    """
    if not Path(path).is_file():
        what = "is a folder" if Path(path).is_dir() else "there is no such file"
        raise InputError(f"weights {path}: {what}; correct the path in the config")
    found = _read_npz(path) if _is_npz(path) else _read_torch(path)
    if not isinstance(found, Mapping):
        raise InputError(
            f"weights {path}: holds a {type(found).__name__}, not a state_dict; "
            "save net.state_dict() instead"
        )
    return dict(found)


def unwrapped(found: Mapping) -> Mapping:
    """Return the state_dict in a checkpoint, whatever wrappers lie around it."""
    for _ in range(DEEPEST):
        inner = (found[name] for name in WRAPPERS if isinstance(found.get(name), Mapping))
        found, before = next(inner, found), found
        if found is before:
            break
    return found


def tensors(found: Mapping) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the tensors of a state_dict, and the names of what else lies beside them."""
    made = {}
    for name, value in found.items():
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if isinstance(value, torch.Tensor):
            made[str(name)] = value
    return made, [str(name) for name in found if str(name) not in made]


def _is_npz(path: str) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(name.endswith(".npy") for name in archive.namelist())


def _read_npz(path: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"weights {path}: not arrays of plain numbers ({_line(error)}); save the arrays with "
            "numpy.savez, none of them of objects"
        ) from error


def _read_torch(path: str) -> object:
    with serialization.safe_globals(_harmless()):
        try:
            with _quiet():
                return torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
            raise InputError(_refusal(path, error)) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    import warnings

    # About TorchScript archives, which are refused with a sentence of our own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _harmless() -> list[object]:
    """Return what NumPy's numbers and arrays are pickled as; arrays of objects are not among it."""
    multiarray = np._core.multiarray
    renamed = [
        (function, f"numpy.{core}.multiarray.{function.__name__}")
        for function in (multiarray.scalar, multiarray._reconstruct)
        for core in ("core", "_core")  # before NumPy 2 and since
    ]
    return [*renamed, np.dtype, np.ndarray, *{type(np.dtype(number)) for number in NUMBERS}]


def _refusal(path: str, error: Exception) -> str:
    if running := _would_run(path, error):
        return (
            f"weights {path}: not a checkpoint of plain tensors: to open it, {running} would have "
            "to run, which may do anything; if you trust its source, convert it once, where it can "
            f"be opened: {conversion(path)}"
        )
    if "TorchScript" in str(error):
        return (
            f"weights {path}: not a checkpoint of plain tensors but a TorchScript archive; save "
            "its weights: torch.save(torch.jit.load(path).state_dict(), new_path)"
        )
    return (
        f"weights {path}: not a checkpoint of plain tensors ({_line(error)}); give a file of "
        "torch.save(net.state_dict(), path), whole and not a web page"
    )


def conversion(path: str) -> str:
    """Return the command that makes a checkpoint of plain tensors out of one of objects."""
    out = str(Path(path).with_suffix(".plain.pth"))
    # JSON writes texts as Python reads them, in the quotes that the shell's do not clash with.
    texts = {"path": path, "wrappers": WRAPPERS, "out": out}
    code = CONVERSION.format(**{name: json.dumps(text) for name, text in texts.items()})
    return f"python -c {shlex.quote('; '.join(code.splitlines()))}, then give {out}"


def _would_run(path: str, error: Exception) -> str:
    """Return the classes and functions that opening the file would have called, '' for none."""
    try:
        found = serialization.get_unsafe_globals_in_checkpoint(path)
    except (ValueError, RuntimeError, pickle.UnpicklingError):
        # An old file, of which torch says only where it stopped.
        found = re.findall(r"GLOBAL (\S+) was not an allowed global", str(error))
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
