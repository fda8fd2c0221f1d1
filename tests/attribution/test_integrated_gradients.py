"""Integrated gradients agree with captum and add up to the difference of scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vidsal.attribution._notes import note, notes
from vidsal.attribution._pass import PASSES
from vidsal.attribution.integrated_gradients import RULES, integrated_gradients
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


@pytest.mark.parametrize("rule", ["left", "right", "middle", "trapezoid_captum"])
def test_reference_of_the_other_rules(case, agrees, rule):
    expected = case.expected[f"ig_riemann_{rule.removesuffix('_captum')}_zero"].sum(axis=1)
    options = {"steps": case.cfg["ig_steps"], "baseline": "mean", "rule": rule}
    agrees(case, maps(case, absolute=False, **options)[0], expected)


@pytest.mark.parametrize("kind", ["rand", "blur"])
def test_reference_against_other_clips(case, agrees, kind, tmp_path):
    made, deltas = [], []
    for number, pair in enumerate(zip(case.clips, case.targets, strict=True)):
        path = tmp_path / f"{number}.npy"
        np.save(path, case.expected[f"baseline_{kind}"][number])
        options = {"baseline": str(path), "steps": case.cfg["ig_steps"], "absolute": False}
        with notes() as found:
            made.append(integrated_gradients(case.model, *pair, **options))
        deltas.append(found["completeness_error"])
    agrees(case, made, case.expected[f"ig_gausslegendre_{kind}"].sum(axis=1))
    expected = case.expected[f"ig_gausslegendre_{kind}_delta"]
    np.testing.assert_allclose(deltas, expected, atol=1e-5)


def test_the_blurred_baseline_is_the_reference(case, agrees):
    expected = case.expected["ig_gausslegendre_blur"].sum(axis=1)
    options = {"steps": case.cfg["ig_steps"], "baseline": "blurred"}
    agrees(case, maps(case, absolute=False, **options)[0], expected)


def test_over_several_clips_it_is_the_mean(case64, tmp_path):
    clip, target = case64.clips[0], case64.targets[0]
    alone = []
    for number, other in enumerate([case64.clips[1], -clip, 0.5 * clip]):
        np.save(tmp_path / f"{number}.npy", other.numpy())
        path = str(tmp_path / f"{number}.npy")
        alone.append(
            integrated_gradients(case64.model, clip, target, baseline=path, absolute=False)
        )
    with notes() as found:
        options = {"baseline": str(tmp_path), "absolute": False}
        together = integrated_gradients(case64.model, clip, target, **options)
    torch.testing.assert_close(together, torch.stack(alone).mean(dim=0))
    change = found["completeness_error"] / found["completeness_error_relative"]
    assert together.sum().item() - found["completeness_error"] == pytest.approx(change)


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


@pytest.mark.parametrize(
    ("rule", "degree"),
    [
        ("gauss_legendre", 7),
        ("left", 0),
        ("right", 0),
        ("middle", 1),
        ("trapezoid", 1),
    ],
)
def test_nodes_integrate_polynomials_exactly(rule, degree):
    places, weights = RULES[rule](4)
    sums = [(weights * places**power).sum() * (power + 1) for power in range(degree + 2)]
    np.testing.assert_allclose(sums[:-1], 1)
    assert not np.isclose(sums[-1], 1, atol=1e-4)


def test_weights_of_captums_trapezoid_do_not_add_up():
    assert RULES["trapezoid_captum"](10)[1].sum() == pytest.approx(0.9)


@pytest.mark.parametrize("rule", RULES)
def test_steps_are_doubled_until_the_sum_is_complete(case64, rule):
    tolerance = 0.02
    for pair in zip(case64.clips, case64.targets, strict=True):
        options = {"steps": 3, "rule": rule, "baseline": "mean", "most_steps": 2000}
        with notes() as found:
            integrated_gradients(case64.model, *pair, tolerance=tolerance, **options)
        assert abs(found["completeness_error_relative"]) <= tolerance
        halved = (found["steps"] + 1) // 2 if "trapezoid" in rule else found["steps"] // 2
        if halved >= 3:
            with notes() as coarser:
                integrated_gradients(case64.model, *pair, **options | {"steps": int(halved)})
            assert abs(coarser["completeness_error_relative"]) > tolerance


@pytest.mark.parametrize("rule", RULES)
def test_doubled_steps_give_what_they_give_at_once(case64, rule):
    pair = (case64.clips[0], case64.targets[0])
    options = {"rule": rule, "absolute": False, "baseline": "mean"}
    before = PASSES.backward
    with notes() as found:
        doubled = integrated_gradients(
            case64.model, *pair, steps=5, tolerance=1e-12, most_steps=20, **options
        )
    spent, steps = PASSES.backward - before, int(found["steps"])
    at_once = integrated_gradients(case64.model, *pair, steps=steps, **options)
    torch.testing.assert_close(doubled, at_once)
    assert steps == (17 if "trapezoid" in rule else 20)
    # Nodes that stay where they were are not asked about again.
    assert spent == {"left": 20, "right": 20, "trapezoid": 17, "trapezoid_captum": 31}.get(rule, 35)


def test_no_more_steps_than_allowed(c3d, caplog):
    with notes() as found:
        integrated_gradients(c3d.model, c3d.clips[0], 1, steps=4, tolerance=1e-12, most_steps=15)
    assert found["steps"] == 8
    assert "after 8 steps" in caplog.text


@pytest.mark.parametrize(
    "option",
    [
        {"steps": 0},
        {"steps": 1, "rule": "trapezoid"},
        {"baseline": "white"},
        {"rule": "simpson"},
        {"tolerance": 0.0},
        {"most_steps": 49},
    ],
)
def test_impossible_options_are_refused(c3d, option):
    with pytest.raises(InputError, match=next(iter(option))):
        integrated_gradients(c3d.model, c3d.clips[0], 0, **option)


def test_notes_are_dropped_when_nobody_listens(c3d):
    integrated_gradients(c3d.model, c3d.clips[0], 0, steps=1)
    with notes() as outer, notes() as inner:
        integrated_gradients(c3d.model, c3d.clips[0], 0, steps=1)
    assert not outer
    assert set(inner) == {"completeness_error", "completeness_error_relative", "steps"}
    assert all(isinstance(value, float) for value in inner.values())


def test_of_several_notes_the_largest_in_size_stays():
    with notes() as found:
        for value in (0.5, -2.0, 1.0):
            note("error", value)
    assert found == {"error": -2.0}
