"""Simulated observers: late by what they should be, still while they fixate, never clairvoyant."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal import fixations
from vidsal.datasets import _observers, _plans, _recordings
from vidsal.datasets.synthetic import _options, render, synthetic

FPS = _plans.FPS


def steady(length: int = 4000, speed: float = 2.0) -> _observers.Bodies:
    """A body that goes to and fro between x = 30 and x = 130 at a constant speed."""
    x = 30 + np.abs((np.arange(length) * speed) % 200 - 100)
    hip = np.stack([x, np.full(length, 75.0)], axis=1)
    return _observers.Bodies(hip, hip - [0, 28], np.ones(length, bool))


def gaze(number: int, bodies: _observers.Bodies, seed: int = 0) -> np.ndarray:
    """One observer's gaze at the bodies."""
    return _observers.gaze(_observers.observer(0, number), bodies, np.random.default_rng(seed))


def lag(where: np.ndarray, body: np.ndarray, frames: np.ndarray) -> int:
    """The shift of the body, in frames, at which gaze is nearest to it (median: no glances)."""
    errors = [np.nanmedian(np.abs(where[frames] - body[frames - shift])) for shift in range(16)]
    return int(np.argmin(errors))


@pytest.mark.parametrize("number", range(1, 9))
def test_gaze_lags_the_body_by_the_observers_latency(number):
    bodies = steady()
    latency = _observers.observer(0, number).latency
    assert 0.15 <= latency <= 0.25
    # Half a second after a turn nobody expects the body to go on the old way any more.
    straight = np.flatnonzero(np.arange(len(bodies.seen)) % 50 >= 25)[1:]
    measured = lag(gaze(number, bodies)[:, 0], bodies.hip[:, 0], straight) / FPS
    assert abs(measured - latency) <= 1 / FPS


def test_gaze_of_the_dataset_lags_the_body_by_150_to_250_ms():
    options = _options({"observers": 8})
    lags = []
    for index in range(1, 4):
        for label in ("walking", "running"):
            plan = _plans.plan(options, "train", index, label, 1)
            bodies = _recordings._seen_bodies(options, plan)
            late = np.stack(
                [gaze(number, bodies, seed)[:, 0] for number in range(1, 9) for seed in range(3)]
            )
            middle = np.nanmedian(late, axis=0)
            # Runners are well inside the picture before anybody has found them.
            rows = np.concatenate([np.arange(p.start + 12, p.end) for p in plan.passes])
            lags.append(lag(middle, bodies.hip[:, 0], rows) / FPS)
    assert 0.15 - 1 / FPS <= np.mean(lags) <= 0.25 + 1 / FPS


def test_fixations_hold_for_200_to_500_ms():
    where = gaze(3, steady())
    step = np.linalg.norm(np.diff(where, axis=0), axis=1)
    still = step < 1.5
    assert still.mean() > 0.8
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], still, [0]]))))[::2] + 1
    # A saccade of less than the jitter joins two fixations; nothing makes one shorter.
    assert np.percentile(runs / FPS, 90) <= 0.55
    assert (runs / FPS < 0.2 - 1e-9).mean() < 0.05


def test_past_frames_are_informative_and_the_future_is_not_used():
    bodies = steady(600)
    where = gaze(2, bodies)
    known = ~np.isnan(where[1:, 0]) & ~np.isnan(where[:-1, 0])
    stay = np.abs(np.diff(where[:, 0]))[known].mean()
    assert stay < 0.3 * np.nanstd(where[:, 0])
    changed = _observers.Bodies(bodies.hip.copy(), bodies.head.copy(), bodies.seen.copy())
    changed.hip[300:] += 50
    changed.head[300:] += 50
    after = gaze(2, changed)
    first = 300 + int(0.15 * FPS)
    np.testing.assert_array_equal(where[:first], after[:first])
    assert np.nanmax(np.abs(where[first:] - after[first:])) > 10


def test_gaze_returns_to_the_centre_when_nobody_is_there():
    length = 1000
    bodies = steady(length)
    bodies.seen[500:] = False
    where = np.stack([gaze(number, bodies) for number in range(1, 9)])
    away = np.abs(where - _observers.CENTRE)[..., 0]
    assert np.nanmedian(away[:, 550:]) < 8 < np.nanmedian(away[:, 50:500])


def test_some_samples_are_missing_and_a_few_outside():
    where = np.concatenate([gaze(number, steady()) for number in range(1, 9)])
    assert 0.01 < np.isnan(where[:, 0]).mean() < 0.08
    x, y = where[~np.isnan(where[:, 0])].T
    outside = (x < -0.5) | (x > 159.5) | (y < -0.5) | (y > 119.5)
    assert 0.001 < outside.mean() < 0.03


def test_observers_differ_and_more_of_them_change_nothing():
    few, many = ([_observers.observer(5, n) for n in range(1, k)] for k in (4, 9))
    assert [o.latency for o in few] == [o.latency for o in many[:3]]
    assert len({o.latency for o in many}) == 8
    options = {"subjects_train": 1, "subjects_val": 0, "subjects_test": 0}
    plan = _plans.plan(_options(options), "train", 1, "walking", 1)
    two, three = (
        _recordings._gaze_table(_options(options | {"observers": n}), plan) for n in (2, 3)
    )
    assert three.startswith(two)


def test_the_table_is_tidy_and_on_the_recordings_clock(tmp_path):
    options = {"subjects_train": 0, "subjects_val": 0, "subjects_test": 1, "observers": 3}
    rows = synthetic(str(tmp_path), **options).iloc[:1]
    render(str(tmp_path), rows, **options)
    table = fixations.read(rows["fixations"][0])
    assert list(table.columns) == list(fixations.COLUMNS)
    assert sorted(table["subject"].unique()) == ["simulated01", "simulated02", "simulated03"]
    length = _plans.plan(_options(options), "test", 1, "walking", 1).length
    assert table["frame"].min() == 0
    assert table["frame"].max() == length - 1
    assert not table.duplicated(["subject", "frame"]).any()
    assert 0.9 * 3 * length < len(table) < 3 * length
