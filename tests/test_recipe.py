"""The settings of a training: what is refused, and what they do to clips, rates and steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from vidsal._recipe import Recipe, augment
from vidsal._schedule import (
    NEVER,
    first_epoch,
    last_layer,
    learning_rate,
    optimizer,
    rate_of,
    set_learning,
    set_rate,
)
from vidsal.errors import InputError

PLAIN = Recipe(
    epochs=4,
    batch_size=2,
    accumulate=1,
    processes=1,
    sync_norms=False,
    optimizer="sgd",
    learning_rate=0.1,
    head=None,
    head_factor=1.0,
    weight_decay=0.5,
    momentum=0.9,
    nesterov=True,
    warmup=0.0,
    schedule="constant",
    milestones=None,
    clip_norm=None,
    label_smoothing=0.0,
    class_weights=None,
    thaw=None,
    precision="float32",
    sampling="dense",
    flip=False,
    crop=0.0,
    jitter=0.0,
    saturation=0.0,
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


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": 2.5}, "epochs 2.5 is no whole number"),
        ({"thaw": ["conv"]}, r"thaw \['conv'\] is not dict"),
        ({"head": "fc"}, r"head 'fc' is text, not list\[str\]"),
        ({"optimizer": None}, "optimizer is empty"),
        ({"class_weights": "balance"}, "class_weights 'balance' is neither balanced nor"),
        ({"milestones": [1]}, "milestones are for schedule: step, not constant"),
        # The thesis's TSM: 40 epochs, steps at 25 and 45.
        ({"schedule": "step", "milestones": [2, 5]}, r"milestones \[5\] are never reached in 4"),
        ({"accumulate": 3}, "accumulate 3 is above batch_size 2"),
        ({"precision": "half"}, "precision 'half' is none of float32, bfloat16, float16"),
        ({"sampling": "uniform"}, "sampling 'uniform' is none of dense, segments, sliding"),
        ({"schedule": "step", "milestones": ["2"]}, r"milestones \['2'\] are not all numbers"),
        ({"momentum": 1.0}, r"momentum 1.0 is not in \[0, 1\)"),
        ({"weight_decay": -0.1}, "weight_decay -0.1 is below 0"),
        ({"head_factor": 0.0}, "head_factor 0.0 is not above 0"),
    ],
)
def test_impossible_settings_are_named(change, named):
    with pytest.raises(InputError, match=named):
        recipe(**change)


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


def test_saturation_moves_colours_from_or_to_their_grey(frames):
    grey = frames @ np.array([0.299, 0.587, 0.114])
    for seed in range(5):
        made = augment(frames, np.random.default_rng(seed), recipe(saturation=0.4)).astype(float)
        inside = ((made > 0) & (made < 255)).all(axis=-1)
        before, after = (frames - grey[..., None])[inside], (made - grey[..., None])[inside]
        factor = (before * after).sum() / (before**2).sum()
        assert 0.6 < factor < 1.4
        assert abs(after - factor * before).max() < 1.01


def test_grey_frames_have_no_colour_to_change():
    frames = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 16, 16, 3)
    made = augment(frames, np.random.default_rng(0), recipe(saturation=0.9))
    assert abs(made.astype(int) - frames).max() <= 1


def test_augmentation_belongs_to_its_generator(frames):
    changed = recipe(crop=0.2, jitter=0.2, saturation=0.2, flip=True)
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


def test_the_rate_falls_to_a_tenth_at_each_milestone():
    step = recipe(schedule="step", epochs=40, milestones=[25, 35])
    rates = [learning_rate(step, 10 * epoch, 10) for epoch in (0, 24, 25, 34, 35, 39)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


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


def test_the_head_is_the_last_layer_unless_it_is_named():
    net = nn.Sequential(nn.Conv3d(1, 2, 1), nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Flatten())
    assert last_layer(net) == "1.0"
    for head, shapes in ((None, {(3, 2), (3,)}), (["0"], {(2, 1, 1, 1, 1), (2,)})):
        steps = optimizer(net, recipe(head=head, head_factor=10.0))
        set_rate(steps, 0.2)
        fast = {tuple(p.shape) for g in steps.param_groups if g["lr"] == 2.0 for p in g["params"]}
        assert fast == shapes
        assert {g["lr"] for g in steps.param_groups} == {0.2, 2.0}
        assert rate_of(steps) == 0.2


def test_the_longest_path_decides_when_a_part_thaws():
    thawing = recipe(thaw={"resnet": None, "resnet.fc": 0, "resnet.layer4": 3})
    found = {
        path: first_epoch(path, thawing)
        for path in (
            "resnet.conv1.weight",
            "resnet.fc.bias",
            "resnet.layer4.0.bn1",
            "resnet2",
            "fc",
        )
    }
    assert list(found.values()) == [NEVER, 0, 3, 0, 0]


def test_frozen_norms_and_dropouts_rest_but_recurrent_layers_do_not():
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(), nn.LSTM(2, 2), nn.Linear(2, 2))
    learners = dict(net.named_parameters())
    frozen = recipe(thaw={"0": 1, "1": 1, "2": 1})
    for epochs, modes in ((0, [False, False, True, True]), (1, [True] * 4)):
        set_learning(net, learners, frozen, epochs)
        assert [module.training for module in net] == modes
        assert [p.requires_grad for p in net[0].parameters()] == [epochs == 1] * 2
        assert all(p.requires_grad for p in net[3].parameters())
