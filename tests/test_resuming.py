"""A training with all its options dies anywhere and goes on to the same bytes."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest
import torch

from tests.tiny import QUICK, breaking, bytes_of, history, run, samples, tiny
from vidsal import training

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
def unbroken(file, tmp_path_factory):
    return run(tmp_path_factory.mktemp("unbroken"), file, **FULL)


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
        training.train(
            tiny(sampling="segments"), learn, stopping, **places, **FULL | {"workers": 0}
        )
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
