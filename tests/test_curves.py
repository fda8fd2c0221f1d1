"""Scores over time: parts of the video, each video once, and figures that say what they show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vidsal import curves

COLUMNS = ["video", "frame", "model", "method", "aggregation", "metric", "value"]


def rows(video, values, model="net", method="cam", aggregation="frames", metric="nss"):
    keys = [model, method, aggregation, metric]
    return pd.DataFrame([[video, t, *keys, v] for t, v in enumerate(values)], columns=COLUMNS)


def test_parts_are_means_over_their_frames_and_then_over_videos():
    frames = pd.concat([rows("a", [1, 3, 5, 7]), rows("b", [0, 0, 0, 0, 10, 10, 10, 10])])
    made = curves.over_time(frames, parts=2)
    assert list(made["part"]) == [0.25, 0.75]
    assert list(made["mean"]) == [(2 + 0) / 2, (6 + 10) / 2]
    assert list(made["n"]) == [2, 2]


def test_undefined_frames_are_left_out_and_short_videos_leave_gaps():
    frames = pd.concat([rows("a", [np.nan, 4.0, 1.0, np.nan]), rows("b", [2.0])])
    made = curves.over_time(frames, parts=4)
    assert made["mean"].to_numpy() == pytest.approx([np.nan, 4, 1.5, np.nan], nan_ok=True)
    assert list(made["n"]) == [0, 1, 2, 0]


def test_there_are_no_more_parts_than_frames():
    assert len(curves.over_time(rows("a", [1.0, 2.0, 3.0]))) == 3
    assert len(curves.over_time(rows("a", [1.0] * 90))) == curves.PARTS


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    maps = [("net", "cam"), ("net", "grad"), ("sal", "gaze"), ("none", "centre")]
    maps.append(("none", "observers"))
    return pd.concat(
        rows(f"v{i}", rng.normal(j, 1, 30 + i), *key)
        for i in range(4)
        for j, key in enumerate(maps)
    )


def test_figures_have_a_panel_per_network_and_the_same_bytes(tmp_path, frames):
    for name in ("a", "b"):
        curves.curve_figure(frames, "nss", tmp_path / name)
    for ending in ("svg", "png", "csv"):
        first, second = (tmp_path / f"{name}.{ending}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    panels = list(curves._panels(curves.over_time(frames), ceilings=("observers",)))
    assert [title for title, _, _ in panels] == ["net", "one map each"]
    assert set(panels[1][1]["method"]) == {"sal"}
    assert set(panels[0][2]["method"]) == {"centre", "observers"}
    assert len(pd.read_csv(tmp_path / "a.csv")) == 5 * curves.PARTS


def test_controls_alone_and_nothing_at_all_can_be_drawn(tmp_path, frames):
    curves.curve_figure(frames[frames["model"] == "none"], "nss", tmp_path / "controls")
    curves.curve_figure(frames, "auc", tmp_path / "nothing")
    assert pd.read_csv(tmp_path / "nothing.csv").empty
    assert (tmp_path / "controls.png").stat().st_size > (tmp_path / "nothing.png").stat().st_size
