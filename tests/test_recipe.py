"""The settings of a training: what is refused, and what they do to clips, rates and steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from vidsal._recipe import Recipe, augment, learning_rate, optimizer
from vidsal.errors import InputError

PLAIN = Recipe(
    epochs=4,
    batch_size=2,
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=0.5,
    momentum=0.9,
    warmup=0.0,
    schedule="constant",
    clip_norm=None,
    label_smoothing=0.0,
    flip=False,
    crop=0.0,
    jitter=0.0,
    patience=None,
    seed=0,
)


def recipe(**changes) -> Recipe:
    return dataclasses.replace(PLAIN, **changes)


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)


def test_all_problems_are_named_at_once():
    with pytest.raises(InputError) as error:
        recipe(optimizer="sdg", schedule="linear", epochs=0, crop=1.0, learning_rate=0, patience=0)
    for phrase in ("optimizer 'sdg'", "schedule 'linear'", "epochs 0", "crop 1.0", "patience 0"):
        assert phrase in str(error.value)


def test_yaml_text_numbers_are_explained():
    with pytest.raises(InputError, match=r"learning_rate '3e-4' is text.*write 0\.0003"):
        recipe(learning_rate="3e-4")


def test_no_change_asked_for_is_no_change(frames):
    assert (augment(frames, np.random.default_rng(0), PLAIN) == frames).all()


def test_flip_mirrors_about_half_of_the_clips(frames):
    made = [augment(frames, np.random.default_rng(s), recipe(flip=True)) for s in range(200)]
    mirrored = [(one == frames[:, :, ::-1]).all() for one in made]
    assert all(m or (one == frames).all() for m, one in zip(mirrored, made, strict=True))
    assert 70 < sum(mirrored) < 130


def test_crop_cuts_the_same_window_from_every_frame(frames):
    shapes = set()
    for seed in range(50):
        made = augment(frames, np.random.default_rng(seed), recipe(crop=0.3))
        shapes.add(made.shape)
        rows, columns = made.shape[1:3]
        assert 14 <= rows <= 20
        assert 21 <= columns <= 30
        windows = [
            (top, left)
            for top in range(21 - rows)
            for left in range(31 - columns)
            if (frames[:, top : top + rows, left : left + columns] == made).all()
        ]
        assert len(windows) == 1
    assert len(shapes) > 10


def test_jitter_is_one_line_for_all_pixels(frames):
    made = augment(frames, np.random.default_rng(3), recipe(jitter=0.2)).astype(float)
    inside = (made > 0) & (made < 255)
    slope, offset = np.polyfit(frames[inside], made[inside], 1)
    assert 0.8 < slope < 1.2
    assert abs(made[inside] - slope * frames[inside] - offset).max() < 1.01
    assert abs(slope * 127.5 + offset - 127.5) < 0.2 * 127.5 + 1


def test_augmentation_belongs_to_its_generator(frames):
    changed = recipe(crop=0.2, jitter=0.2, flip=True)
    first, second = (augment(frames, np.random.default_rng(5), changed) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_switching_one_change_off_leaves_the_others(frames):
    both = augment(frames, np.random.default_rng(1), recipe(crop=0.3, flip=True))
    crop = augment(frames, np.random.default_rng(1), recipe(crop=0.3))
    assert (both == crop).all() or (both == crop[:, :, ::-1]).all()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.1] * 8),
        ("step", [0.1] * 4 + [0.01] * 2 + [0.001] * 2),
        ("cosine", [0.05 * (1 + np.cos(np.pi * step / 8)) for step in range(8)]),
    ],
)
def test_schedules(schedule, expected):
    rates = [learning_rate(recipe(schedule=schedule), step, 2) for step in range(8)]
    np.testing.assert_allclose(rates, expected)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_warmup_rises_to_the_full_rate_and_no_further(schedule):
    warm = recipe(warmup=1.5, schedule=schedule)
    rates = [learning_rate(warm, step, 10) for step in range(40)]
    np.testing.assert_allclose(rates[:15], 0.1 * np.arange(1, 16) / 15)
    assert max(rates) <= 0.1
    assert rates[-1] < 0.001 or schedule == "constant"


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_only_kernels_and_matrices_decay(kind):
    net = nn.Sequential(nn.Conv3d(1, 2, 1), nn.BatchNorm3d(2), nn.Linear(2, 2))
    for parameter in net.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    optimizer(net, recipe(optimizer=kind)).step()
    for parameter in net.parameters():
        assert (parameter < 1).all() if parameter.ndim > 1 else (parameter == 1).all()
