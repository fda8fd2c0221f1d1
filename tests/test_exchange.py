"""Maps in other programs' formats, there and back."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidsal import exchange, heatmaps, mapping, parts
from vidsal.errors import InputError

PARITY = Path(__file__).parent / "fixtures" / "parity"


@pytest.fixture
def saliency():
    return np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)


def test_the_text_of_the_thesis_is_read_exactly():
    about = json.loads((PARITY / "g2_thesis_heatmap.json").read_text())
    with np.load(PARITY / "g2_thesis_heatmap.npz") as expected:
        found = exchange.read_text(PARITY / "g2_thesis_heatmap.txt", (about["H"], about["W"]))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected["heatmaps"])


def test_the_text_of_the_thesis_is_written_as_it_was(tmp_path):
    with np.load(PARITY / "g2_thesis_heatmap.npz") as expected:
        exchange.write_text(tmp_path / "map.txt", expected["heatmaps"])
    written = (tmp_path / "map.txt").read_text().split("\n")
    published = (PARITY / "g2_thesis_heatmap.txt").read_text().split("\n")
    assert [line.strip() for line in written] == [line.strip() for line in published]


def test_any_float32_comes_back_from_text(tmp_path):
    values = np.array([[[1e-38, 3e38, -0.1], [np.nan, 1 / 3, 0]]], np.float32)
    exchange.write_text(tmp_path / "map.txt", values)
    np.testing.assert_array_equal(exchange.read_text(tmp_path / "map.txt", (2, 3)), values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no line `Frame 1 - Heatmap values:`"),
        ("Frame 1 - Heatmap values:\n1 2 3\n", "has 3 values, not 2 x 2 = 4"),
        ("Frame 2 - Heatmap values:\n1 2 3 4\n", "frame 2 follows frame 0"),
        ("Frame 1 - Heatmap values:\n1 2 3 x\n", "frame 1: could not convert"),
    ],
)
def test_texts_that_are_none_are_refused(tmp_path, text, said):
    (tmp_path / "map.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        exchange.read_text(tmp_path / "map.txt", (2, 2))


def test_values_may_run_over_lines(tmp_path):
    (tmp_path / "map.txt").write_text("Frame 1 - Heatmap values:\n1 2\n3 4\n\n")
    np.testing.assert_array_equal(
        exchange.read_text(tmp_path / "map.txt", (2, 2)), [[[1, 2], [3, 4]]]
    )


def test_pictures_are_scaled_over_the_clip_and_say_how(tmp_path, saliency):
    exchange.write_pictures(tmp_path / "v", saliency)
    files = sorted((tmp_path / "v").glob("*.png"))
    assert [file.name for file in files] == [f"000{n}.png" for n in range(1, 6)]
    stored = np.stack([cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files])
    assert (stored.min(), stored.max(), stored.dtype) == (0, 255, np.uint8)
    scaling = json.loads((tmp_path / "v/scaling.json").read_text())
    back = scaling["low"] + stored / 255 * (scaling["high"] - scaling["low"])
    np.testing.assert_allclose(back, saliency, atol=(saliency.max() - saliency.min()) / 509)


def test_a_map_of_one_value_is_black(tmp_path):
    exchange.write_pictures(tmp_path / "v", np.full((1, 2, 2), 7, np.float32))
    assert not cv2.imread(str(tmp_path / "v/0001.png"), cv2.IMREAD_UNCHANGED).any()


@pytest.fixture
def shard(tmp_path, saliency):
    """A shard file with one map of 3 x 4 places on frames of 6 x 8 from a source of 12 x 16."""
    canvas = mapping.scaling((12, 16), (6, 8))
    attrs = {
        "source_size": [12, 16],
        "canvas_size": [6, 8],
        "canvas_transform": canvas,
        "target_label": "a",
        "target": 1,
        "fps": "25/1",
    }
    transform = mapping.scaling((6, 8), (3, 4)) @ canvas
    made = heatmaps.Heatmap(saliency, transform, np.arange(5), np.arange(5) / 25, attrs)
    heatmaps.write_part(tmp_path / "part.h5", made)
    heatmaps.assemble(tmp_path / "s.h5", [("v", parts.Found(tmp_path / "part.h5"))], {})
    return tmp_path / "s.h5"


def test_a_shard_is_exported_in_every_format(tmp_path, shard):
    exchange.export_shard(shard, tmp_path / "out", ["npy", "text", "png"], "native")
    names = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.glob("out/*")}
    assert names == {"v", "v.npy", "v.txt", "v.json"}
    (_, heatmap), *_ = heatmaps.read_all(shard)
    found = np.load(tmp_path / "out/v.npy")
    np.testing.assert_array_equal(found, heatmap.saliency)
    np.testing.assert_array_equal(exchange.read_text(tmp_path / "out/v.txt", (3, 4)), found)
    record = json.loads((tmp_path / "out/v.json").read_text())
    assert (record["shape"], record["target_label"], record["target"]) == ([5, 3, 4], "a", 1)
    np.testing.assert_allclose(record["transform"], heatmap.transform)


def test_predictions_are_scaled_frame_by_frame(tmp_path):
    saliency = np.array([[[0, 1], [2, 4]], [[5, 5], [5, 5]], [[-1, 0], [0, 1]]], np.float32)
    exchange.write_predictions(tmp_path / "v", saliency, "{stem}_{number:05d}", "clip-7")
    files = sorted((tmp_path / "v").iterdir())
    assert [file.name for file in files] == [f"clip_0000{n}.png" for n in (1, 2, 3)]
    found = [cv2.imread(str(file), cv2.IMREAD_UNCHANGED).tolist() for file in files]
    assert found == [[[0, 64], [128, 255]], [[0, 0], [0, 0]], [[0, 128], [128, 255]]]


def test_archives_are_what_the_server_of_dhf1k_takes(tmp_path, shard):
    exchange.export_shard(shard, tmp_path / "a", ["archives"], "native")
    exchange.export_shard(shard, tmp_path / "b", ["predictions", "archives"], "native")
    one, other = (tmp_path / name / "predictions/v.tar.gz" for name in "ab")
    assert one.read_bytes() == other.read_bytes(), "no date in it"
    assert not (tmp_path / "a/predictions/v").exists()
    with tarfile.open(one) as tar:
        assert tar.getnames() == [f"v/000{n}.png" for n in range(1, 6)]
        for name in tar.getnames():
            alone = (tmp_path / "b/predictions" / name).read_bytes()
            assert tar.extractfile(name).read() == alone


@pytest.mark.parametrize("names", ["{video}", "{frame}", "{number", "a/{number}"])
def test_names_that_tell_no_frames_apart_are_refused(tmp_path, shard, names):
    with pytest.raises(InputError, match=r"export\.names"):
        exchange.export_shard(shard, tmp_path / "out", ["predictions"], "native", names)


def test_maps_are_enlarged_to_the_frames_when_asked(tmp_path, shard):
    exchange.export_shard(shard, tmp_path / "out", ["npy"], "frames")
    (_, heatmap), *_ = heatmaps.read_all(shard)
    found = np.load(tmp_path / "out/v.npy")
    assert found.shape == (5, 6, 8)
    for small, large in zip(heatmap.saliency, found, strict=True):
        expected = cv2.resize(small, (8, 6), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(large, expected, atol=1e-5)
    record = json.loads((tmp_path / "out/v.json").read_text())
    np.testing.assert_allclose(record["transform"], mapping.scaling((12, 16), (6, 8)))
