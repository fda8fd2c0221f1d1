from __future__ import annotations

import numpy as np
import pytest

from vidsal.errors import InputError
from vidsal.video import overlay as module
from vidsal.video.overlay import (
    BAR,
    COLORMAPS,
    GAP,
    LEGEND,
    TITLE,
    TRAIL,
    blend,
    display_scale,
    grid,
    overlay,
    palette,
    resize_matrix,
    sampling,
)

FRAMES = np.random.default_rng(0).integers(60, 200, (8, 30, 40, 3)).astype(np.uint8)
SAME = np.eye(3)
ZOOM = 8  # 320 px / 40 px


def picture(page: np.ndarray, number: int, columns: int) -> np.ndarray:
    """Cut the picture of one panel out of a drawn page."""
    height, width = 30 * ZOOM, 40 * ZOOM
    row = TITLE + number // columns * (height + BAR + LEGEND + GAP) + BAR
    column = GAP + number % columns * (width + GAP)
    return page[row : row + height, column : column + width].astype(int)


@pytest.mark.parametrize("name", COLORMAPS)
def test_lightness_grows_with_the_value(name: str) -> None:
    light = palette(name) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.all(np.diff(light) > -0.75)
    assert light[-1] - light[0] > 150


def test_an_unknown_colour_map_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"'hot'.*use one of inferno, viridis, grey, jet, PuRd"):
        palette("hot")


def test_scale_is_the_quantile_of_the_positive_part() -> None:
    heatmap = np.random.default_rng(1).normal(size=(6, 20, 30)).astype(np.float32)
    wanted = np.quantile(np.maximum(heatmap, 0), 0.999)
    assert display_scale(heatmap) == pytest.approx(wanted)
    assert display_scale(heatmap * 1e-6) == pytest.approx(wanted * 1e-6)


def test_scale_of_degenerate_maps_is_usable() -> None:
    sparse = np.zeros((4, 50, 50))
    sparse[2, 3, 4] = 7
    assert display_scale(sparse) == 7
    assert display_scale(-np.ones((2, 3, 3))) == 1
    assert display_scale(np.full((2, 3, 3), np.nan)) == 1


def test_identity_sampling_changes_nothing() -> None:
    values = np.random.default_rng(2).random((30, 40), dtype=np.float32)
    np.testing.assert_array_equal(sampling(SAME, (30, 40), (30, 40), (30, 40))(values), values)


def test_a_ramp_stays_a_ramp_at_pixel_centres() -> None:
    # Value = x of the canvas: a map pixel at centre X stands for the canvas x of that centre.
    to_map = resize_matrix((30, 40), (6, 8))
    centres = (np.arange(8) + 0.5) * 5 - 0.5
    drawn = sampling(to_map, (30, 40), (30, 40), (6, 8))(np.tile(centres, (6, 1)))
    inner = slice(2, 38)  # half a map pixel from the edge on, the edge's value is repeated
    np.testing.assert_allclose(drawn[:, inner], np.tile(np.arange(40.0)[inner], (30, 1)), atol=0.1)


def test_sampling_does_not_fade_at_the_edge_and_is_zero_outside() -> None:
    constant = np.full((7, 7), 3.0, np.float32)
    whole = sampling(resize_matrix((30, 40), (7, 7)), (30, 40), (60, 80), (7, 7))(constant)
    np.testing.assert_array_equal(whole, 3)
    crop = resize_matrix((30, 30), (7, 7)) @ np.array([[1, 0, -5], [0, 1, 0], [0, 0, 1.0]])
    drawn = sampling(crop, (30, 40), (30, 40), (7, 7))(constant)
    np.testing.assert_array_equal(drawn[:, 5:35], 3)
    assert not drawn[:, :5].any()
    assert not drawn[:, 35:].any()


def test_opacity_grows_with_the_value_from_nothing_to_alpha() -> None:
    grey = np.full((1, 256, 3), 90, np.uint8)
    value = np.linspace(0, 1, 256, dtype=np.float32)[None]
    black = np.zeros((256, 3), np.uint8)
    drawn = blend(grey, value, black, 0.6)[0, :, 0].astype(int)
    assert drawn[0] == 90
    assert drawn[-1] == round(90 * 0.4)
    assert np.all(np.diff(drawn) <= 0)


@pytest.mark.parametrize("count", range(1, 30))
def test_grid_holds_every_panel_without_an_empty_row(count: int) -> None:
    rows, columns = grid(count, (120, 160))
    assert (rows - 1) * columns < count <= rows * columns
    assert grid(count, (120, 160), columns=4) == (-(-count // 4), 4)


def test_pages_are_even_of_one_size_and_repeatable() -> None:
    maps = {"a/b": np.random.default_rng(3).random((8, 5, 7)).astype(np.float32)}
    transforms = {"a/b": resize_matrix((30, 40), (5, 7))}
    pages = list(overlay(FRAMES, maps, transforms, title="one"))
    assert len(pages) == 8
    assert {p.shape for p in pages} == {pages[0].shape}
    assert pages[0].shape[0] % 2 == 0 == pages[0].shape[1] % 2
    assert all(p.dtype == np.uint8 for p in pages)
    again = overlay(FRAMES, maps, transforms, title="one")
    assert all(np.array_equal(p, q) for p, q in zip(pages, again, strict=True))


def test_a_map_of_nothing_leaves_the_grey_picture() -> None:
    page = next(overlay(FRAMES, {"a/b": np.zeros((8, 5, 7))}, {"a/b": SAME}, columns=2))
    panel = picture(page, 1, 2)
    assert np.ptp(panel, axis=2).max() == 0
    original = picture(page, 0, 2)
    luma = original @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(panel[..., 0], luma, atol=1)


def test_the_hottest_pixel_is_drawn_where_the_transform_says() -> None:
    heatmap = np.zeros((8, 6, 8), np.float32)
    heatmap[:, 4, 2] = 1
    transform = resize_matrix((30, 40), (6, 8))
    page = next(overlay(FRAMES, {"a/b": heatmap}, {"a/b": transform}, columns=2))
    colourful = np.ptp(picture(page, 1, 2), axis=2)
    row, column = np.argwhere(colourful > 0.5 * colourful.max()).mean(axis=0)
    assert row == pytest.approx((4.5 * 5 - 0.5 + 0.5) * ZOOM, abs=ZOOM)
    assert column == pytest.approx((2.5 * 5 - 0.5 + 0.5) * ZOOM, abs=ZOOM)


def test_gaze_dots_fade_and_rings_are_of_this_frame_only() -> None:
    frames = np.full((10, 30, 40, 3), 60, np.uint8)
    maps, transforms = {"a/b": np.zeros((10, 3, 4))}, {"a/b": SAME}
    gaze = np.array([[2, 10, 30]], np.int32)
    pages = list(overlay(frames, maps, transforms, fixations=gaze, columns=2))
    spot = (slice(10 * ZOOM, 11 * ZOOM), slice(30 * ZOOM, 31 * ZOOM))
    strength = [abs(picture(page, 0, 2)[spot] - 60).sum() for page in pages]
    assert not any(strength[:2])
    assert np.all(np.diff(strength[2 : 2 + TRAIL]) < 0)
    assert not any(strength[2 + TRAIL :])
    ringed = [bool((picture(page, 1, 2) != 60).any()) for page in pages]
    assert ringed == [frame == 2 for frame in range(10)]


def test_a_long_name_stays_in_its_bar() -> None:
    long, short = "m/" + "very_long_" * 30, "m/s"
    maps, transforms = np.zeros((8, 3, 4)), SAME
    pages = [next(overlay(FRAMES, {n: maps}, {n: transforms}, columns=2)) for n in (long, short)]
    rows, columns = np.nonzero((pages[0] != pages[1]).any(axis=2))
    assert rows.min() >= TITLE
    assert rows.max() < TITLE + BAR
    assert columns.min() >= GAP + 320 + GAP
    assert columns.max() < GAP + 320 + GAP + 320


@pytest.mark.parametrize(
    ("frames", "maps", "transforms", "words"),
    [
        (FRAMES.astype(float), {}, {}, "float64 .* is no video"),
        (FRAMES, {"a/b": np.zeros((7, 3, 3))}, {"a/b": SAME}, "heatmap a/b.*8 frames"),
        (FRAMES, {"a/b": np.zeros((8, 3, 3))}, {}, "heatmap a/b.*no 3x3 transform"),
    ],
)
def test_misfits_are_refused_before_the_first_frame(
    frames: np.ndarray, maps: dict, transforms: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        overlay(frames, maps, transforms)


def test_small_videos_are_enlarged_by_a_whole_number() -> None:
    for width, zoom in ((160, 2), (40, 8), (342, 1), (107, 3)):
        frames = np.zeros((1, 30, width, 3), np.uint8)
        page = next(overlay(frames, {}, {}))
        assert page.shape[1] - (2 * GAP + width * zoom) in (0, 1)
        assert width * zoom >= module.PANEL
