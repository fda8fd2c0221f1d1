"""Still and moving pictures of one map over its video, as the published systems draw them.

Everything takes a `Shown`: the frames, and the map, which is enlarged and scaled frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vidsal.video.overlay import INK, PAPER, blend, display_scale, palette, write

COLUMNS = 8  # frames in a row
CELL = 160  # px, width of a frame in panels and grids
GRID = (6, 5)  # rows and columns of a grid of frames
FLOOR = 20  # of 255: how bright a frame stays where the map is lowest
HEAD, GAP, TEXT = 26, 4, 18


@dataclass(frozen=True)
class Shown:
    """A video and one map over it.

    Attributes:
        frames: uint8 RGB (T,H,W,3), an array or what reads like one.
        saliency: (T,h,w).
        place: enlarges a map (h,w) to the frames (H,W).
        colormap: a name that `overlay.palette` knows.
        title: what the picture says above.
    """

    frames: Sequence[np.ndarray]
    saliency: np.ndarray
    place: Callable[[np.ndarray], np.ndarray]
    colormap: str = "inferno"
    title: str = ""

    def value(self, frame: int, scale: float | None = None) -> np.ndarray:
        """Return the positive part of the map on a frame, float32 (H,W), 1 at the scale's end."""
        scale = display_scale(self.saliency) if scale is None else scale
        return (self.place(self.saliency[frame]) / scale).clip(0, 1)

    def overlay(
        self, frame: int, scale: float, colours: np.ndarray, alpha: float = 0.75
    ) -> np.ndarray:
        """Return a frame in grey under the map in colour, uint8 (H,W,3)."""
        grey = cv2.cvtColor(np.ascontiguousarray(self.frames[frame]), cv2.COLOR_RGB2GRAY)
        under = np.repeat(grey[..., None], 3, axis=2)
        return blend(under, self.value(frame, scale), colours, alpha)


def evenly(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` frame numbers, evenly from the first to the last."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()


def panels(shown: Shown, most: int = 2 * COLUMNS) -> np.ndarray:
    """Return rows of 8 frames, each above its map, uint8 (H',W',3); frames lie evenly."""
    numbers = evenly(len(shown.frames), most)
    scale, colours = display_scale(shown.saliency), palette(shown.colormap)
    pairs = [(shown.frames[n], shown.overlay(n, scale, colours)) for n in numbers]
    size = _cell(shown)
    lines = -(-len(numbers) // COLUMNS)
    line = 2 * size[0] + TEXT + 2 * GAP
    page = _page((HEAD + lines * line, GAP + COLUMNS * (size[1] + GAP)), shown.title)
    for place, (number, (above, below)) in enumerate(zip(numbers, pairs, strict=True)):
        top = HEAD + place // COLUMNS * line
        left = GAP + place % COLUMNS * (size[1] + GAP)
        write(page, str(number), top + TEXT - 5, left, size[1], 0.4)
        _paste(page, top + TEXT, left, above, size)
        _paste(page, top + TEXT + size[0] + GAP, left, below, size)
    return page


def animation(shown: Shown) -> Iterator[np.ndarray]:
    """Yield each frame beside its map, uint8 (H',W',3)."""
    scale, colours = display_scale(shown.saliency), palette(shown.colormap)
    size = _cell(shown)
    for number, frame in enumerate(shown.frames):
        page = _page((HEAD + size[0] + GAP, 3 * GAP + 2 * size[1]), shown.title)
        _paste(page, HEAD, GAP, frame, size)
        _paste(page, HEAD, 2 * GAP + size[1], shown.overlay(number, scale, colours), size)
        yield page


def film(shown: Shown) -> Iterator[np.ndarray]:
    """Yield each frame under its map, with the title drawn in, uint8 (H',W',3)."""
    scale, colours = display_scale(shown.saliency), palette(shown.colormap)
    for number in range(len(shown.frames)):
        page = shown.overlay(number, scale, colours)
        page = cv2.resize(page, None, fx=2, fy=2) if page.shape[1] < 2 * CELL else page
        page[:HEAD] = page[:HEAD] // 3
        write(page, shown.title, HEAD - 8, 6, page.shape[1] - 12, 0.5)
        yield page


def focus(shown: Shown) -> Iterator[np.ndarray]:
    """Yield each frame, dark where its map is low, uint8 (H,W,3).

    Pixels are multiplied by (20 + 235 v) / 255, v the map from its minimum to its maximum in this
    frame: every frame shows where its own map is highest.
    """
    for number, frame in enumerate(shown.frames):
        value = shown.place(shown.saliency[number])
        yield np.rint(frame * (focus_weights(value)[..., None] / 255)).astype(np.uint8)


def focus_weights(value: np.ndarray) -> np.ndarray:
    """Return 20 to 255 (H,W) for the least to the largest value; 20 where all are the same."""
    low, high = float(value.min()), float(value.max())
    return FLOOR + (255 - FLOOR) * (value - low) / ((high - low) or 1.0)


def focus_panels(shown: Shown, most: int = 2 * COLUMNS) -> np.ndarray:
    """Return rows of 8 dimmed frames, uint8 (H',W',3)."""
    numbers = evenly(len(shown.frames), most)
    wanted = set(numbers)
    dimmed = [frame for number, frame in enumerate(focus(shown)) if number in wanted]
    return grid(dimmed, _cell(shown), COLUMNS, shown.title)


def beside_flow(shown: Shown, flow: np.ndarray) -> np.ndarray:
    """Return the map of up to 30 frames in grey beside the length of the flow, uint8 (H',W',3).

    Args:
        shown: the video and its map.
        flow: float32 (T,H,W), as the control `optical_flow` makes it.
    """
    numbers = evenly(len(shown.frames), GRID[0] * GRID[1])
    scale, end = display_scale(shown.saliency), display_scale(flow)
    grey = palette("grey")
    maps = [grey[np.rint(255 * shown.value(n, scale)).astype(np.uint8)] for n in numbers]
    flows = [grey[np.rint(255 * (flow[n] / end).clip(0, 1)).astype(np.uint8)] for n in numbers]
    size = tuple(side // 2 for side in _cell(shown))
    halves = [
        grid(maps, size, GRID[1], shown.title),
        grid(flows, size, GRID[1], "length of the optical flow"),
    ]
    return np.concatenate(halves, axis=1)


def grid(
    pictures: Sequence[np.ndarray], size: tuple[int, int], columns: int, title: str
) -> np.ndarray:
    """Return pictures in rows, each of `size` (H,W), under a title, uint8 (H',W',3)."""
    rows = -(-len(pictures) // columns)
    shape = (HEAD + rows * (size[0] + GAP), GAP + columns * (size[1] + GAP))
    page = _page(shape, title)
    for place, picture in enumerate(pictures):
        top = HEAD + place // columns * (size[0] + GAP)
        _paste(page, top, GAP + place % columns * (size[1] + GAP), picture, size)
    return page


def _cell(shown: Shown) -> tuple[int, int]:
    height, width = shown.frames[0].shape[:2]
    return round(height * CELL / width), CELL


def _page(shape: tuple[int, int], title: str) -> np.ndarray:
    page = np.full((*shape, 3), PAPER, np.uint8)
    write(page, title, HEAD - 8, GAP, shape[1] - 2 * GAP, 0.5, INK)
    return page


def _paste(
    page: np.ndarray, top: int, left: int, picture: np.ndarray, size: tuple[int, int]
) -> None:
    way = cv2.INTER_AREA if picture.shape[1] > size[1] else cv2.INTER_LINEAR
    made = cv2.resize(np.ascontiguousarray(picture), size[::-1], interpolation=way)
    page[top : top + size[0], left : left + size[1]] = made
