"""One of the processes that train a network together, as `_sharing.launch` lets torchrun start it.

python -m torch.distributed.run --standalone --nproc-per-node=2 -m vidsal._share job.json
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from vidsal import jobs
from vidsal.errors import InputError


def main(path: Path) -> None:
    """Do this process's share; a user's mistake is left beside the job, as one sentence."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    jobs.watch_parent()
    job, rank = json.loads(path.read_text(encoding="utf-8")), int(os.environ["LOCAL_RANK"])
    try:
        _choose_gpu(job["config"]["numerics"]["device"], rank)
        from vidsal import fitting

        fitting.train_here(**job | {"folder": Path(job["folder"])})
    except InputError as error:
        path.with_suffix(f".{rank}.error").write_text(str(error), encoding="utf-8")
        sys.exit(1)


def _choose_gpu(wanted: str, rank: int) -> None:
    import torch

    if wanted == "cpu" or not torch.cuda.is_available():
        return
    count, started = torch.cuda.device_count(), int(os.environ["LOCAL_WORLD_SIZE"])
    if count < started:
        raise InputError(
            f"train: processes is {started}, but the job has {count} GPUs; give it as many with "
            f"--set-resources train:gpu={started}, or set processes: {count}"
        )
    torch.cuda.set_device(rank)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
