"""Scoring: the grid, resampling, per-frame and whole-clip rows, and what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vidsal import densities, grids, histograms, scoring
from vidsal.errors import InputError
from vidsal.heatmaps import Heatmap
from vidsal.metrics.auc import auc
from vidsal.metrics.cc import cc
from vidsal.metrics.nss import nss
from vidsal.metrics.relevance_mass import relevance_mass
from vidsal.metrics.s_auc import s_auc

ALL = {f.__name__: (f, {}) for f in (auc, nss, cc, relevance_mass, s_auc)}
GAZE = {name: ALL[name] for name in ("auc", "nss", "cc")}


def scaling(source, size):
    """Source pixels -> pixels of a map that covers the same picture."""
    sy, sx = size[0] / source[0], size[1] / source[1]
    return np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1.0]])


def heatmap(saliency, source, num_frames=None, seen=None):
    saliency = np.asarray(saliency, np.float32)
    count = num_frames or len(saliency)
    attrs = {"source_size": source, "seen": seen or [0, 0, source[1], source[0]]}
    transform = scaling(source, saliency.shape[-2:])
    return Heatmap(saliency, transform, np.arange(100, 100 + count), np.arange(count) / 25, attrs)


def gaze(*rows):
    subject, frame, x, y = zip(*rows, strict=True) if rows else ((), (), (), ())
    types = {"subject": str, "frame": int, "x": float, "y": float}
    return pd.DataFrame({"subject": subject, "frame": frame, "x": x, "y": y}).astype(types)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def clip(rng):
    """Five frames of 12x16; gaze in frames 0, 1, 1, 3; nobody looks in 2 and 4."""
    table = gaze(("a", 0, 3.2, 4.0), ("a", 1, 15.4, 11), ("b", 1, 0, 0), ("a", 3, 8, 6))
    return heatmap(rng.random((5, 12, 16)), (12, 16)), table


def value(table, metric, frame=-1):
    return table.set_index(["metric", "frame"]).loc[(metric, frame), "value"]


# --- grid ------------------------------------------------------------------------------------


def test_grid_is_the_source_itself():
    grid = grids.comparison_grid((360, 480))
    assert (grid.shape, grid.box) == ((360, 480), (0, 0, 480, 360))
    np.testing.assert_array_equal(grid.matrix, np.eye(3))


def test_grid_is_scaled_down_only_where_too_large():
    grid = grids.comparison_grid((1080, 1920), max_side=512)
    assert grid.shape == (288, 512)
    edges = grid.matrix @ np.array([[-0.5, 1919.5], [-0.5, 1079.5], [1, 1]])
    np.testing.assert_allclose(edges[:2], [[-0.5, 511.5], [-0.5, 287.5]])


def test_grid_holds_the_pixels_whose_centres_were_seen():
    grid = grids.comparison_grid((100, 200), [50.5, 0, 149.4, 100])
    assert grid.box == (50, 0, 149, 100)
    np.testing.assert_allclose((grid.matrix @ [50, 0, 1])[:2], [0, 0])
    rows, cols = grid.source_centres()
    assert (rows[0], cols[0], cols[-1]) == (0, 50, 148)


def test_nothing_seen_is_refused():
    with pytest.raises(InputError, match="empty"):
        grids.comparison_grid((100, 200), [10.6, 0, 11.4, 100])


# --- resampling ------------------------------------------------------------------------------


def test_same_size_changes_no_bit(rng):
    saliency = rng.random((3, 7, 9)).astype(np.float32)
    grid = grids.comparison_grid((7, 9))
    np.testing.assert_array_equal(grids.resample(saliency, np.eye(3), grid), saliency)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 50)])
def test_constant_stays_constant(size):
    grid = grids.comparison_grid((20, 30))
    made = grids.resample(np.full((1, *size), 0.1, np.float32), scaling((20, 30), size), grid)
    assert made.dtype == np.float32
    assert (made == np.float32(0.1)).all()


def test_ramp_lies_where_its_pixel_centres_are():
    ramp = np.arange(8, dtype=np.float32) + np.zeros((1, 4, 1), np.float32)
    made = grids.resample(ramp, scaling((8, 16), (4, 8)), grids.comparison_grid((8, 16)))[0]
    expected = np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7)
    np.testing.assert_allclose(made, np.broadcast_to(expected, (8, 16)), atol=1e-6)


def test_cropped_region_is_the_same_part_of_the_whole(rng):
    saliency = rng.random((1, 5, 8)).astype(np.float32)
    transform = scaling((50, 80), (5, 8))
    whole = grids.resample(saliency, transform, grids.comparison_grid((50, 80)))
    part = grids.comparison_grid((50, 80), [20, 10, 60, 40])
    np.testing.assert_allclose(
        grids.resample(saliency, transform, part), whole[:, 10:40, 20:60], atol=1e-6
    )


def test_rotated_map_is_refused():
    turned = np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="scale and shift"):
        grids.resample(np.zeros((1, 4, 4)), turned, grids.comparison_grid((4, 4)))


# --- per frame -------------------------------------------------------------------------------


def test_rows_per_frame_are_the_metrics_themselves(clip):
    maps, table = clip
    scores = scoring.score_video("v", maps, GAZE, fixations=table)
    points = np.array([[0, 4, 3], [1, 11, 15], [1, 0, 0], [3, 6, 8]], np.int32)
    density = densities.density(points, (12, 16), 5, 12 * 12.74 / 360)
    for name, truth in (("auc", points), ("nss", points), ("cc", density)):
        rows = scores[scores["metric"] == name]
        assert list(rows["frame"]) == [0, 1, 2, 3, 4, -1]
        expected = ALL[name][0](maps.saliency, truth)
        np.testing.assert_array_equal(rows["value"][:-1], expected)
        assert rows["value"].iloc[-1] == pytest.approx(np.nanmean(expected), abs=1e-12)
        assert list(rows["n"]) == [1, 2, 0, 1, 0, 4]
        assert list(rows["reason"]) == ["", "", "no_fixation", "", "no_fixation", ""]
    assert list(scores) == list(scoring.COLUMNS)
    assert set(scores["video"]) == {"v"}
    assert scores.attrs["fixations"] == {"kept": 4, "outside": 0, "frame_outside": 0}


def test_pieces_change_nothing(clip, monkeypatch):
    maps, table = clip
    masks = np.arange(5)[:, None, None] * np.eye(12, 16)
    options = {"fixations": table, "masks": masks, "other": np.ones((512, 512))}
    whole = scoring.score_video("v", maps, ALL, **options)
    monkeypatch.setattr(scoring, "PIXELS_AT_ONCE", 2 * 12 * 16)
    pd.testing.assert_frame_equal(scoring.score_video("v", maps, ALL, **options), whole)


def test_options_reach_the_metric(clip):
    def scaled(saliency, fixations, *, factor=1.0):
        return factor * nss(saliency, fixations)

    maps, table = clip
    scores = scoring.score_video(
        "v", maps, {"once": (scaled, {}), "twice": (scaled, {"factor": 2.0})}, fixations=table
    )
    assert value(scores, "twice") == pytest.approx(2 * value(scores, "once"))


def test_scores_do_not_depend_on_the_resolution_of_the_map(rng):
    small = rng.random((2, 4, 4)).astype(np.float32)
    source = (64, 64)
    large = grids.resample(small, scaling(source, (4, 4)), grids.comparison_grid(source))
    table = gaze(("a", 0, 10, 20), ("a", 1, 50, 60))
    coarse, fine = (
        scoring.score_video("v", heatmap(maps, source), GAZE, fixations=table)
        for maps in (small, large)
    )
    np.testing.assert_allclose(coarse["value"], fine["value"], atol=1e-6)


def test_fixations_outside_of_what_was_seen_are_left_out_and_counted(rng):
    maps = heatmap(rng.random((1, 10, 10)), (10, 20), seen=[5, 0, 15, 10])
    table = gaze(("a", 0, 4, 5), ("a", 0, 5, 5), ("a", 0, 15, 5), ("a", 7, 8, 8))
    scores = scoring.score_video("v", maps, GAZE, fixations=table)
    assert scores.attrs["fixations"] == {"kept": 1, "outside": 2, "frame_outside": 1}
    assert set(scores["n"]) == {1}
    assert set(scores["outside"]) == {2}


def test_fixations_outside_are_counted_frame_by_frame(rng, monkeypatch):
    maps = heatmap(rng.random((3, 10, 10)), (10, 20), seen=[5, 0, 15, 10])
    table = gaze(("a", 0, 4, 5), ("a", 0, 5, 5), ("a", 2, 15, 5), ("b", 2, 16, 5))
    masks = np.ones((3, 10, 20), bool)
    monkeypatch.setattr(scoring, "PIXELS_AT_ONCE", 100)
    metrics = {name: ALL[name] for name in ("nss", "relevance_mass")}
    scores = scoring.score_video("v", maps, metrics, fixations=table, masks=masks)
    assert scores.query("metric == 'nss'")["outside"].tolist() == [1, 0, 2, 3]
    assert scores.query("metric == 'relevance_mass'")["outside"].tolist() == [0, 0, 0, 0]
    pooled = heatmap(rng.random((10, 10)), (10, 20), 3, seen=[5, 0, 15, 10])
    whole = scoring.score_video("v", pooled, metrics, fixations=table, masks=masks)
    assert whole["outside"].tolist() == [3, 0]


def test_width_of_the_density_follows_the_source_not_the_grid(rng):
    table = gaze(("a", 0, 800, 400), ("a", 0, 300, 900))
    maps = heatmap(rng.random((1, 9, 16)), (1080, 1920))
    coarse, fine = (
        value(scoring.score_video("v", maps, GAZE, fixations=table, max_side=side), "cc")
        for side in (240, 960)
    )
    assert coarse == pytest.approx(fine, abs=0.02)


# --- whole clip ------------------------------------------------------------------------------


def test_map_of_the_clip_against_pooled_fixations(clip, rng):
    _, table = clip
    saliency = rng.random((12, 16)).astype(np.float32)
    scores = scoring.score_video("v", heatmap(saliency, (12, 16), 5), GAZE, fixations=table)
    points = np.array([[0, 4, 3], [0, 11, 15], [0, 0, 0], [0, 6, 8]], np.int32)
    density = densities.density(points, (12, 16), 1, 12 * 12.74 / 360)
    assert list(scores["frame"]) == [-1, -1, -1]
    assert list(scores["n"]) == [4, 4, 4]
    assert value(scores, "auc") == auc(saliency[None], points)[0]
    assert value(scores, "nss") == nss(saliency[None], points)[0]
    assert value(scores, "cc") == cc(saliency[None], density)[0]


def test_map_of_the_clip_inside_the_union_of_the_masks():
    saliency = np.ones((4, 4), np.float32)
    masks = np.zeros((3, 4, 4), np.uint8)
    masks[0, 0, 0], masks[2, 3, :2] = 7, 1
    metric = {"relevance_mass": ALL["relevance_mass"]}
    scores = scoring.score_video("v", heatmap(saliency, (4, 4), 3), metric, masks=masks)
    assert value(scores, "relevance_mass") == pytest.approx(3 / 16)
    assert list(scores["n"]) == [3]


# --- masks and other videos ------------------------------------------------------------------


def test_masks_per_frame_at_any_resolution():
    masks = np.zeros((2, 5, 10), np.uint8)
    masks[0, :, :5] = 3
    saliency = np.zeros((2, 10, 20), np.float32)
    saliency[:, :, :8], saliency[:, :, 12:14] = 1, 1
    metric = {"relevance_mass": ALL["relevance_mass"]}
    scores = scoring.score_video("v", heatmap(saliency, (10, 20)), metric, masks=masks)
    assert value(scores, "relevance_mass", 0) == pytest.approx(0.8)
    assert list(scores["n"]) == [100, 0, 100]
    assert list(scores["reason"]) == ["", "empty_mask", ""]


def test_masks_of_another_length_are_refused(clip):
    with pytest.raises(InputError, match="masks of v: 4 frames, the clip has 5"):
        scoring.score_video("v", clip[0], ALL, masks=np.ones((4, 12, 16)))


def test_histograms_add_up_and_drop_what_lies_outside():
    places = np.array([[0.0, 0.0], [0.999, 0.5], [1.0, 0.5], [-0.1, 0.5], [0.999, 0.5]])
    counts = histograms.histogram(places)
    assert counts.sum() == 3
    assert counts[256, 511] == 2
    np.testing.assert_array_equal(
        counts - histograms.histogram(places[:1]), histograms.histogram(places[1:])
    )


@pytest.mark.parametrize("size", [(120, 160), (480, 640), (1080, 1920)])
def test_other_fixations_land_where_they_were(size, rng):
    places = rng.random((200, 2))
    grid = grids.comparison_grid(size)
    other = histograms.on_grid(histograms.histogram(places), grid, size)
    assert other.shape == grid.shape
    assert other.sum() == 200
    centre = [
        np.average(np.arange(side) + 0.5, weights=other.sum(axis=1 - axis)) / side
        for axis, side in enumerate(grid.shape)
    ]
    np.testing.assert_allclose(centre, places.mean(axis=0)[::-1], atol=0.002)


def test_other_fixations_outside_of_what_was_seen_are_left_out():
    counts = histograms.histogram(np.array([[0.1, 0.5], [0.5, 0.5]]))
    grid = grids.comparison_grid((100, 100), [25, 0, 75, 100])
    other = histograms.on_grid(counts, grid, (100, 100))
    assert other.sum() == 1
    assert other[50, 25] == 1


# --- what is missing -------------------------------------------------------------------------


def test_only_metrics_whose_needs_are_given_are_run(clip):
    maps, table = clip
    assert len(scoring.score_video("v", maps, ALL)) == 0
    with_gaze = scoring.score_video("v", maps, ALL, fixations=table)
    assert set(with_gaze["metric"]) == {"auc", "nss", "cc"}
    others = scoring.score_video("v", maps, ALL, fixations=table, other=np.ones((512, 512)))
    assert set(others["metric"]) == {"auc", "nss", "cc", "s_auc"}


def test_video_without_fixations_is_reported_not_fatal(clip):
    scores = scoring.score_video("v", clip[0], GAZE, fixations=gaze())
    assert len(scores) == 3 * 6
    assert scores["value"].isna().all()
    assert set(scores["reason"]) == {"no_fixation"}
    assert set(scores["n"]) == {0}


def test_broken_frame_has_a_reason_and_leaves_the_others_alone(clip):
    maps, table = clip
    maps.saliency[1, 0, 0] = np.nan
    maps.saliency[3] = 0.5
    scores = scoring.score_video("v", maps, GAZE, fixations=table).set_index(["metric", "frame"])
    assert scores.loc[("auc", 1), "reason"] == "not_finite"
    assert scores.loc[("nss", 3), "reason"] == "constant_map"
    assert scores.loc[("auc", 3), "value"] == 0.5
    assert scores.loc[("auc", 3), "reason"] == ""
    assert scores.loc[("nss", -1), "value"] == scores.loc[("nss", 0), "value"]


def test_unknown_need_is_refused(clip):
    def odd(saliency, pupils):
        return np.zeros(len(saliency))

    with pytest.raises(InputError, match="metric odd: needs pupils; known are baseline"):
        scoring.score_video("v", clip[0], {"odd": (odd, {})})


def test_undefined_without_a_known_reason_says_so(clip):
    def never(saliency, fixations):
        return np.full(len(saliency), np.nan)

    scores = scoring.score_video("v", clip[0], {"never": (never, {})}, fixations=clip[1])
    assert scores["reason"].iloc[0] == "undefined"
    # "undefined" 3 times, "no_fixation" twice
    assert scores["reason"].iloc[-1] == "undefined"
