"""Scores of a shard: the width of the density, and the gaze that a model did not see."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from vidsal import heatmaps, parts, score_shards, scoring, tables, truth
from vidsal.errors import InputError

SIZE = (60, 80)


@pytest.fixture
def config(root, tmp_path):
    made = copy.deepcopy(yaml.safe_load((root / "config.yaml").read_text()))
    made["cache"]["folder"] = str(tmp_path / "cache")
    return made


@pytest.fixture
def shard(tmp_path, config):
    """Scores the maps of one video, of which the model saw the left half; gaze lies everywhere."""
    rng = np.random.default_rng(3)
    saliency = rng.random((3, 6, 4)).astype(np.float32)
    transform = np.array([[0.1, 0, -0.45], [0, 0.1, -0.45], [0, 0, 1]])
    attrs = {"source_size": SIZE, "seen": [0.0, 0.0, 40.0, 60.0], "target_label": ""}
    maps = heatmaps.Heatmap(saliency, transform, np.arange(3), np.arange(3) / 25, attrs)
    heatmaps.write_part(tmp_path / "part.h5", maps)
    names = {"dataset": "d", "model": "net", "method": "cam", "aggregation": "frames"}
    path = tmp_path / "test-000of001.h5"
    heatmaps.assemble(path, [("v", parts.Found(tmp_path / "part.h5", None))], names)
    places = rng.uniform(0, 1, (30, 2)) * [79, 59]
    gaze = pd.DataFrame({"video": "v", "subject": "a", "frame": np.arange(30) % 3})
    gaze = gaze.assign(x=places[:, 0], y=places[:, 1], u=0.5, v=0.5)

    def run(sigma, geometry):
        table = pa.Table.from_pandas(gaze)
        pq.write_table(truth._described(table, {"v": geometry}), tmp_path / "gaze.parquet")
        config["score"]["sigma"] = sigma
        out = tmp_path / "scores.parquet"
        score_shards.score_shard(config, ["cc"], path, tmp_path / "gaze.parquet", [], out)
        return pd.read_parquet(out)

    run.heatmap, run.gaze = heatmaps.read(heatmaps.open_file(path), "v"), gaze
    return run


@pytest.mark.parametrize(
    ("sigma", "geometry", "pixels"),
    [
        (0.1, {}, 6.0),
        ("hollywood2", {}, 20.0),
        ("dhf1k", {}, 12.74 / 6),
        ({"pixels": 4}, {}, 4.0),
        ({"degrees": 0.5}, {"source_pixels_per_degree": 9.0}, 4.5),
        ({"degrees": 0.5, "pixels_per_degree": 12}, {}, 6.0),
    ],
)
def test_the_density_is_as_wide_as_asked(shard, sigma, geometry, pixels):
    found = shard(sigma, geometry)
    metric = {"cc": (score_shards.registry.load("metrics", "cc"), {})}
    own = scoring.score_video("v", shard.heatmap, metric, fixations=shard.gaze, sigma=pixels / 60)
    np.testing.assert_array_equal(found["value"], own["value"])
    other = scoring.score_video("v", shard.heatmap, metric, fixations=shard.gaze, sigma=0.07)
    assert not np.allclose(found["value"], other["value"], atol=1e-4)


def test_degrees_need_a_distance(shard):
    with pytest.raises(InputError, match="give screen, screen_cm and distance_cm"):
        shard({"degrees": 1}, {})


def test_another_distance_is_another_score(shard):
    near, far = (shard({"degrees": 1}, {"source_pixels_per_degree": n}) for n in (5.0, 10.0))
    assert not np.allclose(near["value"], far["value"])


def test_gaze_that_a_model_did_not_see_reaches_a_table(shard, tmp_path):
    found = shard(0.1, {})
    beside = int((shard.gaze["x"] >= 39.5).sum())
    assert beside > 5
    assert found.set_index("frame").loc[scoring.WHOLE_CLIP, "outside"] == beside
    dropped = tmp_path / "dropped.tsv"
    dropped.write_text("video\treason\trows\nv\tduplicate\t2\n")
    out = tmp_path / "all.tsv"
    scores = str(tmp_path / "scores.parquet")
    tables.write_dropped([str(dropped)], [scores, scores], out)
    assert out.read_text().splitlines() == [
        "video\treason\trows\tmodel\tmethod",
        "v\tduplicate\t2\t\t",
        f"v\toutside of what the model saw\t{beside}\tnet\tcam",
    ]
    tables.write_dropped([], [], out)
    assert out.read_text() == "video\treason\trows\tmodel\tmethod\n"
