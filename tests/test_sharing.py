"""Two processes that train together take the steps of one, and may be stopped like one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from tests.tiny import QUICK, Plain, Tiny, bytes_of, history, samples, tiny, weights
from vidsal import _sharing, fitting, training
from vidsal.errors import InputError

# Of one process they are made from all parts, of several from those of the first.
STATISTICS = {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
SCRIPT = """
import logging, sys
from pathlib import Path
sys.path[:0] = [{package!r}, {tests!r}]
import h5py, torch
torch.set_num_threads(1)
from tests import tiny as t
from vidsal import training
logging.basicConfig(level=logging.INFO)
file = h5py.File({file!r}, locking=False)
learn, validate = t.samples(file)
settings = t.QUICK | {{"processes": 2, "optimizer": "sgd"}} | {settings!r}
for name in {kinds!r}:
    model = t.tiny(kind=getattr(t, name))
    if {slowly!r}:
        learn = t.breaking(learn, 10**9, None)
        model.net.register_forward_pre_hook(lambda *_: __import__("time").sleep(0.05))
    training.train(model, learn, validate, folder=Path(name), work=Path(name) / "work", **settings)
"""


def torchrun(folder: Path, file, kinds, slowly=False, **settings) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    text = SCRIPT.format(
        package=str(Path(training.__file__).parents[1]),
        tests=str(Path(__file__).parents[1]),
        file=file.filename,
        settings=settings,
        kinds=kinds,
        slowly=slowly,
    )
    (folder / "job.py").write_text(text)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [*command, "--nproc-per-node=2", "job.py"], cwd=folder, stdout=log, stderr=log
        )


def finished(run: subprocess.Popen) -> int:
    """Return the exit status; a run that hangs is ended, so that the tests are not."""
    try:
        return run.wait(timeout=180)
    except subprocess.TimeoutExpired:
        run.kill()
        raise


def alone(folder: Path, file, kind, **settings) -> Path:
    learn, validate = samples(file)
    model, settings = tiny(kind=kind), QUICK | {"optimizer": "sgd"} | settings
    training.train(model, learn, validate, folder=folder, work=folder / "work", **settings)
    return folder


def assert_close(one: dict, other: dict, tolerance: float) -> None:
    for name in one:
        if name not in STATISTICS:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=tolerance)


# A batch of 3 in parts of 2 and 1; the last of 4 in 2 and 2.
MORE = {"epochs": 6, "clip_norm": 1.0, "class_weights": {"bright": 2.0}, "thaw": {"conv": 1}}


@pytest.fixture(scope="module")
def two(file, tmp_path_factory):
    """The folder of a run of two processes that was never stopped."""
    folder = tmp_path_factory.mktemp("two")
    assert finished(torchrun(folder, file, ["Plain", "Tiny"], **MORE)) == 0, (
        folder / "log"
    ).read_text()
    return folder


def test_two_processes_take_the_steps_of_one(file, two, tmp_path):
    plain = alone(tmp_path / "plain", file, Plain, **MORE)
    assert_close(weights(two / "Plain"), weights(plain), 5e-6)
    for one, other in zip(history(two / "Plain"), history(plain), strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    # Each line of the log once, by the first process alone.
    assert (two / "log").read_text().count("epoch 3/6 ") == 2


def test_norms_and_dropout_see_the_parts_as_with_accumulate(file, two, tmp_path):
    parts = alone(tmp_path, file, Tiny, accumulate=2, **MORE)
    assert_close(weights(two / "Tiny"), weights(parts), 5e-6)


def test_stopped_they_leave_together_and_go_on_to_the_bit(file, two, tmp_path):
    run = torchrun(tmp_path, file, ["Tiny"], slowly=True, **MORE)
    state = tmp_path / "Tiny" / "work" / "last.pt"
    while not state.is_file():
        time.sleep(0.02)
        assert run.poll() is None, (tmp_path / "log").read_text()
    run.send_signal(signal.SIGTERM)
    assert finished(run) != 0
    assert "which is kept; the same command goes on" in (tmp_path / "log").read_text()
    assert len(torch.load(state, weights_only=True)["history"]) < 6
    assert finished(torchrun(tmp_path, file, ["Tiny"], **MORE)) == 0
    assert bytes_of(tmp_path / "Tiny") == bytes_of(two / "Tiny")


ROOM = '''"""A network of one layer."""
import torch
from torch import nn
from vidsal.models import Preprocessing, VideoModel


class Flat(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.fc = nn.Linear(3, num_classes)

    def forward(self, x):
        return self.fc(x.mean(dim=(2, 3, 4)))


def flat(num_classes: int, *, length: int = 2) -> VideoModel:
    preprocess = Preprocessing((8, 8), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return VideoModel("flat", Flat(num_classes), preprocess, None, ("fc",), length, 1, 2)
'''


def job(root, folder: Path, **settings) -> dict:
    """What the rule `train` gives: a config, sheets, frames."""
    (folder / "rooms" / "models").mkdir(parents=True, exist_ok=True)
    (folder / "rooms" / "models" / "flat.py").write_text(ROOM)
    with h5py.File(folder / "frames.h5", "w") as file:
        for number in range(8):
            frames = np.full((6, 8, 8, 3), 40 * (number % 2) + 10 * number, np.uint8)
            file[f"v{number}/frames"], file[f"v{number}/time"] = frames, np.arange(6) / 25
            file[f"v{number}"].attrs["part_key"] = str(number)
        file.attrs["complete"] = 1
    rows = [
        {
            "video": f"v{n}",
            "path": "x.mp4",
            "split": "train" if n < 6 else "val",
            "label": "ab"[n % 2],
        }
        for n in range(8)
    ]
    pd.DataFrame(rows).to_csv(folder / "rows.tsv", sep="\t", index=False)
    config = yaml.safe_load((root / "config.yaml").read_text())
    config |= {"rooms": str(folder / "rooms"), "models": {"flat": {}}}
    config["cache"]["folder"] = str(folder / "cache")
    config["train"] = {"epochs": 3, "batch_size": 4, "optimizer": "sgd", "per_model": {}} | settings
    files = {"rows_files": [str(folder / "rows.tsv")], "frames_files": [str(folder / "frames.h5")]}
    return {"config": config, "name": "flat", "folder": folder / "out"} | files


def test_the_workflow_starts_as_many_as_the_config_says(root, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(root / "workflow"))
    monkeypatch.delenv("VIDSAL_MAIN_PID", raising=False)
    (tmp_path / "one").mkdir()
    fitting.train(**job(root, tmp_path / "one"))
    (tmp_path / "two").mkdir()
    fitting.train(**job(root, tmp_path / "two", processes=2))
    found = weights(tmp_path / "two" / "out", "best.pt")
    assert_close(weights(tmp_path / "one" / "out", "best.pt"), found, 1e-6)


def test_the_frames_files_of_threads_are_their_own_and_all_closed(root, tmp_path, monkeypatch):
    path, opened = job(root, tmp_path)["frames_files"][0], []

    def opening(path):
        opened.append(h5py.File(path, "r", locking=False))
        return opened[-1]

    monkeypatch.setattr(fitting.heatmaps, "open_file", opening)
    files = fitting.FilesOfThreads()
    names = ("v0", "v1", "v0")
    look = lambda: [files.group(path, name) for name in names]  # noqa: E731
    for _ in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert len(opened) == 2
    files.close()
    assert not any(opened)


def test_a_mistake_in_one_of_them_is_the_users_sentence(root, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(root / "workflow"))
    monkeypatch.delenv("VIDSAL_MAIN_PID", raising=False)
    with pytest.raises(InputError, match="thaw: 'backbone' is no part of the network"):
        fitting.train(**job(root, tmp_path, processes=2, thaw={"backbone": 1}))


def test_a_signal_is_handed_on(tmp_path, monkeypatch):
    """Stand in for torchrun: a process that answers SIGTERM and nothing else."""
    told = tmp_path / "told"
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nimport os, signal, sys, time\n"
        f"def end(*_):\n    open({str(told)!r}, 'w').close()\n    sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "os.kill(os.getppid(), signal.SIGUSR1)\ntime.sleep(60)\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(SystemExit) as left:
        _sharing.launch(2, {})
    assert left.value.code == 128 + signal.SIGUSR1
    assert told.is_file()
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
