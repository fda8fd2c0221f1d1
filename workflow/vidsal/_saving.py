"""What a training writes: its state, to go on from; its results; its history.

Every file is replaced as a whole, through a temporary one beside it, so that a full disk or a kill
leaves the old one as it was. No time enters any of them, but the event files of TensorBoard.
"""

from __future__ import annotations

import csv
import io
import logging
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vidsal import parts
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.training import Run

log = logging.getLogger(__name__)


@dataclass
class State:
    """What a training has come to.

    Attributes:
        epoch: epochs done.
        step: steps done of the next one.
        sums: of these steps: losses, weights of the clips, right answers, clips.
        history: figures of every epoch.
        best: the best epoch.
        weights: the network after it.
        carried: what a network remembers of the videos that the next step goes on with.
    """

    epoch: int = 0
    step: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0] * 4)
    history: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    weights: dict[str, Tensor] | None = None
    carried: dict[int, object] = field(default_factory=dict)


def names_of(score: str) -> tuple[str, ...]:
    """Return the names of an epoch's figures in the history of a task with such a score."""
    return ("epoch", "lr", "train_loss", f"train_{score}", "val_loss", f"val_{score}")


def save(path: Path, run: Run, state: State) -> None:
    """Keep the state of a run; the best weights only where they are not the last ones."""
    is_last = state.best == state.epoch and state.step == 0
    made = {
        "identity": run.identity(),
        "step": state.step,
        "sums": state.sums,
        "history": state.history,
        "best": state.best,
        "weights": None if is_last else state.weights,
        "net": run.model.net.state_dict(),
        "optimizer": run.steps.state_dict(),
        "scaler": run.scaler.state_dict(),
        "carried": state.carried,
    }
    write(path, made)


def resume(path: Path, run: Run) -> State:
    """Put network and optimizer where the same run stood; a new one starts at 0.

    Raises:
        InputError: the state is another run's.
    """
    if not path.is_file():
        return State()
    saved = torch.load(path, map_location=run.model.device, weights_only=True)
    own = run.identity()
    other = [name for name in own if saved["identity"].get(name) != own[name]]
    if other:
        raise InputError(
            f"{path}: belongs to a training with another {', '.join(other)}; delete it, or keep "
            "the state of this one in another folder"
        )
    run.model.net.load_state_dict(saved["net"])
    run.steps.load_state_dict(saved["optimizer"])
    run.scaler.load_state_dict(saved["scaler"])
    history, step, best = saved["history"], saved["step"], saved["best"]
    if run.group.first:
        log.info("%d epochs and %d steps are done; going on from %s", len(history), step, path)
    is_last = best == len(history) and step == 0
    weights = copied(saved["net"]) if is_last else saved["weights"] and copied(saved["weights"])
    return State(len(history), step, saved["sums"], history, best, weights, saved["carried"])


def write_results(folder: Path, run: Run, state: State) -> None:
    """Write the best and the last weights with all that a user of them has to know."""
    write_history(folder / "history.csv", state.history)
    last, about, score = copied(run.model.net.state_dict()), run.task.about(), run.task.score
    for name, epoch, weights in (
        ("best.pt", state.best, state.weights),
        ("last.pt", state.epoch, last),
    ):
        made = {
            "state_dict": weights,
            "categories": about["categories"],
            "model": run.model.name,
            "options": about["options"] | {"train": asdict(run.recipe)},
            "epoch": epoch,
            f"val_{score}": state.history[epoch - 1][f"val_{score}"],
        }
        write(folder / name, made)


def copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights that no step changes, on the CPU."""
    # Pickle tells one text object that occurs twice from two equal ones; interned, there is one.
    return {sys.intern(name): value.detach().cpu().clone() for name, value in weights.items()}


def write(path: Path, made: dict[str, object]) -> None:
    """Write a checkpoint that `torch.load(weights_only=True)` reads."""
    # Through memory: saved to a file, the archive would hold that file's (temporary) name.
    buffer = io.BytesIO()
    torch.save(made, buffer)
    with parts.replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write the figures of every epoch, a row each."""
    with parts.replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(history[0])
        writer.writerow(names)
        writer.writerows([f"{row[name]:.6g}" for name in names] for row in history)


class Board:
    """The figures of every epoch for TensorBoard, which is an extra; without it, nothing."""

    def __init__(self, folder: Path | None) -> None:
        """Take where the event files go, or none."""
        self._writer = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.warning(
                "tensorboard: true in the section train, but TensorBoard is not installed; "
                "history.csv holds the same figures, and pip install tensorboard brings the curves"
            )
        else:
            self._writer = SummaryWriter(str(folder))

    def add(self, figures: dict[str, float]) -> None:
        """Write the figures of an epoch."""
        if self._writer is not None:
            for name in list(figures)[1:]:
                self._writer.add_scalar(name, figures[name], int(figures["epoch"]))
            self._writer.flush()

    def close(self) -> None:
        """End the file of events."""
        if self._writer is not None:
            self._writer.close()
