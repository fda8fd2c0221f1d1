"""Panels of one video with its heatmaps in colour, side by side on one clock."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vidsal.errors import InputError

QUANTILE = 0.999  # of a video's map values: what the end of the colour scale stands for
TRAIL = 5  # frames for which a fixation stays visible
PANEL = 320  # px, least width of a panel
COLORMAPS = {"inferno": cv2.COLORMAP_INFERNO, "viridis": cv2.COLORMAP_VIRIDIS, "grey": None}
# For pictures like published ones: jet has edges where the map has none, PuRd is dark where the
# map is high. PuRd is ColorBrewer's of nine colours, which OpenCV does not have.
PUBLISHED = ("jet", "PuRd")
PURD = (0xF7F4F9, 0xE7E1EF, 0xD4B9DA, 0xC994C7, 0xDF65B0, 0xE7298A, 0xCE1256, 0x980043, 0x67001F)

BAR, LEGEND, TITLE, GAP = 24, 20, 32, 8
FONT = cv2.FONT_HERSHEY_SIMPLEX
PAPER, INK, FAINT = (24, 24, 28), (240, 240, 240), (165, 165, 172)
GAZE, OUTLINE = (0, 229, 255), (0, 0, 0)


def palette(name: str) -> np.ndarray:
    """Return the 256 colours of a map, uint8 RGB (256, 3).

    Lightness grows with the value in those of COLORMAPS, not in those of PUBLISHED.
    """
    if name not in COLORMAPS and name not in PUBLISHED:
        known = ", ".join([*COLORMAPS, *PUBLISHED])
        raise InputError(f"colour map {name!r} for heatmaps: unknown; use one of {known}")
    ramp = np.arange(256, dtype=np.uint8)
    if name == "grey":
        return np.repeat(ramp[:, None], 3, axis=1)
    if name == "PuRd":
        return _between_colours(PURD)
    code = cv2.COLORMAP_JET if name == "jet" else COLORMAPS[name]
    return cv2.applyColorMap(ramp[:, None], code)[:, 0, ::-1].copy()


def _between_colours(anchors: tuple[int, ...]) -> np.ndarray:
    """Return 256 colours uint8 (256, 3) on straight lines between 0xRRGGBB."""
    places = np.linspace(0, len(anchors) - 1, 256)
    channels = [[anchor >> shift & 255 for anchor in anchors] for shift in (16, 8, 0)]
    found = [np.interp(places, range(len(anchors)), channel) for channel in channels]
    return np.rint(np.stack(found, axis=1)).astype(np.uint8)


def display_scale(heatmap: np.ndarray) -> float:
    """Return the value shown as full colour: the 99.9 % quantile of a video's positive part.

    Args:
        heatmap: (T, h, w), larger = more important; NaN counts as 0.

    Returns:
        A number > 0. Where fewer than 0.1 % of the values are positive it is their maximum, and 1
        where nothing is positive.
    """
    positive = np.nan_to_num(heatmap, nan=0.0).clip(min=0)
    scale = float(np.quantile(positive, QUANTILE)) or float(positive.max(initial=0.0))
    return scale or 1.0


@dataclass(frozen=True)
class Sampling:
    """Where the pixels of a picture lie in a map: x, y float32 (H, W); inside bool (H, W)."""

    x: np.ndarray
    y: np.ndarray
    inside: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return a map (h, w) on the picture (H, W), bilinear; 0 where the map does not reach."""
        values = np.nan_to_num(np.ascontiguousarray(values, dtype=np.float32))
        spread = cv2.remap(
            values, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.where(self.inside, spread, np.float32(0))


def sampling(
    transform: np.ndarray, canvas: tuple[int, int], size: tuple[int, int], map_size: tuple[int, int]
) -> Sampling:
    """Return how to draw a map on a picture that shows the canvas at another size.

    Args:
        transform: (3, 3), canvas px -> map px on column vectors (x, y, 1), pixel centres.
        canvas: H, W of the canvas.
        size: H, W of the picture.
        map_size: h, w of the map.
    """
    matrix = np.asarray(transform, np.float64) @ resize_matrix(size, canvas)
    row, column = np.mgrid[: size[0], : size[1]].astype(np.float64)
    x, y, w = np.tensordot(matrix, np.stack([column, row, np.ones_like(row)]), axes=1)
    x, y = x / w, y / w
    slack = 1e-6
    inside = (x >= -0.5 - slack) & (x <= map_size[1] - 0.5 + slack)
    inside &= (y >= -0.5 - slack) & (y <= map_size[0] - 0.5 + slack)
    return Sampling(x.astype(np.float32), y.astype(np.float32), inside)


def resize_matrix(old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Return the (3, 3) matrix px -> px of a resize between two H, W; (x + 0.5) s - 0.5."""
    sy, sx = new[0] / old[0], new[1] / old[1]
    return np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1.0]])


def blend(picture: np.ndarray, value: np.ndarray, colours: np.ndarray, alpha: float) -> np.ndarray:
    """Return a picture under a coloured map whose opacity grows with its value.

    Formula: `(1 - w) picture + w colour(v)` with `w = alpha (1 - (1 - v)^2)`: the picture stays
    untouched where the map is 0, and is covered by `alpha` where it is 1.

    Args:
        picture: uint8 RGB (H, W, 3).
        value: float32 (H, W) in [0, 1].
        colours: uint8 RGB (256, 3).
        alpha: the largest opacity, 0 to 1.
    """
    weight = (alpha * (1 - (1 - value) ** 2))[..., None]
    colour = colours[np.rint(value * 255).astype(np.uint8)]
    return np.rint(picture + weight * (colour - picture.astype(np.float32))).astype(np.uint8)


def check(
    frames: np.ndarray, heatmaps: dict[str, np.ndarray], transforms: dict[str, np.ndarray]
) -> None:
    """Refuse frames, maps and transforms that do not belong together, naming the map."""
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not frames.size:
        found = f"{frames.dtype} {frames.shape}"
        raise InputError(f"frames to show: {found} is no video; give uint8 (T, H, W, 3), RGB")
    for name, heatmap in heatmaps.items():
        if heatmap.ndim != 3 or len(heatmap) != len(frames):
            raise InputError(
                f"heatmap {name} to show: shape {heatmap.shape} does not fit a video of "
                f"{len(frames)} frames; give (T, h, w) with one map per frame"
            )
        if np.shape(transforms.get(name)) != (3, 3):
            raise InputError(
                f"heatmap {name} to show: it has no 3x3 transform from canvas to map pixels; "
                "give one per heatmap"
            )


def overlay(
    frames: np.ndarray,
    heatmaps: dict[str, np.ndarray],
    transforms: dict[str, np.ndarray],
    *,
    fixations: np.ndarray | None = None,
    title: str = "",
    alpha: float = 0.75,
    colormap: str = "inferno",
    columns: int | None = None,
) -> Iterator[np.ndarray]:
    """Draw a video and its heatmaps as a grid of panels, frame by frame.

    The first panel is the video itself with the gaze of the last 5 frames as fading dots; each
    other panel is one map over the video in grey (so that all colour is the map's), with the gaze
    of this very frame as rings. The positive part of a map is scaled by its 99.9 % quantile over
    this video, which the picture states.

    Args:
        frames: uint8 RGB (T, H, W, 3), the canvas.
        heatmaps: name -> float32 (T, h, w), each at its own resolution.
        transforms: name -> (3, 3), canvas px -> map px.
        fixations: int (n, 3), rows (frame, row, col) in canvas px; None = not recorded.
        title: text above the panels, for example video, label and prediction.
        alpha: opacity of the largest values, 0 to 1.
        colormap: inferno, viridis, grey, jet or PuRd.
        columns: panels per row; None = the grid closest to 16:9.

    Returns:
        An iterator of uint8 RGB pictures (H', W', 3), all of one size, H' and W' even.
    """
    check(frames, heatmaps, transforms)
    return _draw(frames, heatmaps, transforms, fixations, title, alpha, palette(colormap), columns)


def _draw(
    frames: np.ndarray,
    heatmaps: dict[str, np.ndarray],
    transforms: dict[str, np.ndarray],
    fixations: np.ndarray | None,
    title: str,
    alpha: float,
    colours: np.ndarray,
    columns: int | None,
) -> Iterator[np.ndarray]:
    canvas = frames.shape[1:3]
    zoom = max(1, math.ceil(PANEL / canvas[1]))
    size = (canvas[0] * zoom, canvas[1] * zoom)
    scales = {name: display_scale(heatmap) for name, heatmap in heatmaps.items()}
    samplings = {
        name: sampling(transforms[name], canvas, size, heatmap.shape[1:])
        for name, heatmap in heatmaps.items()
    }
    sheet, places = _sheet(size, scales, colours, columns, fixations is not None)
    for index, frame in enumerate(frames):
        picture = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_CUBIC)
        page = sheet.copy()
        grey = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        _head(page, title, f"frame {index} / {len(frames) - 1}")
        _paste(page, places[0], _with_trail(picture, fixations, index, zoom))
        for place, (name, heatmap) in zip(places[1:], heatmaps.items(), strict=True):
            value = (samplings[name](heatmap[index]) / scales[name]).clip(0, 1)
            panel = blend(grey, value, colours, alpha)
            _paste(page, place, _with_rings(panel, fixations, index, zoom))
        yield page


def grid(count: int, size: tuple[int, int], columns: int | None = None) -> tuple[int, int]:
    """Return rows, columns of the grid of `count` panels of H, W whose shape is closest to 16:9."""

    def misfit(columns: int) -> tuple[float, int]:
        rows = math.ceil(count / columns)
        shape = (columns * size[1]) / (rows * size[0])
        return abs(math.log(shape / (16 / 9))) + 0.3 * (rows * columns - count) / count, columns

    columns = columns or min(range(1, count + 1), key=misfit)
    return math.ceil(count / columns), columns


def _sheet(
    size: tuple[int, int],
    scales: dict[str, float],
    colours: np.ndarray,
    columns: int | None,
    gaze: bool,
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return everything that no frame changes, and the top left corners (row, col) of panels."""
    height, width = size[0] + BAR + LEGEND, size[1]
    rows, columns = grid(1 + len(scales), (height, width), columns)
    total = (TITLE + rows * (height + GAP) + LEGEND + GAP, GAP + columns * (width + GAP))
    sheet = np.empty((total[0] + total[0] % 2, total[1] + total[1] % 2, 3), np.uint8)
    sheet[:] = PAPER
    places = []
    for number, name in enumerate(["original", *scales]):
        row = TITLE + number // columns * (height + GAP)
        column = GAP + number % columns * (width + GAP)
        write(sheet, name, row + BAR - 7, column + 2, width - 4, 0.5)
        legend = row + BAR + size[0]
        if number:
            _colour_bar(
                sheet[legend : legend + LEGEND, column : column + width], colours, scales[name]
            )
        elif gaze:
            text = f"dots: gaze of the last {TRAIL} frames"
            write(sheet, text, legend + LEGEND - 6, column + 2, width - 4, 0.4, FAINT)
        places.append((row + BAR, column))
    text = "colour: positive part of each map, scaled to 99.9 % of the video"
    write(sheet, text, len(sheet) - 12, GAP + 2, sheet.shape[1] - 2 * GAP, 0.42, FAINT)
    return sheet, places


def _colour_bar(strip: np.ndarray, colours: np.ndarray, scale: float) -> None:
    """Draw a colour scale from 0 to `scale` into a strip (LEGEND, W, 3) of the sheet."""
    end = f"{scale:.3g}"
    room = cv2.getTextSize(end, FONT, 0.4, 1)[0][0] + 10
    width = strip.shape[1] - 16 - room
    strip[6:14, 16 : 16 + width] = colours[np.linspace(0, 255, width).round().astype(int)]
    cv2.rectangle(strip, (15, 5), (16 + width, 14), FAINT, 1)
    write(strip, "0", 14, 2, 12, 0.4, FAINT)
    write(strip, end, 14, 16 + width + 6, room, 0.4, FAINT)


def _head(page: np.ndarray, title: str, clock: str) -> None:
    room = cv2.getTextSize(clock, FONT, 0.5, 1)[0][0]
    left = page.shape[1] - GAP - room
    write(page, title, TITLE - 11, GAP + 2, left - 3 * GAP, 0.55)
    write(page, clock, TITLE - 11, left, room + GAP, 0.5, FAINT)


def write(
    picture: np.ndarray,
    text: str,
    baseline: int,
    left: int,
    room: int,
    scale: float,
    colour: tuple[int, int, int] = INK,
) -> None:
    """Write one line into a picture; a text wider than `room` is set smaller, then cut."""
    scale = next((s for s in (scale, 0.4) if _width(text, s) <= room), 0.4)
    while len(text) > 3 and _width(text, scale) > room:
        text = text[:-4] + "..."
    cv2.putText(picture, text, (left, baseline), FONT, scale, colour, 1, cv2.LINE_AA)


def _width(text: str, scale: float) -> int:
    return cv2.getTextSize(text, FONT, scale, 1)[0][0]


def _paste(page: np.ndarray, place: tuple[int, int], panel: np.ndarray) -> None:
    row, column = place
    page[row : row + panel.shape[0], column : column + panel.shape[1]] = panel


def _with_trail(
    picture: np.ndarray, fixations: np.ndarray | None, frame: int, zoom: int
) -> np.ndarray:
    """Return the picture with the fixations of the last frames as dots, the older the fainter."""
    picture, radius = picture.copy(), _radius(fixations)
    for age in reversed(range(TRAIL)):
        points = _points(fixations, frame - age, zoom)
        dots = picture.copy()
        for point in points:
            cv2.circle(dots, point, radius, OUTLINE, -1, cv2.LINE_AA)
            cv2.circle(dots, point, radius - 1, GAZE, -1, cv2.LINE_AA)
        share = 1 - age / TRAIL
        picture = cv2.addWeighted(dots, share, picture, 1 - share, 0) if points else picture
    return picture


def _with_rings(
    panel: np.ndarray, fixations: np.ndarray | None, frame: int, zoom: int
) -> np.ndarray:
    radius = _radius(fixations)
    for point in _points(fixations, frame, zoom):
        cv2.circle(panel, point, radius, OUTLINE, 2, cv2.LINE_AA)
        cv2.circle(panel, point, radius, GAZE, 1, cv2.LINE_AA)
    return panel


def _radius(fixations: np.ndarray | None) -> int:
    """Return the radius of a dot in px; smaller where many people look, to keep them apart."""
    if fixations is None or not len(fixations):
        return 5
    most = np.bincount(np.asarray(fixations)[:, 0]).max()
    return 5 if most <= 15 else 3


def _points(fixations: np.ndarray | None, frame: int, zoom: int) -> list[tuple[int, int]]:
    """Return the fixations of one frame as (x, y) in panel px, at the centre of their pixel."""
    if fixations is None:
        return []
    hits = np.asarray(fixations).reshape(-1, 3)
    hits = hits[hits[:, 0] == frame]
    return [
        (round((x + 0.5) * zoom - 0.5), round((y + 0.5) * zoom - 0.5)) for _, y, x in hits.tolist()
    ]
