"""Pictures of one map: what lies where, how bright it is, and files that open again."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import matplotlib as mpl
import numpy as np
import pytest
from scipy import ndimage

from vidsal.errors import InputError
from vidsal.video import encode, pictures
from vidsal.video.overlay import palette

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"
FRAMES = np.random.default_rng(0).integers(40, 220, (19, 30, 40, 3)).astype(np.uint8)


def spread(value: np.ndarray) -> np.ndarray:
    return cv2.resize(value, (40, 30), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def shown() -> pictures.Shown:
    """A map of 3 x 4 places that is 1 in the top left one, in frame 7 only 0."""
    saliency = np.zeros((19, 3, 4), np.float32)
    saliency[:, 0, 0] = 1
    saliency[7] = 0
    return pictures.Shown(FRAMES, saliency, spread, "inferno", "a title")


def cell(page: np.ndarray, top: int, left: int) -> np.ndarray:
    return page[top : top + 120, left : left + 160].astype(int)


def test_panels_are_rows_of_eight_frames_above_their_maps(shown):
    page = pictures.panels(shown)
    line = 2 * 120 + pictures.TEXT + 2 * pictures.GAP
    assert page.shape == (pictures.HEAD + 2 * line, pictures.GAP + 8 * 164, 3)
    numbers = pictures.evenly(19, 16)
    assert (numbers[0], numbers[-1], len(numbers)) == (0, 18, 16)
    for place in (0, 7, 8, 15):
        top = pictures.HEAD + place // 8 * line + pictures.TEXT
        left = pictures.GAP + place % 8 * 164
        frame = cv2.resize(FRAMES[numbers[place]], (160, 120))
        np.testing.assert_array_equal(cell(page, top, left), frame)
        below = cell(page, top + 120 + pictures.GAP, left)
        # The map's one place is in colour, all else the grey frame.
        assert np.ptp(below[:30, :30], axis=2).mean() > 20
        assert np.ptp(below[60:, 60:], axis=2).max() == 0


def test_a_short_video_fills_one_row(shown):
    few = pictures.Shown(FRAMES[:3], shown.saliency[:3], spread)
    one_row = pictures.HEAD + 240 + pictures.TEXT + 2 * pictures.GAP
    assert pictures.panels(few).shape[0] == one_row


def test_focus_dims_what_the_map_leaves_out(shown):
    found = list(pictures.focus(shown))
    assert len(found) == 19
    np.testing.assert_array_equal(found[0][:10, :10], FRAMES[0][:10, :10])
    dimmed = np.rint(FRAMES[0][10:, 10:] * (pictures.FLOOR / 255))
    np.testing.assert_array_equal(found[0][10:, 10:], dimmed)
    np.testing.assert_array_equal(found[7], np.rint(FRAMES[7] * (pictures.FLOOR / 255)))


def test_maps_lie_beside_the_flow(shown):
    flow = np.zeros((19, 30, 40), np.float32)
    flow[:, 20:, 30:] = 5
    page = pictures.beside_flow(shown, flow)
    size, half = (60, 80), pictures.GAP + 5 * 84
    assert page.shape[1] == 2 * half
    # Five in a row, on both sides; the first cell of each.
    left = page[pictures.HEAD : pictures.HEAD + 60, pictures.GAP : pictures.GAP + 80]
    right = page[pictures.HEAD : pictures.HEAD + 60, half + pictures.GAP :][: size[0], : size[1]]
    assert (left[5, 5].min(), left[50, 70].max()) == (255, 0)
    assert (right[5, 5].max(), right[50, 70].min()) == (0, 255)


def test_the_film_has_every_frame_and_its_title(shown):
    found = list(pictures.film(shown))
    assert len(found) == 19
    untitled = pictures.Shown(FRAMES, shown.saliency, spread)
    plain = next(pictures.film(untitled))
    assert (found[0] != plain).any(axis=2)[: pictures.HEAD].sum() > 50
    np.testing.assert_array_equal(found[0][pictures.HEAD :], plain[pictures.HEAD :])


def test_a_gif_opens_with_all_its_frames_and_the_same_bytes_each_time(shown, tmp_path):
    few = pictures.Shown(FRAMES // 64 * 64, shown.saliency, spread)
    for name in ("a.gif", "b.gif"):
        encode.write_gif(tmp_path / name, pictures.animation(few), 10)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    with av.open(str(tmp_path / "a.gif")) as file:
        found = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    expected = list(pictures.animation(few))
    assert len(found) == 19
    assert found[0].shape == expected[0].shape
    assert np.abs(found[3].astype(int) - expected[3]).mean() < 12


def test_a_gif_of_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="no frame"):
        encode.write_gif(tmp_path / "a.gif", [], 10)


def test_purd_is_that_of_the_thesis():
    wanted = mpl.colormaps["PuRd"](np.arange(256), bytes=True)[:, :3].astype(int)
    assert np.abs(palette("PuRd").astype(int) - wanted).max() <= 1


@pytest.fixture(scope="module")
def tubes():
    """The published saliency tube, its volume from 0 to 1, and the frames it lies on."""
    with np.load(PARITY / "b1_mfnet3d_saliency_tube.npz") as expected:
        found = dict(expected)
    with np.load(PARITY / "inputs.npz") as inputs:
        clip = inputs["clip_rgb_112"].repeat(2, axis=1).repeat(2, axis=2)
    return found, ndimage.zoom(found["cam_raw"], (2, 32, 32), order=3), clip


def test_jet_is_that_of_the_published_overlays(tubes):
    found, volume, clip = tubes
    value = (volume - volume.min()) / np.ptp(volume)
    heat = palette("jet")[(255 * value).astype(np.uint8)]
    overlays = (heat // 2 + clip // 2)[:, ::8, ::8, ::-1].astype(int)
    off = np.abs(overlays - found["heatframe_bgr_u8_sub"])
    # Rounding moves a value to the next colour here and there, which is at most 2 steps.
    assert off.max() <= 2
    assert (off > 0).mean() < 0.01


def test_focus_is_that_of_the_published_frames(tubes):
    found, volume, _ = tubes
    weights = np.stack([pictures.focus_weights(frame) for frame in volume])[:, ::8, ::8]
    assert np.abs(weights - found["focus_alpha_u8_sub"]).max() <= 1
