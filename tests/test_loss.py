"""Losses: summed, weighted, and refused where they are no number."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch
from torch import nn

from tests.tiny import Plain, differing, run, samples, tiny, weights
from vidsal import _loss
from vidsal.errors import InputError


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_summed_losses_are_torchs_mean(smoothing):
    torch.manual_seed(0)
    logits, targets = torch.randn(7, 3), torch.tensor([0, 2, 1, 1, 0, 0, 2])
    given = torch.tensor([0.5, 2.0, 1.0])
    expected = nn.CrossEntropyLoss(given, label_smoothing=smoothing)(logits, targets)
    found = _loss.summed(logits, targets, given, smoothing) / given[targets].sum()
    torch.testing.assert_close(found, expected)


def test_balanced_classes_have_equal_shares():
    model, labels = tiny(), [0, 0, 0, 1]
    recipe = types.SimpleNamespace(class_weights="balanced")
    found = _loss.class_weights(model, labels, recipe)
    torch.testing.assert_close(found, torch.tensor([4 / 6, 4 / 2]))
    assert found[labels].sum().item() == pytest.approx(len(labels))


def test_a_class_of_weight_0_teaches_nothing(file, tmp_path):
    settings = {"weight_decay": 0.0, "optimizer": "sgd"}
    learn = samples(file)[0]
    dark = next(group for group, label in learn if label == 0)
    others = [(group if label else dark, label) for group, label in learn]
    weighted = settings | {"class_weights": {"dark": 0.0}}
    one = run(tmp_path / "a", file, tiny(kind=Plain), **weighted)
    other = run(tmp_path / "b", file, tiny(kind=Plain), others, **weighted)
    assert not differing(weights(one), weights(other))
    equal = run(tmp_path / "c", file, tiny(kind=Plain), **settings)
    unequal = run(tmp_path / "d", file, tiny(kind=Plain), others, **settings)
    assert differing(weights(equal), weights(unequal))


def test_a_loss_that_is_no_number_says_where(file, tmp_path):
    learn = samples(file)[0]

    class Broken(Plain):
        calls = 0

        def forward(self, x):
            Broken.calls += self.training
            return super().forward(x) * (np.nan if Broken.calls == 7 else 1.0)

    with pytest.raises(InputError) as told:
        run(tmp_path, file, tiny(kind=Broken), workers=2, batch_size=3)
    # Ten clips are three steps, of 3, 3 and 4 clips.
    assert "of tiny: the loss is nan in epoch 3, step 1, at the learning rate 0.00" in str(
        told.value
    )
    names = str(told.value).split("of the videos ")[1].split(";")[0].split(", ")
    assert len(names) == 3
    assert set(names) <= {group.name.strip("/") for group, _ in learn}
    assert "lower learning_rate (now 0.01), raise warmup or set clip_norm" in str(told.value)
    saved = torch.load(tmp_path / "work" / "last.pt", weights_only=True)
    assert len(saved["history"]) == 2
    assert all(torch.isfinite(value).all() for value in saved["net"].values())


def test_weights_that_explode_are_found_by_the_next_loss(file, tmp_path):
    with pytest.raises(InputError, match=r"loss is (nan|inf).*lower learning_rate"):
        run(tmp_path, file, learning_rate=1e30, optimizer="sgd", warmup=0.0)


def test_a_validation_loss_that_is_no_number_is_named(file, tmp_path):
    class Broken(Plain):
        def forward(self, x):
            return super().forward(x) * (1.0 if self.training else np.nan)

    with pytest.raises(InputError, match="the validation loss is nan after epoch 1"):
        run(tmp_path, file, tiny(kind=Broken))
    assert not (tmp_path / "work" / "last.pt").exists()


def test_a_wrong_number_of_classes_is_named(file, tmp_path):
    class Three(Plain):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 3)

    with pytest.raises(InputError, match=r"gives \(3,\) numbers per clip, but there are 2 classes"):
        run(tmp_path, file, tiny(kind=Three))
    learn = [(group, 2 * label) for group, label in samples(file)[0]]
    with pytest.raises(InputError, match=r"a clip has class 2, but the network knows 2 classes"):
        run(tmp_path, file, tiny(), learn)
