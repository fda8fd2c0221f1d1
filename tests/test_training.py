"""Training learns, repeats to the bit, and goes on after a kill as if nothing had been."""

from __future__ import annotations

import csv
import io
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from vidsal import registry, training
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel

RESULTS = ("best.pt", "last.pt", "history.csv")
QUICK = {"epochs": 4, "batch_size": 3, "learning_rate": 0.01, "key": "k", "seed": 5}


class Tiny(nn.Module):
    """A convolution with batch normalisation and dropout, so that every kind of state is there."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm3d(8)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x))).amax(dim=(3, 4)).mean(dim=2)
        return self.fc(self.dropout(x))


def tiny(seed: int = 0) -> VideoModel:
    torch.manual_seed(seed)
    preprocess = Preprocessing((12, 12), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return VideoModel("tiny", Tiny(), preprocess, ["dark", "bright"], ("conv",), 4, 2, 8)


def write_videos(path: Path, count: int = 14) -> None:
    """Noise with a square that is dark (class 0) or bright (class 1), 5 to 12 frames."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(count):
            length = int(rng.integers(5, 13))
            frames = rng.integers(90, 160, (length, 16, 20, 3), dtype=np.uint8)
            top, left = rng.integers(0, 10, 2)
            frames[:, top : top + 5, left : left + 5] = 250 * (number % 2)
            file[f"v{number:02d}/frames"] = frames
            file[f"v{number:02d}/time"] = np.arange(length) / 25


def samples(file: h5py.File) -> tuple[list, list]:
    made = [(file[f"v{number:02d}"], number % 2) for number in range(14)]
    return made[:10], made[10:]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "frames.h5"
    write_videos(path)
    with h5py.File(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def unbroken(file, tmp_path_factory):
    """The folder of a run that was never stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    training.train(tiny(), *samples(file), folder=folder / "out", work=folder / "work", **QUICK)
    return folder / "out"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def history(folder: Path) -> list[dict[str, float]]:
    rows = csv.DictReader(io.StringIO((folder / "history.csv").read_text()))
    return [{key: float(value) for key, value in row.items()} for row in rows]


def breaking(samples: list, at: int, act) -> list:
    """The same samples, opened by functions of which the `at`-th call does something else first."""
    opened = []

    def opener(group):
        @contextmanager
        def open_group():
            opened.append(group)
            if len(opened) == at:
                act()
            yield group

        return open_group

    return [(opener(group), label) for group, label in samples]


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
    recipe = training.Recipe(**saved["options"]["train"])
    run = training.Run(model, *samples(file), recipe, None, "", [])
    loss, accuracy = training._validate(run)
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
    assert f"stopped by {number.name} in epoch 3; 2 epochs are kept" in caplog.text
    training.train(tiny(), learn, validate, **places, **QUICK)
    assert bytes_of(tmp_path / "out") == bytes_of(unbroken)


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{package!r}, {tests!r}]
import h5py, torch
torch.set_num_threads(1)
import test_training as t
file = h5py.File({file!r}, locking=False)
learn, validate = t.samples(file)
t.training.train(
    t.tiny(), learn, validate, folder=Path("out"), work=Path("work"), **t.QUICK | {{"epochs": 400}}
)
"""


def test_kill_minus_nine(file, tmp_path):
    """Kill a real process somewhere; its state is whole and goes on as if it was never killed."""
    script = KILLED.format(
        package=str(Path(training.__file__).parents[1]),
        tests=str(Path(__file__).parent),
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


def test_a_loss_that_is_no_number_is_named(file, tmp_path):
    settings = QUICK | {"learning_rate": 1e30, "optimizer": "sgd"}
    with pytest.raises(InputError, match=r"the loss is (nan|inf).*lower learning_rate"):
        training.train(tiny(), *samples(file), folder=tmp_path, work=tmp_path / "w", **settings)


def test_no_clips_are_named(file, tmp_path):
    learn, _ = samples(file)
    with pytest.raises(InputError, match="10 clips to learn from and 0 to validate"):
        training.train(tiny(), learn, [], folder=tmp_path, work=tmp_path / "w")


def test_every_clip_is_seen_once_and_none_alone():
    for size, count in ((3, 10), (4, 10), (1, 3), (8, 1), (2, 7)):
        batches = training._batches(list(range(count)), size)
        assert [index for batch in batches for index in batch] == list(range(count))
        assert all(len(batch) > 1 for batch in batches) or size == 1 or count == 1
        assert all(len(batch) <= size + 1 for batch in batches)


def test_clips_are_as_long_as_asked_for_and_inside_the_video(file):
    model = tiny()
    for group, _ in samples(file)[0]:
        count = len(group["time"])
        for start in range(max(0, count - 8) + 1):
            numbers = training._numbers(model, group, start)
            assert numbers.tolist() == [min(start + 2 * i, count - 1) for i in range(4)]


@pytest.mark.parametrize("name", registry.names("models"))
def test_real_networks_repeat_to_the_bit(file, tmp_path, monkeypatch, name):
    """Two steps of every model of the room under torch's strict determinism."""
    learn, validate = samples(file)
    written = []
    # Hundreds of megabytes per state: looked at here, but not written.
    monkeypatch.setattr(training, "_write", lambda path, made: written.append((path.name, made)))
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
