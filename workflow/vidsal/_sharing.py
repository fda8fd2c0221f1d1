"""Several processes that train one network together, a GPU each, started by torchrun.

    torchrun --standalone --nproc-per-node=2 my_training.py     # which calls train(processes=2)

The batch is the whole step's, whatever the number of processes: each takes its parts of it, the
gradients are added up, and every process takes the same step. What differs from one process is the
rounding, and batch normalisation, which sees one part at a time (as with `accumulate`) unless
`sync_norms` lets it see those that are computed at the same time; its running statistics are those
of the first process. The gradients go round once per step, after the backward pass, not during it:
plain, and enough for a few GPUs of one machine.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn

from vidsal import _process
from vidsal.errors import InputError
from vidsal.models import VideoModel


@dataclass(frozen=True)
class Group:
    """The processes of a training; alone, it does nothing.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
        device: where what they tell each other has to lie.
    """

    rank: int = 0
    size: int = 1
    device: torch.device | str = "cpu"

    @property
    def first(self) -> bool:
        """Say whether this process writes the files and the log."""
        return self.rank == 0

    def total(self, figures: np.ndarray) -> np.ndarray:
        """Return the sum over the processes of float64 figures (n,)."""
        if self.size == 1:
            return figures
        shared = torch.from_numpy(figures).to(self.device)
        distributed.all_reduce(shared)
        return shared.cpu().numpy()

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the sum of the gradients; one that had no clips counts as 0."""
        if self.size == 1:
            return
        learning = [one for one in parameters if one.requires_grad]
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in learning]
        flat = torch.cat([gradient.flatten() for gradient in own])
        distributed.all_reduce(flat)
        for parameter, summed in zip(
            learning, flat.split([p.numel() for p in learning]), strict=True
        ):
            parameter.grad = summed.view_as(parameter)

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            distributed.barrier()

    def copy_first(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the tensors of the first, in place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), 0)


def group(processes: int, model: VideoModel) -> Group:
    """Return this training's processes, which have met and made their networks equal.

    They stay together for the life of this process: to part and meet again at the same address, as
    for a second training, may fail.

    Raises:
        InputError: torchrun started another number of them.
    """
    started = int(os.environ.get("WORLD_SIZE", 1))
    if started != processes:
        raise InputError(
            f"train: processes is {processes}, but {started} run; start them with torchrun "
            f"--standalone --nproc-per-node={processes}, or set processes: {started}"
        )
    if processes == 1:
        return Group()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if model.device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    made = Group(distributed.get_rank(), processes, model.device)
    made.copy_first(model.net.state_dict().values())
    return made


def sync_norms(model: VideoModel) -> None:
    """Let every batch normalisation see the parts that all processes compute at the same time.

    Raises:
        InputError: not on GPUs, where alone torch can.
    """
    if model.device.type != "cuda":
        raise InputError("train: sync_norms works on GPUs only; set it to false")
    _replace_norms(model.net)


def _replace_norms(net: nn.Module) -> None:
    # Child by child, since the network itself must stay the same object.
    for name, child in net.named_children():
        setattr(net, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))


def launch(processes: int, job: dict[str, object]) -> None:
    """Train in several processes of this machine: `_share` says what each of them does.

    A signal that ends the run is handed on to torchrun, which hands it on to the processes.

    Args:
        processes: how many.
        job: the arguments of `fitting.train_here`, as JSON can hold them.

    Raises:
        InputError: one of them met a user's mistake.
        RuntimeError: one of them failed otherwise; its traceback is in the log.
        SystemExit: SIGTERM or SIGUSR1 came; all steps done are kept.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={processes}", "-m", "vidsal._share"]
    with tempfile.TemporaryDirectory(prefix="vidsal-") as name, _process.stop_signals() as stop:
        path = Path(name) / "job.json"
        path.write_text(json.dumps(job, default=str), encoding="utf-8")
        with subprocess.Popen([*command, str(path)]) as running:
            status, told = None, False
            while status is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = running.wait(timeout=0.5)
                if stop and not told and status is None:
                    running.send_signal(signal.SIGTERM)
                    told = True
        if stop:
            raise SystemExit(128 + stop[0])
        for mistake in sorted(Path(name).glob("*.error")):
            raise InputError(mistake.read_text(encoding="utf-8"))
        if status:
            raise RuntimeError(f"torchrun ended with status {status}; the lines above tell why")
