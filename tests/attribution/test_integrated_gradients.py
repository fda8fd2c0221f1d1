"""Integrated gradients agree with captum and add up to the difference of scores."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.attribution._notes import note, notes
from vidsal.attribution.integrated_gradients import integrated_gradients, nodes
from vidsal.errors import InputError


def maps(case, **options):
    """The maps of both clips, and what was noted about each."""
    made, noted = [], []
    for clip, target in zip(case.clips, case.targets, strict=True):
        with notes() as found:
            made.append(integrated_gradients(case.model, clip, target, **options))
        noted.append(found)
    return made, {name: [one[name] for one in noted] for name in noted[0]}


def test_reference(case, agrees):
    expected = case.expected["ig_gausslegendre_zero"].sum(axis=1)
    options = {"steps": case.cfg["ig_steps"], "baseline": "mean"}
    agrees(case, maps(case, absolute=False, **options)[0], expected)
    agrees(case, maps(case, **options)[0], np.abs(expected))


def test_reference_of_the_completeness_error(case64):
    _, found = maps(case64, steps=case64.cfg["ig_steps"], baseline="mean")
    expected = case64.expected["ig_gausslegendre_zero_delta"]
    np.testing.assert_allclose(found["completeness_error"], expected, atol=1e-6)


def test_more_steps_complete_the_sum(case64):
    errors = []
    for steps in (2, 300):
        made, found = maps(case64, steps=steps, absolute=False)
        errors.append(np.abs(found["completeness_error"]).max())
        sums = np.array([one.sum().item() for one in made])
        error = np.array(found["completeness_error"])
        change = error / np.array(found["completeness_error_relative"])
        np.testing.assert_allclose(sums - error, change, rtol=1e-9)
    assert errors[1] < 0.1 * errors[0]


def test_from_black_to_black_nothing_is_explained(c3d):
    black = c3d.model.preprocess.black().expand(3, 8, 16, 16)
    heatmap = integrated_gradients(c3d.model, black.contiguous(), 0, steps=2)
    assert not heatmap.any()


def test_nodes_integrate_polynomials_exactly():
    places, weights = nodes(4)
    assert np.isclose(weights.sum(), 1)
    for power in range(8):
        assert np.isclose((weights * places**power).sum(), 1 / (power + 1))


@pytest.mark.parametrize("option", [{"steps": 0}, {"baseline": "white"}])
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        integrated_gradients(c3d.model, c3d.clips[0], 0, **option)


def test_notes_are_dropped_when_nobody_listens(c3d):
    integrated_gradients(c3d.model, c3d.clips[0], 0, steps=1)
    with notes() as outer, notes() as inner:
        integrated_gradients(c3d.model, c3d.clips[0], 0, steps=1)
    assert not outer
    assert set(inner) == {"completeness_error", "completeness_error_relative"}
    assert all(isinstance(value, float) for value in inner.values())


def test_of_several_notes_the_largest_in_size_stays():
    with notes() as found:
        for value in (0.5, -2.0, 1.0):
            note("error", value)
    assert found == {"error": -2.0}
