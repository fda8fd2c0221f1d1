"""What the options of a training do, and that none of them breaks bit-exact resuming."""

from __future__ import annotations

import contextlib
import copy
import errno
import logging
import os
import signal
import sys
import types
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from tests.tiny import (
    QUICK,
    Plain,
    breaking,
    bytes_of,
    history,
    samples,
    tiny,
    weights,
    write_videos,
)
from vidsal import _loss, training
from vidsal.errors import InputError

# Everything at once that has to be taken up again after a kill.
FULL = QUICK | {
    "epochs": 6,
    "batch_size": 4,
    "accumulate": 2,
    "optimizer": "sgd",
    "momentum": 0.9,
    "head_factor": 5.0,
    "schedule": "step",
    "milestones": [2, 4],
    "warmup": 1.0,
    "clip_norm": 1.0,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "thaw": {"conv": 2, "norm": 1},
    "sampling": "segments",
    "crop": 0.3,
    "jitter": 0.3,
    "saturation": 0.3,
    "patience": 4,
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "frames.h5"
    write_videos(path)
    with h5py.File(path) as opened:
        yield opened


def run(folder: Path, file, model=None, learn=None, **settings) -> Path:
    model, (train_clips, val_clips) = model or tiny(), samples(file)
    places = {"folder": folder / "out", "work": folder / "work"}
    training.train(model, learn or train_clips, val_clips, **places, **QUICK | settings)
    return folder / "out"


@pytest.fixture(scope="module")
def unbroken(file, tmp_path_factory):
    return run(tmp_path_factory.mktemp("unbroken"), file, **FULL)


def differing(one: dict, other: dict) -> set[str]:
    return {name for name in one if not torch.equal(one[name], other[name])}


def largest_difference(one: dict, other: dict) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in one)


# Resuming


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("at", [5, 26, 47])
def test_a_run_with_everything_dies_and_goes_on(file, tmp_path, unbroken, at, optimizer):
    def die():
        raise MemoryError

    expected = unbroken
    settings = FULL | {"optimizer": optimizer}
    if optimizer != "sgd":
        expected = run(tmp_path / "unbroken", file, **settings)
    with pytest.raises(MemoryError):
        run(tmp_path, file, learn=breaking(samples(file)[0], at, die), **settings)
    assert bytes_of(run(tmp_path, file, **settings)) == bytes_of(expected)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("at", [1, 9, 23, 40, 58])
def test_stopped_within_an_epoch_it_goes_on_with_the_next_step(
    file, tmp_path, unbroken, at, workers
):
    stopping = breaking(samples(file)[0], at, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as left:
        run(tmp_path, file, learn=stopping, workers=workers, **FULL)
    assert left.value.code == 143
    saved = torch.load(tmp_path / "work" / "last.pt", weights_only=True)
    assert (len(saved["history"]), saved["step"]) > (0, 0)
    again = breaking(samples(file)[0], 10**6, None)
    assert bytes_of(run(tmp_path, file, learn=again, **FULL)) == bytes_of(unbroken)


def test_stopped_while_validating_it_keeps_the_whole_epoch(file, tmp_path, unbroken):
    learn, validate = samples(file)
    stopping = breaking(validate, 6, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    places = {"folder": tmp_path / "out", "work": tmp_path / "work"}
    with pytest.raises(SystemExit):
        training.train(tiny(), learn, stopping, **places, **FULL | {"workers": 0})
    saved = torch.load(tmp_path / "work" / "last.pt", weights_only=True)
    assert (len(saved["history"]), saved["step"]) == (1, 3)
    assert bytes_of(run(tmp_path, file, **FULL)) == bytes_of(unbroken)


def test_stopped_again_and_again(file, tmp_path, unbroken):
    for _ in range(40):
        stopping = breaking(samples(file)[0], 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        try:
            run(tmp_path, file, learn=stopping, workers=0, **FULL)
        except SystemExit:
            continue
        break
    assert bytes_of(tmp_path / "out") == bytes_of(unbroken)


def test_patience_counts_on_after_a_kill(file, tmp_path):
    settings = {"epochs": 50, "learning_rate": 1e-12, "weight_decay": 0.0, "patience": 3}
    whole = run(tmp_path / "whole", file, **settings)
    epochs = len(history(whole))
    stopping = breaking(samples(file)[0], 10 * (epochs - 1) + 2, lambda: os.kill(os.getpid(), 15))
    with pytest.raises(SystemExit):
        run(tmp_path, file, learn=stopping, **settings)
    assert bytes_of(run(tmp_path, file, **settings)) == bytes_of(whole)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_any_number_of_loader_threads_gives_the_same_bytes(file, tmp_path, unbroken, workers):
    assert bytes_of(run(tmp_path, file, workers=workers, **FULL)) == bytes_of(unbroken)


def test_a_run_may_go_on_with_another_number_of_threads(file, tmp_path, unbroken):
    stopping = breaking(samples(file)[0], 23, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        run(tmp_path, file, learn=stopping, workers=2, **FULL)
    assert bytes_of(run(tmp_path, file, workers=0, **FULL)) == bytes_of(unbroken)


@pytest.mark.parametrize("when", [1, 3])
def test_a_full_disk_leaves_the_old_state(file, tmp_path, unbroken, monkeypatch, when):
    count, real = [], Path.write_bytes

    def write(self, data):
        count.append(self)
        if len(count) == when:
            real(self, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, file, **FULL)
    states = sorted(p.name for p in (tmp_path / "work").iterdir())
    assert states == (["last.pt"] if when > 1 else [])
    if states:
        saved = torch.load(tmp_path / "work" / "last.pt", weights_only=True)
        assert len(saved["history"]) == when - 1
    assert bytes_of(run(tmp_path, file, **FULL)) == bytes_of(unbroken)


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


# Losses


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
    both = run(tmp_path / "a", file, tiny(kind=Plain), class_weights={"dark": 0.0}, **settings)
    relabelled = [(group, label) for group, label in learn]
    again = run(
        tmp_path / "b",
        file,
        tiny(kind=Plain),
        relabelled,
        class_weights={"dark": 0.0, "bright": 1.0},
        **settings,
    )
    assert not differing(weights(both), weights(again))
    alone = run(tmp_path / "c", file, tiny(kind=Plain), **settings)
    assert differing(weights(both), weights(alone))


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
