"""Every network learns eight clips by heart from random weights, within three minutes of one core.

python benchmarks/prove.py memorise       those that `prove.py networks` does not train on the demo
python benchmarks/memorise.py s3d i3d     some of them, or of the room of models

The clips are blotches of colour that drift, each with a label of its own choosing. The loss is that
of the network as it would answer, so norms and dropout are in evaluation mode. Results of models
that are not asked for stay in benchmarks/results/memorise.json.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import torch  # noqa: E402 - after the path
from prove import NETWORKS, RESULTS, write  # noqa: E402 - beside this file
from torch.nn import functional  # noqa: E402

from tests.models.parity import dead  # noqa: E402
from vidsal import registry  # noqa: E402

NAME = "memorise"
CLIPS, CLASSES, SEED = 8, 4, 0
LOSS, CPU_SECONDS, EVERY = 0.05, 180.0, 5
log = logging.getLogger(NAME)


@dataclass(frozen=True)
class Setting:
    """File, options, clip (T,H,W) and learning rate of a network, where they are not as usual."""

    method: str | None = None
    options: dict[str, object] = field(default_factory=dict)
    shape: tuple[int, int, int] = (8, 64, 64)
    learning_rate: float = 1e-3


# Variants of networks that are trained on the demo, and settings of others.
SETTINGS = {
    "mvit_v2_s": Setting(learning_rate=2e-4),
    "swin3d_t": Setting(learning_rate=2e-4),
    "cnn_lstm_attention_101": Setting("cnn_lstm_attention", {"backbone": "resnet101"}),
    "i3d_flow": Setting("i3d", {"modality": "flow"}),
    "tsm_50": Setting("tsm", {"backbone": "resnet50"}),
    "tsn_50": Setting("tsn", {"backbone": "resnet50"}),
}


def memorise(name: str) -> dict:
    """Train one model on the clips; return its loss and what that took."""
    setting = SETTINGS.get(name, Setting())
    channels = 2 if setting.options.get("modality") == "flow" else 3
    clips, labels = drawn(channels, setting.shape), torch.arange(CLIPS) % CLASSES
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
    build = registry.load("models", setting.method or name)
    return build(CLASSES, size=size, length=length, **setting.options).net


def drawn(channels: int, shape: tuple[int, int, int]) -> torch.Tensor:
    """Return the clips (N,C,T,H,W): coarse noise, made smooth over time and space."""
    coarse = (max(shape[0] // 2, 1), shape[1] // 8, shape[2] // 8)
    draw = torch.Generator().manual_seed(SEED)
    noise = torch.randn(CLIPS, channels, *coarse, generator=draw)
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


def names() -> list[str]:
    """Return the networks that have nothing better to show: 90 % on subjects never seen."""
    return sorted({*registry.names("models"), *SETTINGS} - NETWORKS.keys())


def measured(*wanted: str) -> dict:
    """Return what the networks of these names took, beside what was measured of others before."""
    torch.set_num_threads(1)
    path = RESULTS / f"{NAME}.json"
    found = json.loads(path.read_text(encoding="utf-8"))[NAME] if path.is_file() else {}
    for name in wanted or names():
        found = dict(sorted((found | {name: memorise(name)}).items()))
        write(NAME, found)  # each at once: all of them take an hour
    return found


def main() -> None:
    """Measure the networks named on the command line, or all of them."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    known = {*names(), *registry.names("models")}
    unknown = sorted(set(sys.argv[1:]) - known)
    if unknown:
        sys.exit(f"memorise: {', '.join(unknown)} unknown; take of {', '.join(sorted(known))}")
    measured(*sys.argv[1:])


if __name__ == "__main__":
    main()
