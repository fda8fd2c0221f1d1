"""Maps that were made elsewhere: a published model's outputs, scored beside everything else.

Each video's maps are in the folder under the video's name, in one of these forms:

- `VIDEO/`, a folder of pictures in natural order, 8 or 16 bits, grey (PNG, JPEG, TIFF, BMP);
- `VIDEO.npy`, an array (T,h,w);
- `VIDEO.h5`, a file whose dataset `saliency`, or whose only one, is (T,h,w);
- `VIDEO.mp4`, `.mkv`, `.mov` or `.avi`, a grey video.

There are as many maps as the clip has frames; or as many as the whole source has, and then those of
the clip are taken. Maps are of any size and cover the whole picture. Prefer arrays: 8-bit pictures
and lossy videos change KL by up to 2, scores of rank little.

Give every model a name of its own, which is its name in paths and tables:
`gaze: {tased: {method: imported, folder: maps/tased}}` and `run: {gaze: [tased]}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np

from vidsal.errors import InputError
from vidsal.gaze._model import GazeModel
from vidsal.video import _folders, decode

FILES = "folder"  # the option that says where the files are; the maps depend on what is in them
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
VIDEOS = (".mp4", ".mkv", ".mov", ".avi")


def imported(*, folder: str = "maps") -> GazeModel:
    """The maps of a folder.

    Args:
        folder: where the maps are, by the names of the videos.

    Raises:
        InputError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise InputError(f"folder: {folder} of imported: no such folder; put the maps there")

    def maps(video: str, frame_index: np.ndarray) -> np.ndarray:
        return _of_clip(_read(Path(folder), video), video, frame_index)

    def predict(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        raise InputError("imported: maps are found by the name of a video, not made of frames")

    return GazeModel("imported", predict, maps=maps)


def _read(folder: Path, video: str) -> np.ndarray:
    """All maps (T,h,w) of a video."""
    forms = {"": _pictures, ".npy": _array, ".h5": _dataset, ".hdf5": _dataset}
    forms |= dict.fromkeys(VIDEOS, _video)
    found = [folder / f"{video}{ending}" for ending in forms]
    found = [path for path in found if path.exists()]
    if len(found) != 1:
        what = "no maps" if not found else f"maps in {len(found)} forms"
        raise InputError(
            f"imported: {what} of {video} in {folder}; give one of {video}/, "
            f"{', '.join(video + ending for ending in forms if ending)}"
        )
    made = forms["" if found[0].is_dir() else found[0].suffix](found[0])
    if made.ndim != 3:
        raise InputError(
            f"imported: {found[0]} is {made.shape}; give an array (frames, rows, columns)"
        )
    return made.astype(np.float32)


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"imported: {path}: {error}; save a plain array of numbers") from error


def _dataset(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if _is_map(item) else None)
        chosen = [name for name in names if name.rsplit("/", 1)[-1] == "saliency"] or names
        if len(chosen) != 1:
            raise InputError(
                f"imported: {path} holds {len(chosen)} datasets of three dimensions; "
                "call that of the maps saliency"
            )
        return file[chosen[0]][()]


def _is_map(item: object) -> bool:
    return isinstance(item, h5py.Dataset) and item.ndim == 3


def _video(path: Path) -> np.ndarray:
    return np.stack([frame.rgb.mean(axis=2, dtype=np.float32) for frame in decode.decode(path)])


def _pictures(path: Path) -> np.ndarray:
    """Grey pictures, with all their bits."""
    made = []
    for file in _folders.pictures(path, PICTURES):
        picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise InputError(f"imported: {file} cannot be read as a picture; make it again")
        made.append(picture[..., :3].mean(axis=2) if picture.ndim == 3 else picture)
        if made[-1].shape != made[0].shape:
            raise InputError(f"imported: {file} is of another size than the first map of {path}")
    return np.stack(made)


def _of_clip(maps: np.ndarray, video: str, frame_index: np.ndarray) -> np.ndarray:
    """The maps of the frames of a clip."""
    if len(maps) == len(frame_index):
        return maps
    if len(maps) > frame_index[-1]:
        return maps[frame_index]
    raise InputError(
        f"imported: {len(maps)} maps of {video}, whose clip has {len(frame_index)} frames and ends "
        f"with frame {frame_index[-1]} of its source; give one map for each frame of either"
    )
