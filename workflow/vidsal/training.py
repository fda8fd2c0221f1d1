"""Training a video classifier: a plain loop whose runs can be killed and taken up to the last bit.

Everything random is keyed by (seed, epoch, sample), nothing by how often a generator was used, so
that a run continued after a kill equals one that was never stopped. All that a run depends on after
an epoch lies in one file, `work/last.pt`, replaced as a whole. No time enters any file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vidsal import _recipe, parts
from vidsal._recipe import Recipe
from vidsal.classifying import ask, read_clip, read_numbered
from vidsal.errors import InputError
from vidsal.models import VideoModel
from vidsal.video import clips

log = logging.getLogger(__name__)

# A video's frames and its class number; the group itself, or a function that opens it for a while.
Sample = tuple[h5py.Group | Callable[[], contextlib.AbstractContextManager[h5py.Group]], int]

HISTORY = ("epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
# Streams of random numbers that never meet.
ORDER, SAMPLE, TORCH = range(3)


@dataclass(frozen=True)
class Run:
    """What stays the same over a training."""

    model: VideoModel
    train_clips: Sequence[Sample]
    val_clips: Sequence[Sample]
    recipe: Recipe
    steps: torch.optim.Optimizer
    key: str
    stop: list[signal.Signals]

    def identity(self) -> dict[str, object]:
        """Return what a kept state must have been made with."""
        return {"key": self.key, "model": self.model.name, **asdict(self.recipe)}


@dataclass
class State:
    """What a training has come to: epochs done, their figures, the best one's weights."""

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    weights: dict[str, Tensor] | None = None


def train(
    model: VideoModel,
    train_clips: Sequence[Sample],
    val_clips: Sequence[Sample],
    *,
    folder: Path,
    work: Path,
    key: str = "",
    epochs: int = 10,
    batch_size: int = 8,
    optimizer: str = "adamw",
    learning_rate: float = 3e-4,
    weight_decay: float = 0.01,
    momentum: float = 0.9,
    warmup: float = 0.5,
    schedule: str = "cosine",
    clip_norm: float | None = None,
    label_smoothing: float = 0.0,
    flip: bool = True,
    crop: float = 0.1,
    jitter: float = 0.1,
    patience: int | None = None,
    seed: int = 0,
) -> None:
    """Train a network from the weights it has, and keep its best and its last epoch.

    Writes `best.pt` and `last.pt` ({"state_dict", "categories", "model", "options", "epoch",
    "val_accuracy"}) and `history.csv` (a row per epoch). The best epoch has the highest accuracy on
    the validation clips; of equals the lowest loss, then the latest.

    Args:
        model: the network on its device; its weights are changed in place.
        train_clips: videos to learn from; each epoch sees one clip of each, from a random start.
        val_clips: videos to choose the epoch by; the clip in the middle of each.
        folder: where the results go.
        work: where the state after each epoch is kept; a run with the same key continues there.
        key: names everything that the run depends on besides the arguments.
        epochs: times that each video is seen.
        batch_size: clips per step; the last step of an epoch takes what is left.
        optimizer: "sgd" (Nesterov), "adam" or "adamw".
        learning_rate: highest, reached after the warm-up.
        weight_decay: pull towards 0; of matrices and kernels only, not of biases and norms.
        momentum: of sgd, and the first beta of adam and adamw.
        warmup: epochs in which the learning rate rises linearly.
        schedule: "cosine" to 0, "step" (a tenth after 1/2 and 3/4 of the steps) or "constant".
        clip_norm: largest norm of a step's gradient; none when not given.
        label_smoothing: share of the target given to all classes alike.
        flip: mirror half of the clips left to right.
        crop: cut up to this part of the height and width, at a random place.
        jitter: change brightness and contrast by up to this part.
        patience: stop after so many epochs without a better one.
        seed: of order, augmentation and dropout.

    Raises:
        InputError: an impossible setting, no clips, a state of another run, a loss that is no
            number.
        SystemExit: SIGTERM or SIGUSR1 came; the epochs done are kept.
    """
    given = locals()
    recipe = Recipe(**{one.name: given[one.name] for one in fields(Recipe)})
    if not train_clips or not val_clips:
        raise InputError(
            f"train: {len(train_clips)} clips to learn from and {len(val_clips)} to validate with; "
            "both splits need at least one usable video"
        )
    with _reproducible(model), _stop_signals() as stop:
        steps = _recipe.optimizer(model.net, recipe)
        run = Run(model, train_clips, val_clips, recipe, steps, key, stop)
        state = _resume(work / "last.pt", run)
        while state.epoch < recipe.epochs and not _out_of_patience(state, recipe):
            _epoch(run, state)
            _save(work / "last.pt", run, state)
            _write_history(folder / "history.csv", state.history)
    _write_results(folder, run, state)


def _epoch(run: Run, state: State) -> None:
    """Learn from each clip once, validate, and take the result into the state."""
    begun = time.monotonic()
    train_loss, train_accuracy = _learn(run, state)
    val_loss, val_accuracy = _validate(run)
    rate, last = run.steps.param_groups[0]["lr"], run.recipe.epochs
    figures = (state.epoch + 1, rate, train_loss, train_accuracy, val_loss, val_accuracy)
    state.history.append(dict(zip(HISTORY, figures, strict=True)))
    state.epoch += 1
    if _best(state.history) == state.epoch:
        state.best, state.weights = state.epoch, _copied(run.model.net.state_dict())
    left = (last - state.epoch) * (time.monotonic() - begun)
    log.info(
        "epoch %d/%d  rate %.3g  train loss %.4f accuracy %.3f  val loss %.4f accuracy %.3f  "
        "best %d  %d s left",
        *(state.epoch, last, *figures[1:], state.best, round(left)),
    )


def _learn(run: Run, state: State) -> tuple[float, float]:
    """Take all steps of an epoch; return mean loss and accuracy over its clips."""
    run.model.net.train()
    torch.manual_seed(int(_generator(run.recipe, state.epoch, TORCH).integers(2**63)))
    order = _generator(run.recipe, state.epoch, ORDER).permutation(len(run.train_clips))
    batches = _batches(order.tolist(), run.recipe.batch_size)
    total = np.zeros(2)
    for number, chosen in enumerate(batches):
        step = state.epoch * len(batches) + number
        _set_rate(run.steps, _recipe.learning_rate(run.recipe, step, len(batches)))
        total += _step(run, chosen, state.epoch)
        if run.stop:
            _leave(run.stop[0], state)
    return tuple((total / len(order)).tolist())


def _step(run: Run, chosen: list[int], epoch: int) -> tuple[float, int]:
    """Take one step; return the sum of losses and the number of right answers."""
    model, recipe = run.model, run.recipe
    batch = torch.stack([_training_clip(run, index, epoch) for index in chosen])
    targets = torch.tensor([run.train_clips[i][1] for i in chosen], device=model.device)
    logits = model.net(batch.to(model.device))
    loss = functional.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
    if not torch.isfinite(loss):
        raise InputError(
            f"train of {model.name}: the loss is {loss.item()}; lower learning_rate "
            f"(now {recipe.learning_rate}), or set clip_norm"
        )
    run.steps.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(model.net.parameters(), recipe.clip_norm)
    run.steps.step()
    right = (logits.detach().argmax(dim=1) == targets).sum().item()
    return loss.item() * len(chosen), right


def _batches(order: list[int], size: int) -> list[list[int]]:
    made = [order[start : start + size] for start in range(0, len(order), size)]
    # A clip left alone joins the others: batch normalisation may have nothing to compare it with.
    if len(made) > 1 and len(made[-1]) == 1 < size:
        made[-2:] = [made[-2] + made[-1]]
    return made


def _validate(run: Run) -> tuple[float, float]:
    """Return mean loss and accuracy over the middle clips."""
    model, total = run.model, np.zeros(2)
    for chosen in _batches(list(range(len(run.val_clips))), run.recipe.batch_size):
        samples = [run.val_clips[index] for index in chosen]
        batch = torch.stack([_middle_clip(model, sample) for sample in samples])
        targets = torch.tensor([label for _, label in samples], device=model.device)
        logits = ask(model, batch.to(model.device))
        loss = functional.cross_entropy(logits, targets, reduction="sum").item()
        total += loss, (logits.argmax(dim=1) == targets).sum().item()
    return tuple((total / len(run.val_clips)).tolist())


def _training_clip(run: Run, index: int, epoch: int) -> Tensor:
    model, rng = run.model, _generator(run.recipe, epoch, SAMPLE, index)
    with _opened(run.train_clips[index][0]) as group:
        spare = max(0, len(group["time"]) - model.length * model.stride)
        numbers = _numbers(model, group, int(rng.integers(spare + 1)))
        return model.preprocess(_recipe.augment(read_numbered(group, numbers), rng, run.recipe))


def _middle_clip(model: VideoModel, sample: Sample) -> Tensor:
    with _opened(sample[0]) as group:
        spare = max(0, len(group["time"]) - model.length * model.stride)
        return read_clip(model, group, _numbers(model, group, spare // 2))


def _numbers(model: VideoModel, group: h5py.Group, start: int) -> np.ndarray:
    # The layout of a video that is one clip long: frame numbers, the last one repeated if need be.
    span = model.length * model.stride
    count = min(span, len(group["time"]) - start)
    return start + clips.layout(count, model.length, model.stride, span)[0]


def _opened(source: object) -> contextlib.AbstractContextManager[h5py.Group]:
    return source() if callable(source) else contextlib.nullcontext(source)


def _generator(recipe: Recipe, *key: int) -> np.random.Generator:
    return np.random.default_rng([recipe.seed, *key])


def _set_rate(steps: torch.optim.Optimizer, rate: float) -> None:
    for group in steps.param_groups:
        group["lr"] = rate


def _best(history: list[dict[str, float]]) -> int:
    """Return the epoch with the highest accuracy; of equals the lowest loss, then the latest."""
    return max(history, key=lambda h: (h["val_accuracy"], -h["val_loss"], h["epoch"]))["epoch"]


def _out_of_patience(state: State, recipe: Recipe) -> bool:
    return recipe.patience is not None and state.epoch - state.best >= recipe.patience


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    # Pickle tells one text object that occurs twice from two equal ones; interned, there is one.
    return {sys.intern(name): value.detach().cpu().clone() for name, value in weights.items()}


def _save(path: Path, run: Run, state: State) -> None:
    """Keep the state of a run; the best weights only where they are not the last ones."""
    made = {
        "identity": run.identity(),
        "history": state.history,
        "best": state.best,
        "weights": None if state.best == state.epoch else state.weights,
        "net": run.model.net.state_dict(),
        "optimizer": run.steps.state_dict(),
    }
    _write(path, made)


def _resume(path: Path, run: Run) -> State:
    """Put network and optimizer where the same run stood; a new one starts at 0."""
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
    log.info("%d epochs are done; going on from %s", len(saved["history"]), path)
    best = saved["net"] if saved["weights"] is None else saved["weights"]
    return State(len(saved["history"]), saved["history"], saved["best"], _copied(best))


def _write_results(folder: Path, run: Run, state: State) -> None:
    _write_history(folder / "history.csv", state.history)
    last = _copied(run.model.net.state_dict())
    for name, epoch, weights in (
        ("best.pt", state.best, state.weights),
        ("last.pt", state.epoch, last),
    ):
        made = {
            "state_dict": weights,
            "categories": list(run.model.categories or []),
            "model": run.model.name,
            "options": _options(run.model) | {"train": asdict(run.recipe)},
            "epoch": epoch,
            "val_accuracy": state.history[epoch - 1]["val_accuracy"],
        }
        _write(folder / name, made)


def _options(model: VideoModel) -> dict[str, object]:
    return {
        "size": list(model.preprocess.size),
        "mode": model.preprocess.mode,
        "length": model.length,
        "stride": model.stride,
        "hop": model.hop,
    }


def _write(path: Path, made: dict[str, object]) -> None:
    # Through memory: saved to a file, the archive would hold that file's (temporary) name.
    buffer = io.BytesIO()
    torch.save(made, buffer)
    with parts.replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with parts.replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HISTORY)
        writer.writerows([f"{row[name]:.6g}" for name in HISTORY] for row in history)


@contextlib.contextmanager
def _reproducible(model: VideoModel) -> Iterator[None]:
    """Let torch use only operations with one result; put its switches and random state back.

    On a GPU some backward passes (of pooling, of recurrent layers) have no such form; there torch
    is asked to do its best.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    on_gpu = model.device.type == "cuda"
    with torch.random.fork_rng(devices=[model.device] if on_gpu else []):
        try:
            torch.use_deterministic_algorithms(True, warn_only=on_gpu)
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warn)


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[signal.Signals]]:
    """Collect SIGTERM and SIGUSR1 instead of dying of them in the middle of a step."""
    came: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    numbers = (signal.SIGTERM, signal.SIGUSR1)
    before = {n: signal.signal(n, lambda n, _: came.append(signal.Signals(n))) for n in numbers}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(reason: signal.Signals, state: State) -> None:
    log.warning(
        "stopped by %s in epoch %d; %d epochs are kept, the same command goes on from there",
        *(reason.name, state.epoch + 1, state.epoch),
    )
    raise SystemExit(128 + reason)
