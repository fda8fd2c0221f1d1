"""Training a video network: a plain loop whose runs can be killed and taken up to the last bit.

Everything random is keyed by (seed, epoch, step or sample), nothing by how often a generator was
used, so that a run continued after a kill equals one that was never stopped, and any number of
loader threads gives the same weights. All that a run depends on lies in one file, `work/last.pt`,
replaced as a whole after every epoch, and after the step in hand when a signal ends the run.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vidsal import _process, _sampling, _saving, _schedule, _sharing
from vidsal._class_task import Classifying
from vidsal._recipe import Recipe
from vidsal._sampling import TORCH, Clip, Sample, generator
from vidsal._saving import State
from vidsal.errors import InputError
from vidsal.models import VideoModel

log = logging.getLogger(__name__)

# Arguments of `train` that change how it runs, not what comes out.
OF_THE_RUN = ("workers", "tensorboard")
SECONDS_BETWEEN_LINES = 60.0


@dataclass(frozen=True)
class Run:
    """What stays the same over a training."""

    model: VideoModel
    task: Classifying
    recipe: Recipe
    learners: dict[str, nn.Parameter]
    steps: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    ahead: _sampling.Ahead
    group: _sharing.Group
    key: str
    stop: list[signal.Signals]

    def identity(self) -> dict[str, object]:
        """Return what a kept state must have been made with."""
        return {"key": self.key, "model": self.model.name, **asdict(self.recipe)}


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
    accumulate: int = 1,
    processes: int = 1,
    sync_norms: bool = False,
    optimizer: str = "adamw",
    learning_rate: float = 3e-4,
    head: list[str] | None = None,
    head_factor: float = 1.0,
    weight_decay: float = 0.01,
    momentum: float = 0.9,
    nesterov: bool = True,
    warmup: float = 0.5,
    schedule: str = "cosine",
    milestones: list[float] | None = None,
    clip_norm: float | None = None,
    label_smoothing: float = 0.0,
    class_weights: str | dict | None = None,
    thaw: dict | None = None,
    precision: str = "float32",
    sampling: str | None = None,
    flip: bool = True,
    crop: float = 0.1,
    jitter: float = 0.1,
    saturation: float = 0.0,
    patience: int | None = None,
    losses: dict | None = None,
    pooled: int = 1,
    window: int = 10,
    seed: int = 0,
    workers: int = 1,
    tensorboard: bool = False,
    task: Callable[..., Classifying] = Classifying,
) -> None:
    """Train a network from the weights it has, and keep its best and its last epoch.

    Writes `best.pt` and `last.pt` ({"state_dict", "categories", "model", "options", "epoch",
    "val_accuracy"}) and `history.csv` (a row per epoch). The best epoch has the highest accuracy on
    the validation clips; of equals the lowest loss, then the latest.

    Args:
        model: the network on its device; its weights are changed in place.
        train_clips: videos to learn from.
        val_clips: videos to choose the epoch by.
        folder: where the results go.
        work: where the state is kept; a run with the same key continues there.
        key: names everything that the run depends on besides the arguments.
        epochs: times that each video is seen.
        batch_size: clips per step, over all parts and processes; the last step of an epoch takes
            what is left.
        accumulate: parts in which a step's clips go through the network, to save memory; the
            gradient is that of the whole step, but for batch normalisation, which sees the parts.
        processes: how many, with a GPU each, share a step; see `_sharing`.
        sync_norms: let batch normalisation see the parts of all processes (GPUs only).
        optimizer: "sgd", "adam" or "adamw".
        learning_rate: highest, reached after the warm-up.
        head: paths of the modules that are the head; the last layer when not given.
        head_factor: times the learning rate for the head.
        weight_decay: pull towards 0; of matrices and kernels only, not of biases and norms.
        momentum: of sgd, and the first beta of adam and adamw.
        nesterov: whether sgd looks ahead (Nesterov's momentum).
        warmup: epochs in which the learning rate rises linearly.
        schedule: "cosine" to 0, "step" (to a tenth at each milestone) or "constant".
        milestones: epochs after which "step" falls; a half and three quarters when not given.
        clip_norm: largest norm of a step's gradient; none when not given.
        label_smoothing: share of the target given to all classes alike.
        class_weights: "balanced", or class -> weight of its clips in the loss, 1 for the others;
            validation weighs all clips alike.
        thaw: path of a module or parameter -> epochs done before it begins to learn, null for
            never; the longest path that fits counts, what no path fits learns from the start.
            Frozen norms keep their statistics.
        precision: "bfloat16" or "float16" computes so on a GPU where that is safe (autocast);
            a CPU, and validation, compute in float32 in any case.
        sampling: "dense" or "segments", as the model's own, which is meant when not given; or
            "sliding"; which frames a clip shows, see `_sampling`.
        flip: mirror half of the clips left to right.
        crop: cut up to this part of the height and width, at a random place.
        jitter: change brightness and contrast by up to this part.
        saturation: change the colourfulness by up to this part.
        patience: stop after so many epochs without a better one.
        losses: of predictors of gaze: name -> weight of bce, kl, cc, nss, sim, which are added up;
            {bce: 1} when not given.
        pooled: of predictors of gaze: bce compares means over so many pixels in each direction.
        window: of predictors of gaze: frames of a video in a step; the next step goes on with the
            next ones, and what the network remembers, through which no gradient flows.
        seed: of order, sampling, augmentation and dropout.
        workers: threads that make clips while the network computes; any number, the same weights.
        tensorboard: write the history for TensorBoard too (`folder/tensorboard`), if installed.
        task: what the network learns.

    Raises:
        InputError: an impossible setting, no clips, a wrong number of classes, a state of another
            run, a loss that is no number.
        SystemExit: SIGTERM or SIGUSR1 came; all steps done are kept.
    """
    given = locals() | {"sampling": task.sampling(model, sampling)}
    recipe = Recipe(**{one.name: given[one.name] for one in fields(Recipe)})
    if not train_clips or not val_clips:
        raise InputError(
            f"train: {len(train_clips)} clips to learn from and {len(val_clips)} to validate with; "
            "both splits need at least one usable video"
        )
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(_process.stop_signals())
        group = _sharing.group(processes, model)
        ahead = stack.enter_context(contextlib.closing(_sampling.Ahead(workers)))
        stack.enter_context(_process.reproducible(model))
        run = _run(model, train_clips, val_clips, recipe, ahead, group, key, stop, task)
        stack.callback(_restore, run)
        state = _saving.resume(work / "last.pt", run)
        shown = folder / "tensorboard" if tensorboard and group.first else None
        board = stack.enter_context(contextlib.closing(_saving.Board(shown)))
        while state.epoch < recipe.epochs and not _out_of_patience(state, recipe):
            _epoch(run, state, work / "last.pt")
            board.add(state.history[-1])
            if group.first:
                _saving.save(work / "last.pt", run, state)
                _saving.write_history(folder / "history.csv", state.history)
        if group.first:
            _saving.write_results(folder, run, state)


def _run(
    model: VideoModel,
    train_clips: Sequence[Sample],
    val_clips: Sequence[Sample],
    recipe: Recipe,
    ahead: _sampling.Ahead,
    group: _sharing.Group,
    key: str,
    stop: list[signal.Signals],
    task: Callable[..., Classifying] = Classifying,
) -> Run:
    _schedule.check(model.net, recipe)
    if recipe.sync_norms:
        _sharing.sync_norms(model)
    own = task(model, train_clips, val_clips, recipe)
    scaled = recipe.precision == "float16" and model.device.type == "cuda"
    return Run(
        model,
        own,
        recipe,
        {name: one for name, one in model.net.named_parameters() if one.requires_grad},
        _schedule.optimizer(model.net, recipe),
        torch.amp.GradScaler("cuda", enabled=scaled),
        ahead,
        group,
        key,
        stop,
    )


def _epoch(run: Run, state: State, path: Path) -> None:
    """Learn from each clip once, validate, and take the result into the state."""
    begun = time.monotonic()
    train_loss, train_score = _learn(run, state, path)
    val_loss, val_score = _validate(run, state, path)
    if not np.isfinite(val_loss):
        raise InputError(
            f"train of {run.model.name}: the validation loss is {val_loss} after epoch "
            f"{state.epoch + 1}; {_way_out(run)}"
        )
    rate, last = _schedule.rate_of(run.steps), run.recipe.epochs
    score = run.task.score
    figures = (state.epoch + 1, rate, train_loss, train_score, val_loss, val_score)
    state.history.append(dict(zip(_saving.names_of(score), figures, strict=True)))
    state.epoch, state.step, state.sums = state.epoch + 1, 0, [0.0] * 4
    state.carried.clear()
    if _best(state.history, score) == state.epoch:
        state.best, state.weights = state.epoch, _saving.copied(run.model.net.state_dict())
    left = (last - state.epoch) * (time.monotonic() - begun)
    if run.group.first:
        log.info(
            "epoch %d/%d  rate %.3g  train loss %.4f %s %.3f  val loss %.4f %s %.3f  "
            "best %d  %d s left",
            *(state.epoch, last, rate, train_loss, score, train_score, val_loss, score, val_score),
            *(state.best, round(left)),
        )


def _learn(run: Run, state: State, path: Path) -> tuple[float, float]:
    """Take all steps of an epoch that are left; return its mean loss and score."""
    recipe, epoch = run.recipe, state.epoch
    _schedule.set_learning(run.model.net, run.learners, recipe, epoch)
    batches = run.task.batches(epoch)
    made = _made(run, batches[state.step :], epoch)
    spoken = time.monotonic()
    while state.step < len(batches):
        rate = _schedule.learning_rate(recipe, epoch * len(batches) + state.step, len(batches))
        _schedule.set_rate(run.steps, rate)
        if _step(run, state, batches[state.step], made):
            _leave(run, state, path)
        if time.monotonic() - spoken > SECONDS_BETWEEN_LINES and run.group.first:
            spoken = time.monotonic()
            loss = state.sums[0] / (state.sums[1] or 1.0)
            log.info("epoch %d  step %d/%d  loss %.4f", epoch + 1, state.step, len(batches), loss)
    losses, weights, scores, count = state.sums
    return losses / (weights or 1.0), scores / (count or 1.0)


def _made(run: Run, batches: list[list[int]], epoch: int) -> Iterator[Clip]:
    """Yield the clips that this process learns from, made up to two steps ahead."""
    own = [index for chosen in batches for _, part in _own_parts(run, chosen) for index in part]
    size = 2 * -(-run.recipe.batch_size // run.recipe.processes)
    return run.ahead.map(lambda index: run.task.changed(index, epoch), own, size)


def _own_parts(run: Run, chosen: list[int]) -> list[tuple[int, list[int]]]:
    """Return (number, clips) of the parts of a step that this process has to do."""
    numbered = list(enumerate(_sampling.parts(chosen, run.recipe)))
    return numbered[run.group.rank :: run.group.size]


def _step(run: Run, state: State, chosen: list[int], made: Iterator[Clip]) -> bool:
    """Take one step and count it; say whether the run shall end."""
    weight = run.task.weight(chosen)
    sums = np.zeros(5)
    run.steps.zero_grad(set_to_none=True)
    for number, part in _own_parts(run, chosen):
        sums[:4] += _backward(run, state, number, list(islice(made, len(part))), weight)
    sums[4] = len(run.stop)
    sums = run.group.total(sums)
    run.group.add_gradients(run.learners.values())
    if run.recipe.clip_norm is not None:
        run.scaler.unscale_(run.steps)
        nn.utils.clip_grad_norm_(run.learners.values(), run.recipe.clip_norm)
    run.scaler.step(run.steps)
    run.scaler.update()
    run.group.copy_first(run.model.net.buffers())
    state.sums = (np.array(state.sums) + sums[:4]).tolist()
    state.step += 1
    return bool(sums[4])


def _backward(
    run: Run, state: State, number: int, made: list[Clip], weight: float
) -> tuple[float, float, float, int]:
    """Add the gradient of a part of a step; return its losses, weights, scores, their number."""
    key = (state.epoch, TORCH, state.step, number)
    torch.manual_seed(int(generator(run.recipe, *key).integers(2**63)))
    loss, figures = run.task.loss(made, state.carried, lambda: _precision(run))
    if not torch.isfinite(loss):
        _refuse(run, state, loss.item(), made)
    # A step whose classes all weigh 0, or at which nobody looked, teaches nothing, but is no
    # mistake.
    run.scaler.scale(loss / (weight or 1.0)).backward()
    return figures


def _precision(run: Run) -> contextlib.AbstractContextManager:
    kind = getattr(torch, run.recipe.precision)
    if kind == torch.float32 or run.model.device.type != "cuda":
        return contextlib.nullcontext()
    return torch.autocast("cuda", kind)


def _refuse(run: Run, state: State, loss: float, made: list[Clip]) -> None:
    raise InputError(
        f"train of {run.model.name}: the loss is {loss} in epoch {state.epoch + 1}, step "
        f"{state.step + 1}, at the learning rate {_schedule.rate_of(run.steps):.3g}, of the "
        f"videos {', '.join(clip.name for clip in made)}; {_way_out(run)}"
    )


def _way_out(run: Run) -> str:
    more = " or raise warmup" if run.recipe.clip_norm else ", raise warmup or set clip_norm"
    return f"lower learning_rate (now {run.recipe.learning_rate}){more}"


def _validate(run: Run, state: State, path: Path) -> tuple[float, float]:
    """Return mean loss and score over the validation clips."""
    sums, carried = np.zeros(4), {}
    chosen = run.task.val_batches(run.group.rank, run.group.size)
    own = [index for part in chosen for index in part]
    made = run.ahead.map(run.task.plain, own, 2 * run.recipe.batch_size)
    for part in chosen:
        sums += run.task.judged(list(islice(made, len(part))), carried)
        # Of several processes all have to leave at once: these do after their next step.
        if run.stop and run.group.size == 1:
            _leave(run, state, path)
    losses, weights, scores, count = run.group.total(sums).tolist()
    return losses / (weights or 1.0), scores / (count or 1.0)


def _best(history: list[dict[str, float]], score: str = Classifying.score) -> int:
    """Return the epoch with the highest score; of equals the lowest loss, then the latest."""
    return max(history, key=lambda h: (h[f"val_{score}"], -h["val_loss"], h["epoch"]))["epoch"]


def _out_of_patience(state: State, recipe: Recipe) -> bool:
    return recipe.patience is not None and state.epoch - state.best >= recipe.patience


def _restore(run: Run) -> None:
    for parameter in run.learners.values():
        parameter.requires_grad_(True)


def _leave(run: Run, state: State, path: Path) -> None:
    """Keep what was done and end as a signal would have: 128 and its number.

    Anything but 0 keeps Snakemake from taking the job for done, so that `retries` (1 in
    profiles/slurm) starts it again. A job that SLURM counts as PREEMPTED Snakemake leaves to SLURM,
    which requeues it where that is set up, whatever its exit status. At a time limit SLURM sends
    SIGTERM, and kills 30 s later (KillWait): the step in hand has to end by then.
    """
    reason = run.stop[0] if run.stop else signal.SIGTERM
    if run.group.first:
        _saving.save(path, run, state)
        log.warning(
            "stopped by %s in epoch %d after step %d, which is kept; the same command goes on from "
            "there",
            *(reason.name, state.epoch + 1, state.step),
        )
    # torchrun ends all processes when one is gone, in the middle of writing if need be.
    run.group.wait()
    raise SystemExit(128 + reason)
