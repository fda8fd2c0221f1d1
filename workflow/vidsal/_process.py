"""What a training does to its process: the signals that it answers, the switches of torch."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import torch

from vidsal.models import VideoModel

STOPPING = (signal.SIGTERM, signal.SIGUSR1)


@contextlib.contextmanager
def reproducible(model: VideoModel) -> Iterator[None]:
    """Let torch use only operations with one result; put its switches and random state back.

    On a GPU some backward passes (of pooling, of recurrent layers) have no such form; there torch
    is asked to do its best.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    on_gpu = model.device.type == "cuda"
    if on_gpu:
        # Without it cuBLAS may sum in another order from call to call.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with torch.random.fork_rng(devices=[model.device] if on_gpu else []):
        try:
            torch.use_deterministic_algorithms(True, warn_only=on_gpu)
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=warn)


@contextlib.contextmanager
def stop_signals() -> Iterator[list[signal.Signals]]:
    """Collect SIGTERM and SIGUSR1 instead of dying of them in the middle of a step."""
    came: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {n: signal.signal(n, lambda n, _: came.append(signal.Signals(n))) for n in STOPPING}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
