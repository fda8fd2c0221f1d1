"""Frames as they lie in frames.h5: read when they are looked at, from files that stay open."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from vidsal.video.frames import read_frames

FRAMES_AT_ONCE = 32
FILES_AT_ONCE = 64


class StoredFrames(NDArrayOperatorsMixin):
    """Looks like an array uint8 (T,H,W,3) of RGB frames, but holds a few of them at a time.

    Iterating and slicing read what they need. All else that an array can do is done with the whole
    array, which for an hour of video does not fit into memory. Valid as long as the file is open.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, group: h5py.Group) -> None:
        """Take a group that `write_frames` filled."""
        self._group = group
        self.shape = (len(group["frame_index"]), *map(int, group.attrs["canvas_size"]), 3)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames (H,W,3) in order."""
        for block in self.blocks():
            yield from block

    def __getitem__(self, key: int | slice | tuple | np.ndarray) -> np.ndarray:
        """Return what the array would give; a number or a slice reads only its frames."""
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if isinstance(first, int | np.integer):
            number = range(len(self))[first]
            return read_frames(self._group, number, number + 1)[0][rest]
        if isinstance(first, slice):
            return self._slice(first)[(slice(None), *rest)]
        return np.asarray(self)[key]

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole array."""
        return read_frames(self._group).astype(dtype or self.dtype, copy=False)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: object, **options: object
    ) -> object:
        """Compute with the whole array."""
        arrays = [np.asarray(one) if one is self else one for one in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name: str) -> object:
        """Return any other attribute of the whole array."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def blocks(self, count: int = FRAMES_AT_ONCE) -> Iterator[np.ndarray]:
        """Yield all frames in order, up to `count` of them at a time."""
        for start in range(0, len(self), count):
            yield read_frames(self._group, start, min(start + count, len(self)))

    def _slice(self, wanted: slice) -> np.ndarray:
        numbers = range(len(self))[wanted]
        if not numbers:
            return np.empty((0, *self.shape[1:]), self.dtype)
        low, high = sorted((numbers[0], numbers[-1]))
        # In one piece, then every n-th: steps inside HDF5 are a hundred times slower.
        return read_frames(self._group, low, high + 1)[:: numbers.step]


class OpenFiles:
    """Files opened when first asked for and kept so; the one longest unused makes room for more.

    Opening a file anew for every clip would cost a quarter of what reading the clip does.
    """

    def __init__(
        self, opener: Callable[[str | Path], h5py.File], most: int = FILES_AT_ONCE
    ) -> None:
        """Take the function that opens a path, and how many files may be open at once."""
        self._opener, self._most = opener, most
        self._files: OrderedDict[str, h5py.File] = OrderedDict()
        self._groups: dict[str, dict[str, h5py.Group]] = {}

    def group(self, path: str | Path, name: str) -> contextlib.nullcontext[h5py.Group]:
        """Return a context with a group of a file, good until other files are asked for."""
        known = str(path)
        if known not in self._files:
            if len(self._files) >= self._most:
                self._close(next(iter(self._files)))
            self._files[known], self._groups[known] = self._opener(path), {}
        self._files.move_to_end(known)
        groups = self._groups[known]
        if name not in groups:
            groups[name] = self._files[known][name]
        return contextlib.nullcontext(groups[name])

    def close(self) -> None:
        """Close all files."""
        for known in list(self._files):
            self._close(known)

    def _close(self, known: str) -> None:
        del self._groups[known]
        self._files.pop(known).close()
