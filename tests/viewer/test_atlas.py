from __future__ import annotations

import itertools
import json
from pathlib import Path

import av
import numpy as np
import pytest

from vidsal.errors import InputError
from vidsal.video.overlay import display_scale, resize_matrix
from vidsal.viewer.atlas import BLOCK, atlas

T, H, W = 12, 60, 84


def blob(scale: float, size: tuple[int, int]) -> np.ndarray:
    """A bright spot that moves to the right, on a map of the given size."""
    row, column = (np.mgrid[: size[0], : size[1]] + 0.5) / np.array(size)[:, None, None]
    path = np.linspace(0.2, 0.8, T)[:, None, None]
    return (scale * np.exp(-((column - path) ** 2 + (row - 0.5) ** 2) / 0.02)).astype(np.float32)


@pytest.fixture(scope="module")
def clip() -> dict:
    """Frames with their number as brightness, three maps, a mask."""
    frames = (
        np.full((T, H, W, 3), 40, np.uint8) + np.arange(T, dtype=np.uint8)[:, None, None, None] * 15
    )
    maps = {
        "net/cam": blob(1e-5, (7, 7)),
        "net/grad": blob(300, (H, W)),
        "none/flow": -blob(1, (6, 8)),
    }
    transforms = {k: resize_matrix((H, W), v.shape[1:]) for k, v in maps.items()}
    mask = blob(1, (H, W)) > 0.5
    return {"frames": frames, "heatmaps": maps, "transforms": transforms, "mask": mask}


@pytest.fixture(scope="module")
def written(clip: dict, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, np.ndarray]:
    """The file, its layout, its decoded frames."""
    path = tmp_path_factory.mktemp("atlas") / "clip.mp4"
    layout = atlas(**clip, path=path, fps=25)
    with av.open(str(path)) as file:
        decoded = np.array([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])
    return path, layout, decoded


def tile(written: tuple[Path, dict, np.ndarray], name: str) -> np.ndarray:
    _, layout, decoded = written
    entry = next(t for t in layout["tiles"] if t["name"] == name)
    height, width = layout["tile"]
    rows, columns = slice(entry["y"], entry["y"] + height), slice(entry["x"], entry["x"] + width)
    return decoded[:, rows, columns].astype(float)


def test_layout_is_json_and_names_every_tile(written: tuple, clip: dict) -> None:
    _, layout, decoded = written
    assert json.loads(json.dumps(layout)) == layout
    assert [t["name"] for t in layout["tiles"]] == ["original", "mask", *clip["heatmaps"]]
    assert decoded.shape == (layout["frames"], layout["height"], layout["width"], 3)
    assert (layout["frames"], layout["fps"], layout["canvas"]) == (T, 25.0, [H, W])


def test_tiles_start_on_blocks_and_do_not_meet(written: tuple) -> None:
    _, layout, _ = written
    height, width = layout["tile"]
    taken = np.zeros((layout["height"], layout["width"]), int)
    for entry in layout["tiles"]:
        assert entry["x"] % BLOCK == 0 == entry["y"] % BLOCK
        taken[entry["y"] : entry["y"] + height, entry["x"] : entry["x"] + width] += 1
    assert taken.max() == 1
    assert taken.sum() == len(layout["tiles"]) * height * width


@pytest.mark.parametrize("name", ["net/cam", "net/grad"])
def test_grey_times_scale_gives_the_map_back(written: tuple, clip: dict, name: str) -> None:
    entry = next(t for t in written[1]["tiles"] if t["name"] == name)
    heatmap = clip["heatmaps"][name]
    assert entry["scale"] == display_scale(heatmap)
    grey = tile(written, name)[..., 0]
    rows = ((np.arange(heatmap.shape[1]) + 0.5) / heatmap.shape[1] * H).astype(int)
    columns = ((np.arange(heatmap.shape[2]) + 0.5) / heatmap.shape[2] * W).astype(int)
    wanted = 255 * (heatmap / entry["scale"]).clip(0, 1)
    error = np.abs(grey[:, rows][:, :, columns] - wanted)
    assert error.mean() < 0.02 * 255


def test_negative_maps_are_black(written: tuple) -> None:
    assert tile(written, "none/flow").max() < 6


def test_frames_and_mask_come_back_in_order(written: tuple, clip: dict) -> None:
    brightness = tile(written, "original").mean(axis=(1, 2, 3))
    np.testing.assert_allclose(brightness, clip["frames"].mean(axis=(1, 2, 3)), atol=3)
    agree = (tile(written, "mask")[..., 0] > 127) == clip["mask"]
    assert agree.mean() > 0.99


def test_equal_input_gives_equal_bytes(written: tuple, clip: dict, tmp_path: Path) -> None:
    assert atlas(**clip, path=tmp_path / "again.mp4", fps=25) == written[1]
    assert (tmp_path / "again.mp4").read_bytes() == written[0].read_bytes()


def test_large_canvases_are_shrunk_and_small_ones_kept(tmp_path: Path) -> None:
    for canvas, tile_size in (((300, 400), [192, 256]), ((48, 64), [48, 64])):
        frames = np.zeros((2, *canvas, 3), np.uint8)
        layout = atlas(frames, {}, {}, tmp_path / "a.mp4", fps=10)
        assert layout["tile"] == tile_size


def test_the_part_that_a_cropping_model_saw_is_recorded(tmp_path: Path) -> None:
    frames = np.zeros((2, 30, 40, 3), np.uint8)
    crop = resize_matrix((30, 30), (7, 7)) @ np.array([[1, 0, -5], [0, 1, 0], [0, 0, 1.0]])
    maps = {"a/crop": np.ones((2, 7, 7)), "a/whole": np.ones((2, 7, 7))}
    transforms = {"a/crop": crop, "a/whole": resize_matrix((30, 40), (7, 7))}
    layout = atlas(frames, maps, transforms, tmp_path / "a.mp4", fps=10)
    seen = {t["name"]: t["seen"] for t in layout["tiles"] if t["kind"] == "map"}
    assert seen == {"a/crop": [0.125, 0, 0.875, 1], "a/whole": [0, 0, 1, 1]}


def test_many_tiles_fit_what_browsers_decode(tmp_path: Path) -> None:
    frames = np.zeros((1, 192, 256, 3), np.uint8)
    names = [f"{m}/{k}" for m, k in itertools.product("abc", range(12))]
    maps = {n: np.zeros((1, 2, 2)) for n in names}
    layout = atlas(frames, maps, dict.fromkeys(names, np.eye(3)), tmp_path / "a.mp4", fps=10)
    assert max(layout["width"], layout["height"]) <= 4096


def test_taken_names_and_foreign_masks_are_refused(tmp_path: Path) -> None:
    frames = np.zeros((2, 30, 40, 3), np.uint8)
    with pytest.raises(InputError, match=r"heatmap mask.*taken"):
        atlas(frames, {"mask": np.zeros((2, 3, 3))}, {"mask": np.eye(3)}, tmp_path / "a.mp4", fps=1)
    with pytest.raises(InputError, match=r"mask in atlas.*does not fit"):
        atlas(frames, {}, {}, tmp_path / "a.mp4", fps=1, mask=np.zeros((2, 3, 3), np.uint8))
    assert not (tmp_path / "a.mp4").exists()
