"""Preprocessing: where pixels go, and which values they take."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal.models import Preprocessing

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def centre_of_mass(image: torch.Tensor) -> np.ndarray:
    rows, columns = torch.meshgrid(*(torch.arange(n).double() for n in image.shape), indexing="ij")
    total = image.double().sum()
    return np.array([(columns * image).sum() / total, (rows * image).sum() / total])


def test_same_size_only_normalises():
    frames = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    clip = Preprocessing((6, 8), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))(frames)
    expected = (frames / 255 - (0.5, 0.4, 0.3)) / (0.2, 0.3, 0.4)
    np.testing.assert_allclose(clip.numpy(), expected.transpose(3, 0, 1, 2), atol=1e-5)


def test_caffe_style_is_bgr_minus_mean():
    frames = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    caffe = Preprocessing((6, 8), (104, 117, 123), (1, 1, 1), channels="bgr", scale=1.0)
    expected = frames[..., ::-1].astype(float) - (104, 117, 123)
    np.testing.assert_allclose(caffe(frames).numpy(), expected.transpose(3, 0, 1, 2), atol=1e-4)
    assert caffe.black().flatten().tolist() == [-104, -117, -123]


def test_black_is_what_a_black_frame_becomes():
    preprocess = Preprocessing((4, 4), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    clip = preprocess(np.zeros((1, 9, 9, 3), np.uint8))
    torch.testing.assert_close(clip, preprocess.black().expand_as(clip))


@pytest.mark.parametrize("mode", ["squash", "crop"])
@pytest.mark.parametrize("size", [(30, 40), (56, 28), (120, 200)])
@pytest.mark.parametrize("spot", [(70, 45), (62, 50)])
@pytest.mark.parametrize("resize", ["bilinear", "area"])
def test_matrix_says_where_a_spot_goes(mode, size, spot, resize):
    frames = np.zeros((1, 100, 130, 3), np.uint8)
    x, y = spot
    frames[0, y - 3 : y + 4, x - 3 : x + 4] = 255
    preprocess = Preprocessing(size, mode=mode, resize=resize, **PLAIN)
    wanted = preprocess.matrix(100, 130) @ (x, y, 1)
    np.testing.assert_allclose(centre_of_mass(preprocess(frames)[0, 0]), wanted[:2], atol=0.1)


def test_area_is_the_mean_over_each_pixel_of_the_result():
    frames = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), dtype=np.uint8)
    clip = Preprocessing((4, 8), scale=1.0, resize="area", **PLAIN)(frames)
    blocks = frames.reshape(2, 4, 3, 8, 2, 3).astype(float).mean(axis=(2, 4))
    np.testing.assert_allclose(clip.numpy(), blocks.transpose(3, 0, 1, 2), atol=1e-3)
    soft = Preprocessing((4, 8), scale=1.0, **PLAIN)(frames)
    assert abs(soft.numpy() - blocks.transpose(3, 0, 1, 2)).max() > 5


def test_squash_maps_edges_to_edges():
    matrix = Preprocessing((30, 40), **PLAIN).matrix(120, 160)
    np.testing.assert_allclose(matrix @ (-0.5, -0.5, 1), (-0.5, -0.5, 1))
    np.testing.assert_allclose(matrix @ (159.5, 119.5, 1), (39.5, 29.5, 1))


def test_crop_keeps_the_aspect_ratio_and_the_centre():
    matrix = Preprocessing((112, 112), mode="crop", **PLAIN).matrix(224, 448)
    assert matrix[0, 0] == matrix[1, 1] == 0.5
    np.testing.assert_allclose(matrix @ (223.5, 111.5, 1), (55.5, 55.5, 1))


@pytest.mark.parametrize("resize", ["bilinear", "area"])
@pytest.mark.parametrize("mode", ["squash", "crop"])
def test_the_input_is_never_a_view_of_the_frames(mode, resize):
    frames = np.full((2, 4, 6, 3), 100, np.uint8)
    clip = Preprocessing((4, 6), scale=1.0, mode=mode, resize=resize, **PLAIN)(frames)
    before = clip.clone()
    frames[:] = 7
    assert (clip == before).all()
