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
import math
import signal
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

from vidsal import parts
from vidsal.classifying import ask, read_clip, read_numbered
from vidsal.errors import InputError
from vidsal.models import VideoModel
from vidsal.video import clips

log = logging.getLogger(__name__)

# A video's frames and its class number; the group itself, or a function that opens it for a while.
Sample = tuple[h5py.Group | Callable[[], contextlib.AbstractContextManager[h5py.Group]], int]

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("cosine", "step", "constant")
HISTORY = ("epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
# Streams of random numbers that never meet.
ORDER, SAMPLE, TORCH = range(3)


@dataclass(frozen=True)
class Recipe:
    """The settings of `train`, checked."""

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    momentum: float
    warmup: float
    schedule: str
    clip_norm: float | None
    label_smoothing: float
    flip: bool
    crop: float
    jitter: float
    patience: int | None
    bn_momentum: float | None
    seed: int

    def __post_init__(self) -> None:
        """Refuse values that no training can use, all at once."""
        problems = []
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                problems.append(f"{name} {getattr(self, name)!r} is none of {', '.join(known)}")
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("warmup", 0)):
            if getattr(self, name) < low:
                problems.append(f"{name} {getattr(self, name)} is below {low}")
        for name in ("crop", "jitter", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                problems.append(f"{name} {getattr(self, name)} is not in [0, 1)")
        if not self.learning_rate > 0:
            problems.append(f"learning_rate {self.learning_rate} is not above 0")
        if problems:
            raise InputError(f"train in the config: {'; '.join(problems)}; correct these")


@dataclass
class State:
    """What a run has come to: epochs done, their figures, the best one's weights."""

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
    optimizer: str = "sgd",
    learning_rate: float = 0.01,
    weight_decay: float = 1e-4,
    momentum: float = 0.9,
    warmup: float = 1.0,
    schedule: str = "cosine",
    clip_norm: float | None = None,
    label_smoothing: float = 0.0,
    flip: bool = True,
    crop: float = 0.1,
    jitter: float = 0.2,
    patience: int | None = None,
    bn_momentum: float | None = None,
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
        bn_momentum: of the running statistics of batch normalisation; the network's own when not
            given.
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
        steps = _optimizer(model.net, recipe)
        state = _resume(work / "last.pt", key, model, steps)
        while state.epoch < recipe.epochs and not _out_of_patience(state, recipe):
            _epoch(model, train_clips, val_clips, recipe, steps, state, stop)
            _save(work / "last.pt", key, model, steps, state)
            _write_history(folder / "history.csv", state.history)
    _write_results(folder, model, recipe, state)


def augment(frames: np.ndarray, rng: np.random.Generator, recipe: Recipe) -> np.ndarray:
    """Return a cut, mirrored, brightened version of a clip, the same for all its frames.

    Args:
        frames: uint8 (T,H,W,3).
        rng: keyed by seed, epoch and sample.
        recipe: which changes, and how far they go.

    Returns:
        uint8 (T,h,w,3), h and w smaller by up to `crop`.
    """
    height, width = frames.shape[1:3]
    # Drawn in any case, so that switching one change off leaves the others as they are.
    sides, places, levels, mirror = (
        rng.random(2),
        rng.random(2),
        rng.uniform(-1, 1, 2),
        rng.random(),
    )
    rows, columns = (
        max(1, round(s * (1 - recipe.crop * u)))
        for s, u in zip((height, width), sides, strict=True)
    )
    top, left = round(places[0] * (height - rows)), round(places[1] * (width - columns))
    frames = frames[:, top : top + rows, left : left + columns]
    if recipe.flip and mirror < 0.5:
        frames = frames[:, :, ::-1]
    if recipe.jitter:
        contrast, brightness = 1 + recipe.jitter * levels
        # One table of 256 values is the whole change, whatever the size of the clip.
        table = (np.arange(256) - 127.5) * contrast + 127.5 * brightness
        frames = table.round().clip(0, 255).astype(np.uint8)[frames]
    return frames


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step, counted from 0 over the whole training."""
    total = recipe.epochs * steps_per_epoch
    warm = recipe.warmup * steps_per_epoch
    if step + 1 < warm:
        return recipe.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1.0, total - warm)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (1 + math.cos(math.pi * max(0.0, done))) / 2
    if recipe.schedule == "step":
        return recipe.learning_rate * 0.1 ** ((step >= total / 2) + (step >= total * 3 / 4))
    return recipe.learning_rate


def _epoch(
    model: VideoModel,
    train_clips: Sequence[Sample],
    val_clips: Sequence[Sample],
    recipe: Recipe,
    steps: torch.optim.Optimizer,
    state: State,
    stop: list[signal.Signals],
) -> None:
    """Learn from each clip once, validate, and take the result into the state."""
    begun = time.monotonic()
    train_loss, train_accuracy = _learn(model, train_clips, recipe, steps, state, stop)
    val_loss, val_accuracy = _validate(model, val_clips, recipe)
    rate = steps.param_groups[0]["lr"]
    figures = (state.epoch + 1, rate, train_loss, train_accuracy, val_loss, val_accuracy)
    state.history.append(dict(zip(HISTORY, figures, strict=True)))
    state.epoch += 1
    if _best(state.history) == state.epoch:
        state.best, state.weights = state.epoch, _copied(model.net)
    left = (recipe.epochs - state.epoch) * (time.monotonic() - begun)
    log.info(
        "epoch %d/%d  rate %.3g  train loss %.4f accuracy %.3f  val loss %.4f accuracy %.3f  "
        "best %d  %d s left",
        *(state.epoch, recipe.epochs, rate, train_loss, train_accuracy, val_loss, val_accuracy),
        *(state.best, round(left)),
    )


def _learn(
    model: VideoModel,
    samples: Sequence[Sample],
    recipe: Recipe,
    steps: torch.optim.Optimizer,
    state: State,
    stop: list[signal.Signals],
) -> tuple[float, float]:
    """Take all steps of an epoch; return mean loss and accuracy over its clips."""
    model.net.train()
    torch.manual_seed(_generator(recipe, state.epoch, TORCH).integers(2**63))
    order = _generator(recipe, state.epoch, ORDER).permutation(len(samples))
    starts = range(0, len(order), recipe.batch_size)
    total = np.zeros(2)
    for number, start in enumerate(starts):
        chosen = order[start : start + recipe.batch_size]
        batch = [_training_clip(model, samples, int(i), recipe, state.epoch) for i in chosen]
        _set_rate(steps, learning_rate(recipe, state.epoch * len(starts) + number, len(starts)))
        total += _step(model, batch, [samples[i][1] for i in chosen], recipe, steps)
        if stop:
            _leave(stop[0], state)
    return tuple((total / len(order)).tolist())


def _step(
    model: VideoModel,
    batch: list[Tensor],
    labels: list[int],
    recipe: Recipe,
    steps: torch.optim.Optimizer,
) -> tuple[float, float]:
    """Take one step; return the sum of losses and the number of right answers."""
    targets = torch.tensor(labels, device=model.device)
    logits = model.net(torch.stack(batch).to(model.device))
    loss = functional.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
    if not torch.isfinite(loss):
        raise InputError(
            f"train of {model.name}: the loss is {loss.item()}; lower learning_rate "
            f"(now {recipe.learning_rate}), or set clip_norm"
        )
    steps.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(model.net.parameters(), recipe.clip_norm)
    steps.step()
    right = (logits.detach().argmax(dim=1) == targets).sum().item()
    return loss.item() * len(labels), right


def _validate(model: VideoModel, samples: Sequence[Sample], recipe: Recipe) -> tuple[float, float]:
    """Return mean loss and accuracy over the middle clips."""
    total = np.zeros(2)
    for start in range(0, len(samples), recipe.batch_size):
        chosen = samples[start : start + recipe.batch_size]
        batch = torch.stack([_middle_clip(model, one) for one in chosen]).to(model.device)
        targets = torch.tensor([label for _, label in chosen], device=model.device)
        logits = ask(model, batch)
        loss = functional.cross_entropy(logits, targets, reduction="sum").item()
        total += loss, (logits.argmax(dim=1) == targets).sum().item()
    return tuple((total / len(samples)).tolist())


def _training_clip(
    model: VideoModel, samples: Sequence[Sample], index: int, recipe: Recipe, epoch: int
) -> Tensor:
    rng = _generator(recipe, epoch, SAMPLE, index)
    with _opened(samples[index][0]) as group:
        spare = max(0, len(group["time"]) - model.length * model.stride)
        numbers = _numbers(model, group, int(rng.integers(spare + 1)))
        return model.preprocess(augment(read_numbered(group, numbers), rng, recipe))


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


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # Fused: one kernel over all parameters, on a CPU several times faster than the plain loop.
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            groups,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=nesterov,
            fused=True,
        )
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    betas = (recipe.momentum, 0.999)
    return kind(groups, lr=recipe.learning_rate, betas=betas, fused=True)


def _set_rate(steps: torch.optim.Optimizer, rate: float) -> None:
    for group in steps.param_groups:
        group["lr"] = rate


def _best(history: list[dict[str, float]]) -> int:
    """Return the epoch with the highest accuracy; of equals the lowest loss, then the latest."""
    return max(history, key=lambda h: (h["val_accuracy"], -h["val_loss"], h["epoch"]))["epoch"]


def _out_of_patience(state: State, recipe: Recipe) -> bool:
    return recipe.patience is not None and state.epoch - state.best >= recipe.patience > 0


def _copied(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}


def _save(
    path: Path, key: str, model: VideoModel, steps: torch.optim.Optimizer, state: State
) -> None:
    """Keep the state of a run; the best weights only where they are not the last ones."""
    made = {
        "key": key,
        "history": state.history,
        "best": state.best,
        "weights": None if state.best == state.epoch else state.weights,
        "net": model.net.state_dict(),
        "optimizer": steps.state_dict(),
    }
    _write(path, made)


def _resume(path: Path, key: str, model: VideoModel, steps: torch.optim.Optimizer) -> State:
    """Put network and optimizer where a run of the same key stood; a new run starts at 0."""
    if not path.is_file():
        return State()
    saved = torch.load(path, map_location=model.device, weights_only=True)
    if saved["key"] != key:
        raise InputError(
            f"{path}: belongs to another training (key {saved['key'] or 'none'}, this one has "
            f"{key or 'none'}); delete it or give another folder"
        )
    model.net.load_state_dict(saved["net"])
    steps.load_state_dict(saved["optimizer"])
    epoch = len(saved["history"])
    log.info("%d epochs are done; going on from %s", epoch, path)
    weights = saved["net"] if saved["weights"] is None else saved["weights"]
    return State(
        epoch, saved["history"], saved["best"], {k: v.cpu().clone() for k, v in weights.items()}
    )


def _write_results(folder: Path, model: VideoModel, recipe: Recipe, state: State) -> None:
    _write_history(folder / "history.csv", state.history)
    for name, epoch, weights in (
        ("best.pt", state.best, state.weights),
        ("last.pt", state.epoch, _copied(model.net)),
    ):
        made = {
            "state_dict": weights,
            "categories": list(model.categories or []),
            "model": model.name,
            "options": _options(model) | {"train": asdict(recipe)},
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
