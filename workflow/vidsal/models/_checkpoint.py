"""Weights from a checkpoint file into a network: the layout recognised, every key accounted for.

Published checkpoints name the same tensors differently. A model file lists the layouts that it
knows: name -> (regular expression, replacement) pairs, which turn a checkpoint's key into the
network's own. Before that, wrappers such as {"state_dict": ...} are opened and what DataParallel
and torch.compile put before names is taken off, however often it is there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from vidsal import parts
from vidsal.errors import InputError
from vidsal.models import _reading

OWN = "vidsal"
SHOWN = 5
ADDED = ("module", "_orig_mod")
# PyTorch counts batches since 0.4.1; the number changes nothing unless momentum is None.
COUNTERS = "num_batches_tracked"
# The last layer of most networks.
FC = ("fc.weight", "fc.bias")
Layouts = Mapping[str, Sequence[tuple[str, str]]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """What was loaded.

    Attributes:
        categories: names of the classes, where the file holds them and the head was taken over.
        layout: the layout that the file has; "vidsal" for the network's own names.
        sha256: digest of the file.
    """

    categories: list[str] | None
    layout: str
    sha256: str


@dataclass(frozen=True)
class Fit:
    """How a checkpoint fits a network when it is read in one layout."""

    layout: str
    weights: dict[str, torch.Tensor]
    missing: list[str]
    unexpected: list[str]
    misshaped: list[str]
    left_out: list[str]

    def problems(self) -> dict[str, list[str]]:
        """Return kind -> the keys, for the kinds that have any."""
        lists = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "of another shape": self.misshaped,
        }
        return {kind: keys for kind, keys in lists.items() if keys}

    def wrong(self) -> int:
        """Return the number of keys that do not fit."""
        return sum(map(len, self.problems().values()))


def load(
    net: torch.nn.Module,
    weights: str,
    *,
    layouts: Layouts | None = None,
    ignored: Sequence[str] = (),
    head: Sequence[str] = FC,
    new_head: bool = False,
    inflate: bool = False,
    convert: Callable[[Mapping[str, torch.Tensor]], dict[str, torch.Tensor]] | None = None,
) -> Loaded:
    """Fill a network with the weights of a checkpoint file.

    Args:
        net: the network; its weights are changed in place.
        weights: path of the file, of `torch.save` or npz.
        layouts: layouts that are known besides the network's own names.
        ignored: regular expressions of keys of the checkpoint that are known and not needed.
        head: the network's own keys of its last layer.
        new_head: leave the last layer at its random weights, to be trained; its keys may then be
            missing or have another shape.
        inflate: spread kernels over space evenly over the frames of the network's.
        convert: what a layout needs besides other names, such as kernels turned round.

    Raises:
        InputError: the file cannot be read, holds code, or keys are missing, unexpected or of
            another shape: the first are named, and all of them in the log.
    """
    found = _reading.read(weights)
    given, extras = _reading.tensors(_reading.unwrapped(found))
    if not given:
        raise InputError(
            f"weights {weights}: no tensors in it but {_some(extras)}; save net.state_dict()"
        )
    given = convert(given) if convert else given
    own = net.state_dict()
    free = set(head) if new_head else set()
    fit = best_fit(own, given, layouts or {}, ignored, free, inflate)
    if fit.problems():
        _refuse(weights, fit, own, set(head))
    _refuse_broken(weights, fit)
    net.load_state_dict(fit.weights, strict=False)
    _tell(weights, fit, extras, sorted(free))
    categories = None if new_head else _categories(found)
    return Loaded(categories, fit.layout, parts.sha256(weights))


def best_fit(
    own: Mapping[str, torch.Tensor],
    given: Mapping[str, torch.Tensor],
    layouts: Layouts,
    ignored: Sequence[str] = (),
    free: set[str] = frozenset(),
    inflate: bool = False,
) -> Fit:
    """Return how a checkpoint fits in the layout in which it fits best; equal ones by their order.

    Args:
        own: the network's state_dict.
        given: the checkpoint's.
        layouts: name -> pairs for `re.sub`, applied in their order to every key.
        ignored: regular expressions of the checkpoint's keys that are left out.
        free: keys of the network that need nothing from the checkpoint and take nothing.
        inflate: spread kernels over space evenly over the frames of the network's.
    """
    plain = _stripped(own, given)
    left_out = [key for key in plain if any(re.search(one, key) for one in ignored)]
    kept = {key: value for key, value in plain.items() if key not in left_out}
    known = {OWN: [], **layouts}
    fits = [_fit(name, rules, own, kept, free, left_out, inflate) for name, rules in known.items()]
    return min(fits, key=Fit.wrong)


def bare(key: str) -> str:
    """Return a key without what wrappers of modules put before and between names."""
    return ".".join(part for part in key.split(".") if part not in ADDED)


def _stripped(own: Mapping, given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the checkpoint without what wrappers of modules put before and between names."""
    added = [name for name in ADDED if not any(name in key.split(".") for key in own)]
    names = {key: ".".join(p for p in key.split(".") if p not in added) for key in given}
    if len(set(names.values())) < len(names):
        return dict(given)  # two copies side by side: nobody can say which is meant
    return {names[key]: value for key, value in given.items()}


def _fit(
    layout: str,
    rules: Sequence[tuple[str, str]],
    own: Mapping[str, torch.Tensor],
    given: Mapping[str, torch.Tensor],
    free: set[str],
    left_out: list[str],
    inflate: bool,
) -> Fit:
    weights, unexpected, misshaped, seen = {}, [], [], set()
    for key, value in given.items():
        name = renamed(key, rules)
        if inflate and name in own:
            value = _inflated(value, own[name])
        if name not in own or name in seen:
            unexpected.append(key)
        elif name not in free and value.shape != own[name].shape:
            misshaped.append(f"{key} {_shape(value)} instead of {_shape(own[name])}")
        elif name not in free:
            weights[name] = value
        seen.add(name)
    needed = (key for key in own if not key.endswith(COUNTERS))
    missing = [key for key in needed if key not in seen | free]
    return Fit(layout, weights, missing, unexpected, misshaped, left_out)


def _inflated(value: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return a kernel (C',C,h,w) spread over the frames of the network's (C',C,t,h,w)."""
    if own.ndim != 5 or value.shape != own.shape[:2] + own.shape[3:]:
        return value
    return (value / own.shape[2]).unsqueeze(2).expand_as(own)


def renamed(key: str, rules: Sequence[tuple[str, str]]) -> str:
    """Return a checkpoint's key after all rules of a layout."""
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


def _refuse(path: str, fit: Fit, own: Mapping, head: set[str]) -> None:
    """Name what does not fit: all in the log, the first of each kind in the error."""
    found = fit.problems()
    for kind, keys in found.items():
        log.error("weights %s: %d %s: %s", path, len(keys), kind, ", ".join(keys))
    if not fit.weights:
        given = [*fit.unexpected, *fit.misshaped]
        raise InputError(
            f"weights {path}: belong to another network: none of its {len(given)} tensors "
            f"({_some(given)}) fits one of this network's {len(own)} ({_some(list(own))})"
        )
    classes = " and the number of classes" if head else ""
    ways = f"take the options{classes} that they were trained with"
    if head - fit.weights.keys() and fit.weights.keys() >= _needed(own) - head:
        ways += ", or set new_head: true to train a last layer of your own"
    phrases = [f"{len(keys)} {kind}: {_some(keys)}" for kind, keys in found.items()]
    raise InputError(
        f"weights {path}: read in the layout {fit.layout!r}, they do not fit the network: "
        f"{'; '.join(phrases)}; {ways}"
    )


def _needed(own: Mapping) -> set[str]:
    return {key for key in own if not key.endswith(COUNTERS)}


def _refuse_broken(path: str, fit: Fit) -> None:
    broken = [name for name, value in fit.weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise InputError(
            f"weights {path}: {len(broken)} tensors hold numbers that are not finite: "
            f"{_some(broken)}; the training that made them has failed, take an earlier checkpoint"
        )


def _tell(path: str, fit: Fit, extras: list[str], free: list[str]) -> None:
    log.info("weights %s: layout %s, %d tensors taken over", path, fit.layout, len(fit.weights))
    for what, keys in (("known and not needed", fit.left_out), ("no tensors", extras)):
        if keys:
            log.info("weights %s: left out, %s: %s", path, what, ", ".join(keys))
    if free:
        log.warning("weights %s: new_head: %s start at random weights", path, ", ".join(free))


def _categories(found: Mapping) -> list[str] | None:
    names = found.get("categories")
    return [str(name) for name in names] if isinstance(names, list | tuple) and names else None


def _shape(value: torch.Tensor) -> str:
    return "x".join(map(str, value.shape)) or "scalar"


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(map(str, keys[:SHOWN])) + more
