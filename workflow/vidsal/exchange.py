"""Maps in other programs' formats: text of one line per frame, NumPy arrays, 8-bit pictures.

Two kinds of pictures: `png` scales a clip as a whole, `predictions` each frame, which is how
predicted gaze is handed in. The server of DHF1K takes such folders as one tar.gz per video
(`archives`), frames numbered from 0001; Hollywood-2 and UCF-Sports put the clip's name before the
number (`names: "{stem}_{number:05d}"`).

The text is that of a published thesis on Grad-CAM and gaze: for each frame, counted from 1, a line
`Frame N - Heatmap values:` and a line of the H*W values, row by row, separated by blanks. Its shape
is not in the file. Numbers are written with as many digits as float32 needs to come back the same.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vidsal import heatmaps
from vidsal.errors import InputError
from vidsal.stage import write_json

NAMES = "{number:04d}"
PREDICTIONS = {"predictions", "archives"}
HEADING = "Frame {} - Heatmap values:"
LINE = re.compile(r"Frame (\d+) - Heatmap values:\s*")


def write_text(path: str | Path, saliency: np.ndarray) -> None:
    """Write a map float32 (T,H,W) as text; `read_text` gives the same values."""
    values = np.asarray(saliency, np.float32)
    with Path(path).open("w", encoding="ascii", newline="\n") as file:
        for number, frame in enumerate(values, start=1):
            file.write(HEADING.format(number) + "\n")
            file.write(" ".join(map(str, frame.ravel())) + "\n")


def read_text(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Return the map float32 (T,H,W) of a text, whose frames are of `shape` (H, W).

    Values may run over several lines.

    Raises:
        InputError: frames are missing or have other numbers of values, or the file is another.
    """
    frames = [_values(path, number, words, shape) for number, words in _blocks(path)]
    if not frames:
        raise InputError(f"{path}: no line `{HEADING.format(1)}` in it; give a text of heatmaps")
    return np.stack(frames)


def _blocks(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (frame, its values as words) in order; frames count from 1 without gaps."""
    number, words = 0, []
    with Path(path).open(encoding="ascii", errors="replace") as file:
        for line in file:
            heading = LINE.fullmatch(line)
            if heading is None:
                words += line.split()
                continue
            if number:
                yield number, words
            if int(heading[1]) != number + 1:
                raise InputError(
                    f"{path}: frame {heading[1]} follows frame {number}; give all frames in order"
                )
            number, words = number + 1, []
    if number:
        yield number, words


def _values(path: str | Path, number: int, words: list[str], shape: tuple[int, int]) -> np.ndarray:
    if len(words) != shape[0] * shape[1]:
        raise InputError(
            f"{path}: frame {number} has {len(words)} values, not {shape[0]} x {shape[1]} = "
            f"{shape[0] * shape[1]}; give the height and width that were written"
        )
    try:
        return np.array(words, dtype=np.float32).reshape(shape)
    except ValueError as error:
        raise InputError(f"{path}: frame {number}: {error}; give a text of heatmaps") from error


def write_npy(path: str | Path, saliency: np.ndarray) -> None:
    """Write a map (T,H,W) as a NumPy array, float32."""
    np.save(path, np.asarray(saliency, np.float32), allow_pickle=False)


def write_pictures(folder: str | Path, saliency: np.ndarray) -> None:
    """Write a map (T,H,W) as grey PNG files 0001.png, ...: 0 and 255 are its least and largest.

    The scaling is one for the whole clip and stands in `scaling.json`: value = low + grey / 255 *
    (high - low). A map of one value is black.
    """
    import cv2

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    low, high = float(saliency.min()), float(saliency.max())
    for number, frame in enumerate(saliency, start=1):
        share = (frame.astype(np.float64) - low) / ((high - low) or 1.0)
        _, stored = cv2.imencode(".png", np.rint(255 * share).astype(np.uint8))
        (folder / f"{number:04d}.png").write_bytes(stored)
    write_json(folder / "scaling.json", {"low": low, "high": high, "frames": len(saliency)})


def write_predictions(folder: str | Path, saliency: np.ndarray, name: str, video: str) -> None:
    """Write a map (T,H,W) as grey PNG files, each frame from 0 to 255 for itself.

    This is what the evaluations of gaze prediction read: of a frame they know no other scale. A
    frame of one value is black.

    Args:
        folder: where they go.
        saliency: the map.
        name: of each file but its ending, a template of `number` (of the frame, from 1), `video`
            and `stem`, the video's name up to its last "_" or "-".
        video: name of the video.
    """
    import cv2

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[_-][^_-]*$", "", video)
    for number, frame in enumerate(saliency, start=1):
        low, high = float(frame.min()), float(frame.max())
        share = (frame.astype(np.float64) - low) / ((high - low) or 1.0)
        _, stored = cv2.imencode(".png", np.rint(255 * share).astype(np.uint8))
        file = name.format(number=number, video=video, stem=stem) + ".png"
        (folder / file).write_bytes(stored)


def pack(folder: str | Path, archive: str | Path) -> None:
    """Write a folder as a tar.gz that holds it under its own name, in order, without any dates."""
    folder = Path(folder)
    with (
        Path(archive).open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for file in sorted(folder.iterdir()):
            about = tarfile.TarInfo(f"{folder.name}/{file.name}")
            about.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(about, content)


def on_frames(heatmap: heatmaps.Heatmap) -> np.ndarray:
    """Return a map enlarged to the stored frames, float32 (T,H,W); 0 where it does not reach."""
    return np.stack(list(frames_of(heatmap)))


def frames_of(heatmap: heatmaps.Heatmap) -> Iterator[np.ndarray]:
    """Yield the map of each frame, float32 (H,W), enlarged to the stored frames."""
    place = placing(heatmap)
    return (place(frame) for frame in heatmap.saliency)


def placing(heatmap: heatmaps.Heatmap) -> Callable[[np.ndarray], np.ndarray]:
    """Return what enlarges a map (h,w) to the stored frames (H,W)."""
    from vidsal.video.overlay import sampling

    canvas = tuple(int(side) for side in heatmap.attrs["canvas_size"])
    to_map = heatmap.transform @ np.linalg.inv(heatmap.attrs["canvas_transform"])
    return sampling(to_map, canvas, canvas, heatmap.saliency.shape[-2:])


def export_shard(
    file: str | Path, out: str | Path, formats: list[str], size: str, names: str = NAMES
) -> None:
    """Write every map of a shard file in each of the formats, into a folder.

    Args:
        file: heatmaps of a shard.
        out: folder to write: `{video}.npy`, `{video}.txt`, `{video}/0001.png`,
            `predictions/{video}/0001.png`, `predictions/{video}.tar.gz`, and `{video}.json`, which
            says where the map lies in the video.
        formats: of `npy`, `text`, `png`, `predictions`, `archives`.
        size: `native`, as the method made it, or `frames`, enlarged to the stored frames.
        names: of the pictures under `predictions`; see `write_predictions`.

    Raises:
        InputError: names that do not tell frames apart.
    """
    check_names(names)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for video, heatmap in heatmaps.read_all(file):
        large = size == "frames"
        saliency = on_frames(heatmap) if large else heatmap.saliency
        for name in formats:
            _write(name, out, video, saliency)
        if not PREDICTIONS.isdisjoint(formats):
            _write_predictions(out / "predictions" / video, saliency, names, video, formats)
        write_json(out / f"{video}.json", _record(heatmap, saliency, large))


def check_names(names: str) -> None:
    """Refuse a template of file names that does not tell frames apart, or names another folder.

    Raises:
        InputError: so it is.
    """
    try:
        made = {names.format(number=number, video="v", stem="v") for number in (1, 2)}
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"export.names: {names!r}: {error}; use {{number:04d}}, {{video}}, {{stem}}"
        ) from error
    if len(made) < 2 or any("/" in one for one in made):
        raise InputError(f"export.names: {names!r}: needs {{number}}, and no /")


def _write_predictions(
    folder: Path, saliency: np.ndarray, names: str, video: str, formats: list[str]
) -> None:
    write_predictions(folder, saliency, names, video)
    if "archives" in formats:
        pack(folder, folder.with_name(f"{video}.tar.gz"))
    if "predictions" not in formats:
        shutil.rmtree(folder)


def _write(name: str, out: Path, video: str, saliency: np.ndarray) -> None:
    if name == "png":
        write_pictures(out / video, saliency)
    if name not in ("npy", "text"):
        return
    write, ending = {"npy": (write_npy, ".npy"), "text": (write_text, ".txt")}[name]
    write(out / f"{video}{ending}", saliency)


def _record(heatmap: heatmaps.Heatmap, saliency: np.ndarray, large: bool) -> dict[str, object]:
    """Return what a map in another format no longer says of itself."""
    own = heatmap.attrs
    transform = own["canvas_transform"] if large else heatmap.transform
    told = ("target", "target_label", "target_against", "polarity", "layer", "fps")
    return {
        "shape": list(saliency.shape),
        "transform": np.asarray(transform).tolist(),
        "source_size": [int(side) for side in own["source_size"]],
        "frame_index": heatmap.frame_index.tolist(),
        **{name: _plain(own[name]) for name in told if name in own},
    }


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
