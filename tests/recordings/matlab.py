"""Writes MATLAB 7.3 files for tests, as MATLAB lays them out."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

# Layout: MATLAB's "MAT-File Versions" (7.3 is HDF5 behind a user block of 512 bytes that begins
# with "MATLAB 7.3 MAT-file"), and as hdf5storage and mat73 describe it: attributes MATLAB_class and
# MATLAB_empty, arrays transposed, chars as uint16, cells and struct arrays as references into
# the group "#refs#".
HEAD = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"


def write(path: Path, **variables: object) -> Path:
    """Write arrays, texts, dicts (struct), lists of dicts (struct array) and lists (cell)."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _put(file, file, name, value)
    with path.open("r+b") as file:
        file.write(HEAD)
    return path


def _put(file: h5py.File, group: h5py.Group, name: str, value: object) -> None:
    if isinstance(value, dict):
        made = group.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, each in value.items():
            _put(file, made, key, each)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        made = group.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_("struct")
        for key in value[0]:
            made[key] = np.array([[_refer(file, each[key])] for each in value], h5py.ref_dtype)
    elif isinstance(value, list):
        group[name] = np.array([[_refer(file, each)] for each in value], h5py.ref_dtype)
        group[name].attrs["MATLAB_class"] = np.bytes_("cell")
    elif isinstance(value, str):
        group[name] = np.array([[ord(sign)] for sign in value], np.uint16)
        group[name].attrs["MATLAB_class"] = np.bytes_("char")
    elif np.size(value) == 0:
        group[name] = np.array(np.shape(value), np.uint64)
        group[name].attrs["MATLAB_class"] = np.bytes_("double")
        group[name].attrs["MATLAB_empty"] = np.uint8(1)
    else:
        group[name] = np.atleast_2d(value).T
        group[name].attrs["MATLAB_class"] = np.bytes_("double")


def _refer(file: h5py.File, value: object) -> h5py.Reference:
    group = file.require_group("#refs#")
    name = f"r{len(group)}"
    _put(file, group, name, value)
    return group[name].ref
