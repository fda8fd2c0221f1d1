"""Which videos are shown, and tables gathered from shards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vidsal import choosing, showing, tables

VIDEOS = [f"v{i}" for i in range(6)]


@pytest.fixture
def scores():
    rows = [
        {"video": v, "model": m, "method": "grad_cam", "metric": "nss", "value": value}
        for i, v in enumerate(VIDEOS)
        for m, value in (("a", float(i)), ("b", float(i) + (i == 2) * 9), ("none", 100.0 - i))
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("pick", "expected"),
    [
        ("spread", ["v0", "v2", "v5"]),
        ("best", ["v2", "v5", "v4"]),
        ("worst", ["v0", "v1", "v3"]),
        (["v4", "gone", "v1"], ["v4", "v1"]),
    ],
)
def test_videos_are_ranked_by_explanations_not_controls(scores, pick, expected):
    assert choosing.ranked(VIDEOS, scores, {"pick": pick, "videos": 3}) == expected


def test_most_disagreeing_comes_first(scores):
    found = choosing.ranked(VIDEOS, scores, {"pick": "most_disagreeing", "videos": 1})
    assert found == ["v2"]


def test_without_scores_the_choice_is_spread():
    empty = pd.DataFrame(columns=["video", "model", "metric", "value"])
    assert len(choosing.ranked(VIDEOS, empty, {"pick": "best", "videos": 4})) == 4


def test_the_table_of_scores_holds_whole_videos_only(tmp_path):
    rows = pd.DataFrame(
        {name: [""] * 3 for name in tables.SCORE_COLUMNS}
        | {"frame": [0, 1, -1], "value": [1.0, 3.0, 2.0], "n": 1, "video": "v"}
    )
    rows.to_parquet(tmp_path / "a.parquet")
    found = tables.gather_scores([str(tmp_path / "a.parquet")] * 2)
    assert found["value"].tolist() == [2.0, 2.0]
    assert tables.gather_scores([]).columns.tolist() == tables.SCORE_COLUMNS


def test_accuracy_counts_labelled_videos(tmp_path):
    folder = tmp_path / "r3d_18"
    folder.mkdir()
    table = pd.DataFrame({"label": ["a", "b", ""], "predicted_index": 0, "padded": 0})
    table["categories"], table["logits"] = [["a", "b"]] * 3, [[1.0, 0.0]] * 3
    table.to_parquet(folder / "s.parquet")
    files = tmp_path / "acc.tsv", tmp_path / "classes.tsv"
    tables.write_accuracy([str(folder / "s.parquet")], *files, seed=0)
    found = pd.read_csv(files[0], sep="\t").iloc[0]
    assert (found["model"], found["accuracy"], found["n"]) == ("r3d_18", 0.5, 2)
    assert pd.read_csv(files[1], sep="\t")["recall"].tolist() == [1, 0]


def test_no_predictions_make_tables_without_rows(tmp_path):
    files = tmp_path / "acc.tsv", tmp_path / "classes.tsv"
    tables.write_accuracy([], *files, seed=0)
    assert [len(path.read_text().splitlines()) for path in files] == [1, 1]


def test_shard_of_a_video_is_that_of_the_sheet():
    from vidsal import sheets

    sheet = pd.DataFrame({"video": VIDEOS, "path": "x", "split": "test"})
    for name in sheets.shards(sheet, 2):
        for video in sheets.rows(sheet, name)["video"]:
            assert showing.shard_of(video, "test", sheets.parse(name)[2]) == name


def test_masks_are_taken_at_the_nearest_pixel():
    half = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    rows, columns = showing.nearest_pixels((2, 2), half, [4, 4], (4, 4))
    assert rows.tolist() == columns.tolist() == [1, 3]
    # A mask of half the source's resolution lies where the same mask at full resolution lies.
    rows, _ = showing.nearest_pixels((4, 4), np.eye(3), [4, 4], (2, 2))
    assert rows.tolist() == [0, 0, 1, 1]


def write_scores(base, aggregation, frames):
    """Write the scores of one map: in each of these frames, and of the whole clip."""
    folder = base / "saliency/none/centre" / aggregation
    folder.mkdir(parents=True)
    rows = pd.DataFrame({"video": "v", "metric": "nss", "frame": [*range(frames), -1]})
    rows.assign(value=[*map(float, range(frames)), 9.0]).to_parquet(
        folder / "test-000of001.scores.parquet"
    )


@pytest.mark.parametrize(
    ("made", "aggregation", "curve"),
    [
        ({"mean": 0}, "mean", []),
        ({"mean": 0, "frames": 3}, "frames", [0.0, 1.0, 2.0]),
        ({"mean": 0, "ema": 2}, "ema", [0.0, 1.0]),
        ({"mean": 0, "maximum": 0}, "mean", []),
        ({}, None, []),
    ],
)
def test_scores_of_the_page_are_of_an_aggregation_that_there_is(tmp_path, made, aggregation, curve):
    for name, frames in made.items():
        write_scores(tmp_path, name, frames)
    index = pd.DataFrame(
        [{"video": "v", "model": "none", "method": "centre", "file": "x/test-000of001.h5"}]
    )
    config = {"run": {"aggregations": list(made) or ["mean"]}}
    found = showing._scores(config, tmp_path, index)
    assert found["aggregation"] == aggregation
    assert found["scores"] == ({"nss": {"none/centre": curve}} if curve else {})
    assert found["video_scores"] == ({"nss": {"none/centre": 9.0}} if made else {})
