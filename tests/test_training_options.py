"""What the options of a training do."""

from __future__ import annotations

import contextlib
import copy
import logging
import sys
import types
from itertools import pairwise

import pytest
import torch

from tests.tiny import (
    QUICK,
    Plain,
    bytes_of,
    differing,
    history,
    largest_difference,
    run,
    samples,
    tiny,
    weights,
)
from vidsal import training
from vidsal.errors import InputError

# Steps in parts


@pytest.mark.parametrize("accumulate", [2, 3, 4, 8])
@pytest.mark.parametrize(
    "more",
    [{}, {"class_weights": {"bright": 3.0}, "label_smoothing": 0.1}, {"clip_norm": 0.5}],
    ids=["plain", "weighted", "clipped"],
)
def test_accumulation_equals_the_whole_batch(file, tmp_path, accumulate, more):
    settings = {"batch_size": 8, "optimizer": "sgd", "weight_decay": 0.0} | more
    whole = run(tmp_path / "whole", file, tiny(kind=Plain), **settings)
    cut = run(tmp_path / "cut", file, tiny(kind=Plain), accumulate=accumulate, **settings)
    assert largest_difference(weights(whole), weights(cut)) < 2e-6
    for one, other in zip(history(whole), history(cut), strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_parts_hold_as_many_clips_as_memory_is_saved_for(file, tmp_path):
    seen = []

    class Watched(Plain):
        def forward(self, x):
            if self.training:
                seen.append(len(x))
            return super().forward(x)

    run(tmp_path, file, tiny(kind=Watched), batch_size=8, accumulate=4, epochs=1)
    assert seen == [2, 2, 2, 2, 2]


# What learns, and how fast


def test_the_head_learns_faster_by_its_factor(file, tmp_path):
    settings = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "epochs": 1}
    settings |= {"batch_size": 16, "warmup": 0.0, "learning_rate": 1e-3}
    before = {k: v.clone() for k, v in tiny(kind=Plain).net.state_dict().items()}
    one = weights(run(tmp_path / "a", file, tiny(kind=Plain), **settings))
    five = weights(run(tmp_path / "b", file, tiny(kind=Plain), head_factor=5.0, **settings))
    body = weights(
        run(tmp_path / "c", file, tiny(kind=Plain), head_factor=5.0, head=["conv"], **settings)
    )
    for name, old in before.items():
        faster = body if name.startswith("conv") else five
        slower = five if name.startswith("conv") else body
        torch.testing.assert_close(faster[name] - old, 5 * (one[name] - old), rtol=1e-3, atol=1e-7)
        assert torch.equal(slower[name], one[name])


def states(folder, file, **settings) -> list[dict]:
    """The weights after each epoch."""
    model, kept = tiny(), []
    learn, validate = samples(file)
    real = training._validate

    def validating(*arguments):
        kept.append(copy.deepcopy(model.net.state_dict()))
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_validate", validating)
        training.train(model, learn, validate, folder=folder, work=folder / "w", **QUICK | settings)
    assert all(parameter.requires_grad for parameter in model.net.parameters())
    return [tiny().net.state_dict(), *kept]


def test_frozen_parts_thaw_when_their_time_has_come(file, tmp_path):
    found = states(tmp_path, file, thaw={"conv": 2, "norm": 1, "norm.bias": None})
    changed = [differing(one, other) for one, other in pairwise(found)]
    norm = {"norm.weight", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
    head, conv = {"fc.weight", "fc.bias"}, {"conv.weight", "conv.bias"}
    assert changed == [head, head | norm, head | norm | conv, head | norm | conv]


def test_what_never_thaws_stays_to_the_bit(file, tmp_path):
    out = run(tmp_path, file, thaw={"conv": None, "norm": None})
    assert differing(tiny().net.state_dict(), weights(out)) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"thaw": {"convv": 1}}, r"thaw: 'convv' is no part of the network; did you mean 'conv'"),
        ({"thaw": {"conv": "soon"}}, "thaw: conv: 'soon': neither a number"),
        ({"thaw": {"conv": 1, "norm": 1, "fc": None}}, "thaw leaves nothing to learn"),
        ({"head": ["cf"], "head_factor": 2.0}, "head: 'cf' is no part of the network"),
        ({"class_weights": {"blue": 1.0}}, "class_weights: no class 'blue'; known: bright, dark"),
        ({"class_weights": {"dark": -1.0}}, "class_weights: dark: -1.0 is no number from 0 on"),
        ({"class_weights": {"dark": 0, "bright": 0}}, "all clips weigh 0"),
        ({"sync_norms": True}, "sync_norms works on GPUs only"),
        ({"processes": 2}, r"processes is 2, but 1 run; .*--nproc-per-node=2"),
    ],
)
def test_impossible_options_are_named(file, tmp_path, settings, named):
    with pytest.raises(InputError, match=named):
        run(tmp_path, file, **settings)


def test_mixed_precision_is_left_to_gpus(file, tmp_path):
    plain, half = run(tmp_path / "a", file), run(tmp_path / "b", file, precision="bfloat16")
    assert not differing(weights(plain), weights(half))


# Sampling


def test_sliding_clips_are_all_seen_in_every_epoch(file, tmp_path):
    opened = []
    learn = [(_counted(group, opened), label) for group, label in samples(file)[0]]
    model = tiny()
    run(tmp_path, file, model, learn, sampling="sliding", epochs=2, workers=0)
    longer = sum(len(group["time"]) > 8 for group, _ in samples(file)[0])
    # Once to count the clips; then in both epochs each video's clip, or its two.
    assert longer > 0
    assert len(opened) == 10 + 2 * (10 + longer)


def _counted(group, opened):
    def opener():
        opened.append(group.name)
        return contextlib.nullcontext(group)

    return opener


# TensorBoard


def test_without_tensorboard_the_training_goes_on_and_says_so(file, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    plain = run(tmp_path / "a", file)
    with caplog.at_level(logging.WARNING):
        asked = run(tmp_path / "b", file, tensorboard=True)
    assert "TensorBoard is not installed; history.csv holds the same" in caplog.text
    assert bytes_of(plain) == bytes_of(asked)
    assert not (asked / "tensorboard").exists()


def test_tensorboard_gets_the_history(file, tmp_path, monkeypatch):
    written, closed = [], []

    class SummaryWriter:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, name, value, epoch):
            written.append((self.folder, name, value, epoch))

        def flush(self):
            pass

        def close(self):
            closed.append(self.folder)

    module = types.SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    out = run(tmp_path, file, tensorboard=True)
    rows = history(out)
    for folder, name, value, epoch in written:
        assert folder == str(out / "tensorboard")
        assert rows[epoch - 1][name] == pytest.approx(value, rel=1e-5)
    assert len(written) == len(rows) * 5
    assert closed == [str(out / "tensorboard")]
