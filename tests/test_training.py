"""Training learns, repeats to the bit, and goes on after a kill as if nothing had been."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import QUICK, Tiny, breaking, bytes_of, history, samples, tiny
from vidsal import _sampling, _saving, _sharing, registry, training
from vidsal._recipe import Recipe
from vidsal.errors import InputError


@pytest.fixture(scope="module")
def unbroken(file, tmp_path_factory):
    """The folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    training.train(tiny(), *samples(file), folder=folder / "out", work=folder / "work", **QUICK)
    return folder / "out"


def made_run(model, learn, validate, recipe):
    alone, ahead = _sharing.Group(), _sampling.Ahead(0)
    return training._run(model, learn, validate, recipe, ahead, alone, "", [])


def test_it_learns(file, tmp_path):
    settings = QUICK | {"epochs": 15}
    training.train(tiny(), *samples(file), folder=tmp_path, work=tmp_path / "work", **settings)
    rows = history(tmp_path)
    assert rows[-1]["train_loss"] < 0.5 * rows[0]["train_loss"]
    assert rows[-1]["val_accuracy"] == 1


def test_what_is_written(unbroken):
    rows = history(unbroken)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    ranks = [(row["val_accuracy"], -row["val_loss"], row["epoch"]) for row in rows]
    for name, epoch in (("best.pt", int(max(ranks)[2])), ("last.pt", 4)):
        saved = torch.load(unbroken / name, weights_only=True)
        assert saved["epoch"] == epoch
        assert saved["val_accuracy"] == pytest.approx(rows[epoch - 1]["val_accuracy"], abs=1e-5)
        assert saved["categories"] == ["dark", "bright"]
        assert saved["model"] == "tiny"
        assert saved["options"]["length"] == 4
        assert saved["options"]["train"]["learning_rate"] == 0.01
        assert saved["state_dict"].keys() == Tiny().state_dict().keys()


def test_best_weights_are_those_that_were_validated(file, unbroken):
    model = tiny(9)
    saved = torch.load(unbroken / "best.pt", weights_only=True)
    model.net.load_state_dict(saved["state_dict"])
    recipe = Recipe(**saved["options"]["train"])
    run = made_run(model, *samples(file), recipe)
    loss, accuracy = training._validate(run, training.State(), Path())
    row = history(unbroken)[saved["epoch"] - 1]
    assert (loss, accuracy) == pytest.approx((row["val_loss"], row["val_accuracy"]), rel=1e-5)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(0.5, 0.9), (0.8, 0.7), (0.6, 0.1)], 2),
        ([(0.8, 0.5), (0.8, 0.4), (0.8, 0.6)], 2),
        ([(0.8, 0.5), (0.8, 0.5), (0.7, 0.1)], 2),
    ],
)
def test_best_is_accuracy_then_loss_then_latest(rows, expected):
    figures = [
        {"epoch": n, "val_accuracy": accuracy, "val_loss": loss}
        for n, (accuracy, loss) in enumerate(rows, 1)
    ]
    assert training._best(figures) == expected


def test_two_runs_give_the_same_bytes(file, unbroken, tmp_path):
    torch.rand(7)
    np.random.seed(3)
    training.train(tiny(), *samples(file), folder=tmp_path / "out", work=tmp_path / "work", **QUICK)
    assert bytes_of(tmp_path / "out") == bytes_of(unbroken)


def test_another_seed_gives_another_run(file, unbroken, tmp_path):
    settings = QUICK | {"seed": 6}
    training.train(tiny(), *samples(file), folder=tmp_path, work=tmp_path / "work", **settings)
    assert history(tmp_path) != history(unbroken)


# An epoch opens 10 videos to learn from: these break the first, second, third and last one.
@pytest.mark.parametrize("at", [3, 11, 25, 40])
def test_a_run_that_died_goes_on_to_the_same_bytes(file, unbroken, tmp_path, at):
    def die():
        raise MemoryError

    learn, validate = samples(file)
    places = {"folder": tmp_path / "out", "work": tmp_path / "work"}
    with pytest.raises(MemoryError):
        training.train(tiny(), breaking(learn, at, die), validate, **places, **QUICK)
    training.train(tiny(), learn, validate, **places, **QUICK)
    assert bytes_of(tmp_path / "out") == bytes_of(unbroken)


def test_a_finished_run_gives_its_results_again(file, unbroken, tmp_path, caplog):
    learn, validate = samples(file)
    training.train(tiny(), learn, validate, folder=tmp_path / "a", work=tmp_path / "w", **QUICK)
    with caplog.at_level(logging.INFO):
        training.train(tiny(), learn, validate, folder=tmp_path / "b", work=tmp_path / "w", **QUICK)
    assert bytes_of(tmp_path / "b") == bytes_of(tmp_path / "a") == bytes_of(unbroken)
    assert not [text for text in caplog.messages if text.startswith("epoch ")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_run_after_the_step(file, unbroken, tmp_path, caplog, number):
    learn, validate = samples(file)
    places = {"folder": tmp_path / "out", "work": tmp_path / "work"}
    before = signal.getsignal(number)
    stopping = breaking(learn, 25, lambda: os.kill(os.getpid(), number))
    with pytest.raises(SystemExit) as left:
        training.train(tiny(), stopping, validate, **places, **QUICK)
    assert left.value.code == 128 + number
    assert signal.getsignal(number) == before
    assert f"stopped by {number.name} in epoch 3 after step" in caplog.text
    training.train(tiny(), learn, validate, **places, **QUICK)
    assert bytes_of(tmp_path / "out") == bytes_of(unbroken)


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{package!r}, {tests!r}]
import h5py, torch
torch.set_num_threads(1)
from tests import tiny as t
from vidsal import training
file = h5py.File({file!r}, locking=False)
learn, validate = t.samples(file)
training.train(
    t.tiny(), learn, validate, folder=Path("out"), work=Path("work"), **t.QUICK | {{"epochs": 400}}
)
"""


def test_kill_minus_nine(file, tmp_path):
    """Kill a real process somewhere; its state is whole and goes on as if it was never killed."""
    script = KILLED.format(
        package=str(Path(training.__file__).parents[1]),
        tests=str(Path(__file__).parents[1]),
        file=file.filename,
    )
    learn, validate = samples(file)
    state = tmp_path / "work" / "last.pt"
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) as process:
        while not state.is_file():
            time.sleep(0.01)
            assert process.poll() is None
        time.sleep(0.2)
        process.kill()
    epochs = len(torch.load(state, weights_only=True)["history"])
    assert 0 < epochs < 400
    settings = QUICK | {"epochs": 400}
    for folder, more in ((tmp_path, 5), (tmp_path / "fresh", epochs + 5)):
        places = {"folder": folder / "out", "work": folder / "work"}
        with pytest.raises(MemoryError):
            training.train(
                tiny(), breaking(learn, 10 * more + 1, _die), validate, **places, **settings
            )
    assert history(tmp_path / "out") == history(tmp_path / "fresh" / "out")
    one, other = (
        torch.load(folder / "work" / "last.pt", weights_only=True)
        for folder in (tmp_path, tmp_path / "fresh")
    )
    for key, value in one["net"].items():
        assert torch.equal(value, other["net"][key])


def _die() -> None:
    raise MemoryError


@pytest.mark.parametrize(
    ("change", "named"), [({"key": "other"}, "key"), ({"epochs": 5, "crop": 0.2}, "epochs, crop")]
)
def test_the_state_of_another_run_is_refused(file, tmp_path, change, named):
    learn, validate = samples(file)
    places = {"folder": tmp_path / "out", "work": tmp_path / "work"}
    training.train(tiny(), learn, validate, **places, **QUICK | {"epochs": 1})
    with pytest.raises(InputError, match=f"last.pt: belongs to a training with another {named}"):
        training.train(tiny(), learn, validate, **places, **QUICK | {"epochs": 1} | change)


def test_patience_stops_and_is_kept(file, tmp_path):
    learn, validate = samples(file)
    # A learning rate that changes nothing: after the first epochs none is better but by luck.
    settings = QUICK | {"epochs": 50, "learning_rate": 1e-12, "weight_decay": 0.0, "patience": 3}
    training.train(tiny(), learn, validate, folder=tmp_path, work=tmp_path / "w", **settings)
    rows = history(tmp_path)
    best = torch.load(tmp_path / "best.pt", weights_only=True)["epoch"]
    assert len(rows) == best + 3 < 50


def test_one_line_per_epoch(file, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="vidsal"):
        training.train(tiny(), *samples(file), folder=tmp_path / "o", work=tmp_path / "w", **QUICK)
    lines = [text for text in caplog.messages if text.startswith("epoch ")]
    assert len(lines) == 4
    assert lines[1].startswith("epoch 2/4  rate ")
    assert "s left" in lines[1]


def test_state_of_torch_is_put_back(file, tmp_path):
    random, before = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    model = tiny()
    random = torch.get_rng_state()
    training.train(model, *samples(file), folder=tmp_path, work=tmp_path / "w", **QUICK)
    assert torch.equal(random, torch.get_rng_state())
    assert torch.are_deterministic_algorithms_enabled() == before


def test_no_clips_are_named(file, tmp_path):
    learn, _ = samples(file)
    with pytest.raises(InputError, match="10 clips to learn from and 0 to validate"):
        training.train(tiny(), learn, [], folder=tmp_path, work=tmp_path / "w")


@pytest.mark.parametrize("name", registry.names("models"))
def test_real_networks_repeat_to_the_bit(file, tmp_path, monkeypatch, name):
    """Two steps of every model of the room under torch's strict determinism."""
    learn, validate = samples(file)
    written = []
    # Hundreds of megabytes per state: looked at here, but not written.
    monkeypatch.setattr(_saving, "write", lambda path, made: written.append((path.name, made)))
    for _ in range(2):
        torch.manual_seed(0)
        model = registry.load("models", name)(2, size=[32, 32], length=2)
        training.train(
            model, learn[:4], validate[:2], folder=tmp_path, work=tmp_path, epochs=1, batch_size=2
        )
    one, other = ([m for n, m in half if n == "best.pt"] for half in (written[:3], written[3:]))
    assert one[0]["val_accuracy"] == other[0]["val_accuracy"]
    for key, value in one[0]["state_dict"].items():
        assert torch.equal(value, other[0]["state_dict"][key]), key
