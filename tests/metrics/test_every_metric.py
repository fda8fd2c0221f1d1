"""What holds for every metric: scale, layout, pieces, dtypes, videos without frames."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal import densities
from vidsal.metrics.auc import auc
from vidsal.metrics.cc import cc
from vidsal.metrics.kl import kl
from vidsal.metrics.nss import nss
from vidsal.metrics.relevance_mass import relevance_mass
from vidsal.metrics.s_auc import s_auc
from vidsal.metrics.sim import sim

POINTS = np.array([[0, 2, 3], [2, 11, 12], [0, 2, 3], [2, 0, 4], [3, 5, 5]], np.int32)
DENSITY = densities.density(POINTS, (12, 13), 4, 2.0)
TRUTH = {
    auc: (POINTS,),
    nss: (POINTS,),
    cc: (DENSITY,),
    sim: (DENSITY,),
    kl: (DENSITY,),
    s_auc: (POINTS, np.arange(156.0).reshape(12, 13) % 4),
    relevance_mass: (DENSITY > 1e-3,),
}


@pytest.fixture
def saliency(rng):
    return rng.random((4, 12, 13)).astype(np.float32)


@pytest.fixture(params=TRUTH, ids=lambda metric: metric.__name__)
def metric(request):
    return request.param


@pytest.mark.parametrize("exponent", [-100, -60, 60, 90])
def test_scale_changes_nothing(metric, saliency, exponent):
    expected = metric(saliency, *TRUTH[metric])
    scaled = np.ldexp(saliency, exponent)
    np.testing.assert_allclose(metric(scaled, *TRUTH[metric]), expected, rtol=1e-4)


def test_frame_without_truth_is_undefined_and_the_others_are_not(metric, saliency):
    scores = metric(saliency, *TRUTH[metric])
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(scores), [False, True, False, False])


def test_float32_is_close_to_float64(metric, saliency):
    exact = metric(saliency.astype(np.float64), *TRUTH[metric])
    np.testing.assert_allclose(metric(saliency, *TRUTH[metric]), exact, atol=2e-5)


def test_other_dtypes_and_layouts(metric, saliency):
    levels = np.floor(saliency * 200)
    expected = metric(levels.astype(np.float64), *TRUTH[metric])
    for made in (levels.astype(np.uint8), levels.astype(np.float16), np.asfortranarray(levels)):
        np.testing.assert_allclose(metric(made, *TRUTH[metric]), expected, atol=2e-5)


def test_large_offset_is_no_loss(metric, saliency):
    if metric in (auc, s_auc, nss, cc):
        lifted = saliency.astype(np.float64) + 1e4
        expected = metric(saliency.astype(np.float64), *TRUTH[metric])
        np.testing.assert_allclose(metric(lifted, *TRUTH[metric]), expected, atol=1e-6)


def test_video_without_frames(metric):
    nothing = [
        truth[:0] if truth.ndim == 3 or truth.shape[1] == 3 else truth for truth in TRUTH[metric]
    ]
    assert metric(np.zeros((0, 12, 13), np.float32), *nothing).shape == (0,)


def test_arguments_are_left_alone(metric, saliency):
    before = saliency.copy(), [truth.copy() for truth in TRUTH[metric]]
    metric(saliency, *TRUTH[metric])
    np.testing.assert_array_equal(saliency, before[0])
    for truth, copy in zip(TRUTH[metric], before[1], strict=True):
        np.testing.assert_array_equal(truth, copy)
