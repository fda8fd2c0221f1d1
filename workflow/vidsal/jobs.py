"""What every job of the workflow needs: its log, its threads, its GPU, and an end with its parent.

Imported by scripts before anything heavy, since thread counts must be set before NumPy and torch
are loaded.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from vidsal.errors import InputError, disk_is_full

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
SECONDS_TO_END = 60
LEASES: list[object] = []
log = logging.getLogger("vidsal")


@contextlib.contextmanager
def job(snakemake: object) -> Iterator[object]:
    """Run a script's body: output and tracebacks go to the rule's log, threads and GPU are set.

    A user's mistake (InputError) ends the job with its one sentence, also on the terminal.
    """
    numerics = snakemake.config["numerics"]
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(numerics["torch_threads"])
    with _logging_to(snakemake.log[0]) as terminal:
        watch_parent()
        if wanted := snakemake.resources.get("gpu"):
            lease_gpu(numerics["device"], wanted)
        try:
            yield snakemake
        except InputError as error:
            log.error("%s", error)
            terminal.write(f"{snakemake.rule}: {error}\n")
            terminal.flush()
            if disk_is_full(error):
                os._exit(1)  # HDF5 crashes when it closes a file that it could not write
            sys.exit(1)
        except Exception as error:
            log.error("%s", traceback.format_exc())
            if disk_is_full(error):
                terminal.write(f"{snakemake.rule}: the disk is full; free some space, run again\n")
            raise


@contextlib.contextmanager
def _logging_to(path: str) -> Iterator[object]:
    """Send stdout, stderr (of libraries too) and logging to a file; yield the terminal."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = os.fdopen(os.dup(2), "w")
    with open(path, "a", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        logging.basicConfig(
            stream=file, level=logging.INFO, format="%(asctime)s %(message)s", force=True
        )
        yield terminal


def watch_parent() -> None:
    """End this process when the Snakemake that started it is gone, so that no orphan works on.

    One that answers SIGTERM, as a training does by keeping its state, is given time for it.
    """
    parent = int(os.environ.get("VIDSAL_MAIN_PID", 0))
    if not parent or os.environ.get("VIDSAL_MAIN_PIDS") != pid_namespace():
        return
    if not _born(parent):
        os._exit(143)  # it was killed while this process started
    thread = threading.Thread(target=_watch, args=(parent, _born(parent)), daemon=True)
    thread.start()


def pid_namespace() -> str:
    """Name the set of processes that this one can see: a container may have one of its own."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _watch(parent: int, born: str) -> None:
    while _born(parent) == born:
        time.sleep(0.5)
    if callable(signal.getsignal(signal.SIGTERM)):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_END)
    os._exit(143)


def _born(process: int) -> str:
    """Return the start time of a process as a text, '' when it is gone."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return "" if Path("/proc").is_dir() else _alive(process)
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _alive(process: int) -> str:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"


def gpus() -> list[int]:
    """Return the numbers of the NVIDIA devices of this machine, without importing torch."""
    found = (re.fullmatch(r"nvidia(\d+)", p.name) for p in Path("/dev").glob("nvidia*"))
    return sorted(int(match[1]) for match in found if match)


def device_kind(device: str) -> str:
    """Return `cpu`, or `cuda` with the card's name where the driver tells it, for part keys."""
    if device == "cpu" or not gpus() or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "cpu"
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        match = re.search(r"Model:\s*(.+)", path.read_text())
        if match:
            return f"cuda {match[1].strip()}"
    return "cuda"


def lease_gpu(device: str, wanted: int = 1) -> None:
    """Take free GPUs of this machine by lock file and show only these to this process.

    Does nothing when the scheduler has chosen (CUDA_VISIBLE_DEVICES is set), or without a GPU.
    Waits while too few are free; the locks go with the process, however it ends.
    """
    if device == "cpu" or "CUDA_VISIBLE_DEVICES" in os.environ or not gpus():
        return
    folder = Path(tempfile.gettempdir()) / "vidsal-gpus"
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o777)  # the other users of this machine lease here too
    wanted = min(wanted, len(gpus()))
    while not (leased := _lease_together(folder, wanted)):
        time.sleep(1)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, leased))
    log.info("GPU %s leased", os.environ["CUDA_VISIBLE_DEVICES"])


def _lease_together(folder: Path, wanted: int) -> list[int]:
    """Lease as many GPUs as wanted, or none: two jobs that each held half would wait for ever."""
    leased: list[int] = []
    for number in gpus():
        if len(leased) < wanted and _lease(folder / f"{number}.lock"):
            leased.append(number)
    if len(leased) == wanted:
        return leased
    for _ in leased:
        LEASES.pop().close()
    return []


def _lease(path: Path) -> bool:
    file = open(path, "a")  # noqa: SIM115 - kept open: the lock lives as long as the process
    with contextlib.suppress(PermissionError):
        path.chmod(0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    LEASES.append(file)
    return True
