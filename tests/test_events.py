"""Fixations in samples, against sequences worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.events import idt, ivt

NAN = np.nan
# 100 samples a second; all places in degrees.
RATE = 0.01


def samples(*places: tuple[float, float] | float):
    """Times, x and y of samples one step apart; a single number is x, y is then 0."""
    made = np.array([p if isinstance(p, tuple) else (p, 0.0 if p == p else NAN) for p in places])
    return np.arange(len(made)) * RATE, *made.T


def rows(found):
    columns = ["time", "duration", "x", "samples"]
    return [tuple(round(float(v), 9) for v in row) for row in found[columns].to_numpy()]


# --- I-VT ------------------------------------------------------------------------------------


def test_a_step_above_the_threshold_parts_two_fixations():
    # 0.2 deg in 10 ms are 20 deg/s, slow; 5 deg are 500 deg/s, fast.
    found = ivt(*samples(0, 0.2, 0.4, 5.4, 5.4), velocity=30, merge_time=0, min_duration=0)
    # 3 samples from 0 ms: 20 ms to the last one and a step; 2 samples from 30 ms.
    assert rows(found) == [(0.0, 0.03, 0.2, 3), (0.03, 0.02, 5.4, 2)]


def test_samples_within_a_saccade_belong_to_no_fixation():
    found = ivt(*samples(0, 0, 2, 4, 6, 6), velocity=30, merge_time=0, min_duration=0.02)
    assert rows(found) == [(0.0, 0.02, 0, 2), (0.04, 0.02, 6, 2)]


def test_velocity_is_that_of_both_directions():
    # 3 and 4 hundredths: 5 hundredths in 10 ms are 5 deg/s.
    still = samples((0, 0), (0.03, 0.04), (0.06, 0.08))
    assert len(ivt(*still, velocity=5.01, merge_time=0, min_duration=0)) == 1
    assert len(ivt(*still, velocity=4.99, merge_time=0, min_duration=0)) == 3


def test_a_blink_parts_a_fixation_and_short_ones_close_by_are_merged():
    blink = samples(1, 1, 1, NAN, NAN, 1.2, 1.2, 1.2)
    parts = ivt(*blink, merge_time=0, min_duration=0)
    assert rows(parts) == [(0.0, 0.03, 1, 3), (0.05, 0.03, 1.2, 3)]
    # The first ends at 30 ms, the second starts at 50 ms: 20 ms apart, 0.2 deg apart.
    whole = ivt(*blink, merge_time=0.02, merge_distance=0.21, min_duration=0.08)
    assert rows(whole) == [(0.0, 0.08, 1.1, 6)]
    assert len(ivt(*blink, merge_time=0.019, merge_distance=0.21, min_duration=0)) == 2
    assert len(ivt(*blink, merge_time=0.02, merge_distance=0.19, min_duration=0)) == 2


def test_rows_that_a_reader_left_out_part_a_fixation_too():
    time, x, y = samples(*[0.0] * 10)
    kept = np.array([0, 1, 2, 3, 7, 8, 9])  # samples 4, 5 and 6 are missing: 40 ms
    found = ivt(time[kept], x[kept], y[kept], merge_time=0, min_duration=0)
    assert rows(found) == [(0.0, 0.04, 0, 4), (0.07, 0.03, 0, 3)]
    one = np.delete(np.arange(10), 4)  # one missing sample is no hole
    assert len(ivt(time[one], x[one], y[one], merge_time=0, min_duration=0)) == 1


def test_the_minimum_holds_after_merging():
    short = samples(0, 0, 0, 9, 9, 9, NAN, 9, 9, 9)
    found = ivt(*short, merge_time=0.01, merge_distance=0.1, min_duration=0.04)
    assert rows(found) == [(0.03, 0.07, 9, 6)]


def test_one_time_twice_is_no_infinite_velocity():
    time, x, y = np.array([0, 0.01, 0.01, 0.02]), np.zeros(4), np.zeros(4)
    assert len(ivt(time, x, y, merge_time=0, min_duration=0)) == 1


# --- I-DT ------------------------------------------------------------------------------------


def test_a_window_grows_while_its_samples_lie_close():
    # Windows of 30 ms are 3 samples. From 0: extent 0.4, grows by 0.5 (extent 0.5), not by 3.
    # From 3.0: 3.0 3.1 3.2 fit, and grow to the end.
    found = idt(*samples(0, 0.2, 0.4, 0.5, 3.0, 3.1, 3.2, 3.0), dispersion=0.5, min_duration=0.03)
    assert rows(found) == [(0.0, 0.04, 0.275, 4), (0.04, 0.04, 3.075, 4)]


def test_a_window_that_does_not_fit_starts_one_sample_later():
    found = idt(*samples(0, 2, 2, 2), dispersion=0.5, min_duration=0.03)
    assert rows(found) == [(0.01, 0.03, 2, 3)]


def test_dispersion_adds_both_directions():
    places = samples((0, 0), (0.3, 0), (0.3, 0.3))
    assert len(idt(*places, dispersion=0.61, min_duration=0.03)) == 1
    assert len(idt(*places, dispersion=0.59, min_duration=0.03)) == 0


def test_no_window_reaches_over_a_blink():
    found = idt(*samples(0, 0, 0, NAN, 0, 0, 0, 0), dispersion=1, min_duration=0.04)
    assert rows(found) == [(0.04, 0.04, 0, 4)]
    merged = idt(
        *samples(0, 0, 0, NAN, 0, 0, 0, 0), dispersion=1, min_duration=0.03, merge_time=0.01
    )
    assert rows(merged) == [(0.0, 0.08, 0, 7)]


def test_every_window_equals_the_slow_definition():
    rng = np.random.default_rng(5)
    x, y = rng.normal(0, 0.3, (2, 400)).cumsum(axis=1)
    x[rng.choice(400, 12, replace=False)] = NAN
    time = np.arange(400) * RATE
    found = idt(time, x, y, dispersion=2.0, min_duration=0.05)
    expected, at = [], 0
    while at + 5 <= 400:
        window = slice(at, at + 5)
        if not _spread(x[window], y[window]) <= 2.0:
            at += 1
            continue
        end = at + 5
        while end < 400 and _spread(x[at : end + 1], y[at : end + 1]) <= 2.0:
            end += 1
        expected.append((time[at], (end - at) * RATE, x[at:end].mean(), end - at))
        at = end
    assert len(expected) > 10
    np.testing.assert_allclose(found[["time", "duration", "x", "samples"]], expected, atol=1e-9)


def _spread(x, y):
    return np.ptp(x) + np.ptp(y)


# --- both ------------------------------------------------------------------------------------


@pytest.mark.parametrize("find", [ivt, idt])
@pytest.mark.parametrize("places", [(), (1.0,), (NAN, NAN)])
def test_nothing_gives_nothing(find, places):
    found = find(*(np.array(v, float) for v in samples(*places))) if places else find([], [], [])
    assert list(found) == ["time", "duration", "x", "y", "samples"]
    assert len(found) == 0


@pytest.mark.parametrize("find", [ivt, idt])
def test_time_that_goes_back_is_refused(find):
    with pytest.raises(ValueError, match="order of time"):
        find([0, 0.02, 0.01], [0, 0, 0], [0, 0, 0])


@pytest.mark.parametrize("find", [ivt, idt])
def test_a_million_samples_take_seconds(find):
    rng = np.random.default_rng(0)
    count = 1_000_000
    place = np.repeat(rng.uniform(0, 30, (count // 250, 2)), 250, axis=0)
    place += rng.normal(0, 0.001, place.shape)
    found = find(np.arange(count) / 1000, *place.T)
    # Two neighbours may lie within the threshold, and are then one fixation.
    assert 0.97 * count / 250 < len(found) <= count / 250
