"""What all map makers share: which videos, and where a map lies in the source picture."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from vidsal import sheets


def chosen_rows(config: dict, rows: list[dict]) -> list[dict]:
    """Return the rows that `explain.every` picks."""
    table = pd.DataFrame({"video": [row["video"] for row in rows]}, dtype=object)
    kept = sheets.every(table, config["explain"]["every"])
    return [row for row, keep in zip(rows, kept, strict=True) if keep]


def source_attrs(group: h5py.Group) -> dict[str, object]:
    """Return what a map's group says of the video it belongs to."""
    names = ("source_sha256", "fps", "source_size", "canvas_size", "part_key")
    found = {name: group.attrs[name] for name in names}
    return found | {"canvas_transform": group.attrs["transform"]}


def scaling(size: tuple[int, int], map_size: tuple[int, int]) -> np.ndarray:
    """Return the 3x3 transform from an (H, W) grid to another over the same picture.

    Pixel centres lie at whole numbers: x -> (x + 0.5) s - 0.5.
    """
    sy, sx = (map_size[axis] / size[axis] for axis in (0, 1))
    return np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1.0]])


def seen(transform: np.ndarray, map_size: tuple[int, int], source: list[int]) -> np.ndarray:
    """Return [x0, y0, x1, y1]: the part of the source picture under the map, in pixel edges.

    Edges run from 0 to the width and height of the source.
    """
    height, width = map_size
    corners = np.array([[-0.5, -0.5, 1.0], [width - 0.5, height - 0.5, 1.0]]).T
    found = (np.linalg.inv(transform) @ corners)[:2] + 0.5
    limits = np.array([[source[1]], [source[0]]])
    return np.clip(found, 0, limits).T.reshape(-1).round(6)
