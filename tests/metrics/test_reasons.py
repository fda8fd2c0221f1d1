"""Every undefined score has a reason, in a fixed order."""

from __future__ import annotations

import numpy as np

from vidsal.metrics._reasons import reasons

ONE = np.array([[0, 1, 1]], np.int32)


def maps(rng, count=1):
    return rng.random((count, 4, 4))


def test_nothing_found(rng):
    assert reasons(maps(rng), fixations=ONE, density=maps(rng)) == [""]
    assert reasons(maps(rng), mask=np.ones((1, 4, 4), bool)) == [""]


def test_each_code(rng):
    broken, flat = maps(rng), np.zeros((1, 4, 4))
    broken[0, 0, 0] = np.nan
    full, empty = np.ones((1, 4, 4), bool), np.zeros((1, 4, 4), bool)
    nobody = np.empty((0, 3), np.int32)
    assert reasons(broken, fixations=ONE) == ["not_finite"]
    assert reasons(maps(rng), fixations=nobody) == ["no_fixation"]
    assert reasons(maps(rng), density=flat) == ["no_fixation"]
    assert reasons(maps(rng), density=flat + 0.1) == ["constant_density"]
    assert reasons(flat, fixations=ONE) == ["constant_map"]
    assert reasons(maps(rng), mask=empty) == ["empty_mask"]
    assert reasons(flat, mask=full) == ["no_positive_relevance"]
    assert reasons(maps(rng), fixations=ONE, other_fixations=flat[0]) == ["no_other_fixation"]


def test_first_of_several_and_frame_by_frame(rng):
    saliency = maps(rng, 3)
    saliency[0] = np.nan
    saliency[1] = 2.0
    assert reasons(saliency, fixations=ONE) == ["not_finite", "no_fixation", "no_fixation"]
    both = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]], np.int32)
    assert reasons(saliency, fixations=both) == ["not_finite", "constant_map", ""]
