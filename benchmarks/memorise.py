"""Every network learns eight clips by heart from random weights, within three minutes of one core.

python benchmarks/memorise.py             those that `prove.py seeds` does not train on the demo
python benchmarks/memorise.py s3d i3d     some of the room of models

The clips are blotches of colour that drift, each with a label of its own choosing. The loss is that
of the network as it would answer, so norms and dropout are in evaluation mode. Results of models
that are not asked for stay in benchmarks/results/memorise.json.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import torch  # noqa: E402 - after the path
from prove import RESULTS, write  # noqa: E402 - beside this file
from torch.nn import functional  # noqa: E402

from tests.models.parity import dead  # noqa: E402
from vidsal import registry  # noqa: E402

NAME = "memorise"
# These reach 90 % on subjects that they have not seen, which is more.
BETTER = {"cnn_lstm", "mc3_18", "mfnet_3d", "r2plus1d_18", "r3d_18", "tsm", "tsn"}
CLIPS, CLASSES, SEED = 8, 4, 0
LOSS, CPU_SECONDS, EVERY = 0.05, 180.0, 5
log = logging.getLogger(NAME)


@dataclass(frozen=True)
class Setting:
    """Clip (T,H,W) and learning rate of one model."""

    shape: tuple[int, int, int] = (8, 64, 64)
    learning_rate: float = 1e-3


SETTINGS = {
    "mvit_v2_s": Setting(learning_rate=2e-4),
    "swin3d_t": Setting(learning_rate=2e-4),
}


def memorise(name: str) -> dict:
    """Train one model on the clips; return its loss and what that took."""
    setting = SETTINGS.get(name, Setting())
    clips, labels = drawn(setting.shape), torch.arange(CLIPS) % CLASSES
    untouched = dead(built(name, setting), clips)
    start, net, steps = time.process_time(), built(name, setting), 0
    optimiser = torch.optim.AdamW(net.parameters(), lr=setting.learning_rate)
    loss = answer(net, clips, labels)
    while loss >= LOSS and time.process_time() - start < CPU_SECONDS:
        learn(net, optimiser, clips, labels)
        steps += EVERY
        loss = answer(net, clips, labels)
    return {
        "loss": round(loss, 4),
        "cpu_s": round(time.process_time() - start, 1),
        "steps": steps,
        "shape": list(setting.shape),
        "without_gradient": untouched,
        "learnt": loss < LOSS,
    }


def built(name: str, setting: Setting) -> torch.nn.Module:
    """Return the network with the weights of the seed."""
    torch.manual_seed(SEED)
    length, *size = setting.shape
    return registry.load("models", name)(CLASSES, size=size, length=length).net


def drawn(shape: tuple[int, int, int]) -> torch.Tensor:
    """Return the clips (N,3,T,H,W): coarse noise, made smooth over time and space."""
    coarse = (max(shape[0] // 2, 1), shape[1] // 8, shape[2] // 8)
    draw = torch.Generator().manual_seed(SEED)
    noise = torch.randn(CLIPS, 3, *coarse, generator=draw)
    return functional.interpolate(noise, shape, mode="trilinear", align_corners=False)


def learn(
    net: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    clips: torch.Tensor,
    labels: torch.Tensor,
) -> None:
    """Take EVERY steps on all clips."""
    net.train()
    for _ in range(EVERY):
        optimiser.zero_grad()
        functional.cross_entropy(net(clips), labels).backward()
        optimiser.step()


def answer(net: torch.nn.Module, clips: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the loss of the network as it would answer."""
    net.eval()
    with torch.inference_mode():
        return functional.cross_entropy(net(clips), labels).item()


def main() -> None:
    """Measure the models named on the command line, or all that have nothing better to show."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    known = registry.names("models")
    names = sys.argv[1:] or [name for name in known if name not in BETTER]
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"memorise: {', '.join(unknown)} unknown; take of {', '.join(known)}")
    torch.set_num_threads(1)
    path = RESULTS / f"{NAME}.json"
    for name in names:
        found = json.loads(path.read_text(encoding="utf-8"))[NAME] if path.is_file() else {}
        write(NAME, found | {name: memorise(name)})


if __name__ == "__main__":
    main()
