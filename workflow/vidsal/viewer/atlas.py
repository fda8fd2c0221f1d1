"""One video per clip that holds the picture and all its maps as tiles, so all share one clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vidsal.errors import InputError
from vidsal.video.encode import write_h264
from vidsal.video.overlay import (
    QUANTILE,
    Sampling,
    check,
    display_scale,
    grid,
    sampling,
)

BLOCK = 16  # px of an H.264 macroblock; tiles start on blocks, so that no block mixes two tiles
ORIGINAL, MASK = "original", "mask"  # names of the tiles that are no heatmap


def atlas(
    frames: np.ndarray,
    heatmaps: dict[str, np.ndarray],
    transforms: dict[str, np.ndarray],
    path: Path,
    *,
    fps: float,
    mask: np.ndarray | None = None,
    tile: int = 256,
    crf: int = 23,
) -> dict:
    """Write one H.264 video with the picture and all maps of a clip as tiles of a grid.

    A map's tile is grey, `255 * clip(map / scale, 0, 1)` with `scale` the 99.9 % quantile of the
    map's positive part over this video. Codec and 8 bits cost about 1 % of the scale: for looking,
    not for measuring.

    Args:
        frames: uint8 RGB (T, H, W, 3), the canvas.
        heatmaps: name -> float32 (T, h, w), each at its own resolution.
        transforms: name -> (3, 3), canvas px -> map px.
        path: the mp4 file to write.
        fps: frames per second.
        mask: uint8 or bool (T, H, W), the ground truth: nonzero = inside; None = unknown.
        tile: longest side of a tile in px; a smaller canvas is not enlarged.
        crf: constant rate factor of the codec, 0 to 51; larger = smaller file.

    Returns:
        The layout, ready for JSON: `frames`, `fps`, `width`, `height` of the video in px, `canvas`
        and `tile` as [H, W], `quantile`, and `tiles`, a list of `name`, `kind` (picture, mask or
        map), `x`, `y` of the top left corner in px, and for maps `scale` (the value of white) and
        `seen` [x0, y0, x1, y1], the part of the canvas that the map covers, 0 to 1.
    """
    check(frames, heatmaps, transforms)
    taken = sorted({ORIGINAL, MASK} & set(heatmaps))
    if taken:
        raise InputError(f"heatmap {taken[0]} in atlas: the name is taken; rename the heatmap")
    if mask is not None and mask.shape != frames.shape[:3]:
        found = f"mask in atlas: shape {mask.shape} does not fit frames {frames.shape[:3]}"
        raise InputError(f"{found}; give one mask of the canvas size per frame")
    canvas = frames.shape[1:3]
    size = _tile_size(canvas, tile)
    layout = _layout(heatmaps, transforms, canvas, size, mask is not None)
    layout |= {"frames": len(frames), "fps": float(fps)}
    samplings = {
        name: sampling(transforms[name], canvas, size, heatmap.shape[1:])
        for name, heatmap in heatmaps.items()
    }
    write_h264(path, _pictures(frames, heatmaps, samplings, mask, layout), fps, crf=crf)
    return layout


def _tile_size(canvas: tuple[int, int], longest: int) -> tuple[int, int]:
    shrink = min(1.0, longest / max(canvas))
    return max(1, round(canvas[0] * shrink)), max(1, round(canvas[1] * shrink))


def _cell_size(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // BLOCK) * BLOCK, -(-size[1] // BLOCK) * BLOCK


def _layout(
    heatmaps: dict[str, np.ndarray],
    transforms: dict[str, np.ndarray],
    canvas: tuple[int, int],
    size: tuple[int, int],
    has_mask: bool,
) -> dict:
    tiles = [{"name": ORIGINAL, "kind": "picture"}]
    tiles += [{"name": MASK, "kind": "mask"}] if has_mask else []
    for name, heatmap in heatmaps.items():
        seen = _seen(transforms[name], canvas, heatmap.shape[1:])
        tiles.append({"name": name, "kind": "map", "scale": display_scale(heatmap), "seen": seen})
    cell = _cell_size(size)
    rows, columns = grid(len(tiles), cell)
    for number, entry in enumerate(tiles):
        entry |= {"x": number % columns * cell[1], "y": number // columns * cell[0]}
    return {
        "width": columns * cell[1],
        "height": rows * cell[0],
        "canvas": list(canvas),
        "tile": list(size),
        "quantile": QUANTILE,
        "tiles": tiles,
    }


def _seen(transform: np.ndarray, canvas: tuple[int, int], map_size: tuple[int, int]) -> list[float]:
    """Return the box of the canvas that a map covers as shares [x0, y0, x1, y1] of the canvas."""
    h, w = map_size
    corners = np.array([[-0.5, w - 0.5], [-0.5, h - 0.5], [1, 1]], dtype=np.float64)
    x, y, unit = np.linalg.inv(transform) @ corners
    box = np.stack([(x / unit + 0.5) / canvas[1], (y / unit + 0.5) / canvas[0]])
    return [round(float(v), 4) for v in np.sort(box, axis=1).clip(0, 1).T.ravel()]


def _pictures(
    frames: np.ndarray,
    heatmaps: dict[str, np.ndarray],
    samplings: dict[str, Sampling],
    mask: np.ndarray | None,
    layout: dict,
) -> Iterator[np.ndarray]:
    size = tuple(layout["tile"])
    for index, frame in enumerate(frames):
        page = np.zeros((layout["height"], layout["width"], 3), np.uint8)
        for entry in layout["tiles"]:
            if entry["kind"] == "map":
                value = samplings[entry["name"]](heatmaps[entry["name"]][index]) / entry["scale"]
                tile = np.rint(value.clip(0, 1) * 255).astype(np.uint8)
            else:
                whole = frame if entry["kind"] == "picture" else (mask[index] > 0) * np.uint8(255)
                tile = cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA)
            _place(page, tile, entry)
        yield page


def _place(page: np.ndarray, tile: np.ndarray, entry: dict) -> None:
    """Put a tile into its cell and repeat its edge to the cell's end, which the codec likes."""
    height, width = _cell_size(tile.shape[:2])
    rest = ((0, height - tile.shape[0]), (0, width - tile.shape[1]))
    colour = tile if tile.ndim == 3 else np.repeat(tile[..., None], 3, axis=2)
    cell = np.pad(colour, (*rest, (0, 0)), mode="edge")
    page[entry["y"] : entry["y"] + height, entry["x"] : entry["x"] + width] = cell
