"""What is explained of a network's answer: which class, or one against another; and which sign.

A rule is `predicted`, `label`, `{class: name or number}`, or `{contrast: [a, b]}`, whose score is
s_a - s_b; a and b are each `predicted`, `label`, or the name or number of a class. Of a video it
becomes a `Target`. Nothing here imports torch: configs are checked with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidsal import registry
from vidsal.errors import InputError

WORDS = ("predicted", "label")
POLARITIES = ("both", "positive", "negative", "absolute")
Rule = str | int | dict


@dataclass(frozen=True)
class Target:
    """A class, or one class against another, of one video.

    Attributes:
        index: number of the class.
        against: number of the class whose logit is taken off, None for none.
        label: its name, or `a - b`.
    """

    index: int
    against: int | None
    label: str

    def score(self, logits: Sequence[float]) -> float:
        """Return the logit, or the difference of the two."""
        taken = 0.0 if self.against is None else logits[self.against]
        return float(logits[self.index] - taken)

    def attrs(self) -> dict[str, object]:
        """Return what the record of a map says of it."""
        found = {"target": self.index, "target_label": self.label}
        return found if self.against is None else found | {"target_against": self.against}


def text(rule: Rule) -> str:
    """Return a rule as one text, the same for equal rules."""
    return rule if isinstance(rule, str) else json.dumps(rule, sort_keys=True)


def parts_of(rule: Rule) -> list[tuple[str, object]]:
    """Return what a rule names, one or two of (`word`, predicted or label) and (`class`, which)."""
    if isinstance(rule, dict) and "contrast" in rule:
        return [_part(one) for one in rule["contrast"]]
    return [_part(rule)]


def _part(one: Rule) -> tuple[str, object]:
    if isinstance(one, dict):
        return "class", one["class"]
    return ("word", one) if one in WORDS else ("class", one)


def shape_problems(rule: object) -> list[str]:
    """Return what is wrong with a rule of the config whatever the classes are."""
    if isinstance(rule, dict) and list(rule) == ["contrast"]:
        pair = rule["contrast"]
        if not isinstance(pair, list) or len(pair) != 2:
            return [f"contrast: {pair!r}: give two, as in {{contrast: [predicted, label]}}"]
        found = [problem for one in pair for problem in _class_problems(one)]
        return found or (["contrast: both are the same; name two"] if pair[0] == pair[1] else [])
    if isinstance(rule, dict):
        return _class_problems(rule)
    if rule in WORDS:
        return []
    near = registry.nearest(rule, WORDS)
    return [f"{rule!r} is neither predicted nor label{near}; for a class write {{class: {rule}}}"]


def _class_problems(one: object) -> list[str]:
    wanted = one
    if isinstance(one, dict):
        if list(one) != ["class"]:
            near = registry.nearest(next(iter(one), ""), ("class", "contrast"))
            return [f"{one!r} is no rule{near}"]
        wanted = one["class"]
    if isinstance(wanted, bool) or not isinstance(wanted, str | int):
        return [f"{wanted!r} is no class; give its name or its number"]
    return []


def class_problems(rule: Rule, categories: Sequence[str] | None, count: int | None) -> list[str]:
    """Return a sentence for every class of a rule that a network does not have.

    Args:
        rule: one without shape problems.
        categories: names of its classes, None or empty where it knows none.
        count: how many it has, where known.
    """
    found = []
    for kind, named in parts_of(rule):
        if kind != "class":
            continue
        if isinstance(named, int):
            if named < 0 or (count is not None and named >= count):
                found.append(f"class {named}: there are classes 0 to {(count or 1) - 1}")
        elif not categories:
            found.append(f"class {named!r}: the network knows no names; give the number")
        elif named not in categories:
            found.append(f"class {named!r}: it has no such class{_near(named, categories)}")
    return found


def _near(named: str, categories: Sequence[str]) -> str:
    near = registry.nearest(named, categories)
    if not near.startswith("; known:") or len(categories) <= 20:
        return near
    return f"; known: {', '.join(categories[:20])} and {len(categories) - 20} more"


def resolve(
    rule: Rule, *, predicted: int, label: str, categories: Sequence[str], count: int
) -> Target:
    """Return the target of one video.

    Args:
        rule: one without shape problems; a bare name or number stands for a class.
        predicted: number of the class with the largest logit.
        label: what the video shows, '' when not known.
        categories: names of the classes, empty where there are none.
        count: how many classes there are.

    Raises:
        InputError: the network has no such class, or both of a contrast are the same one.
    """
    if problems := class_problems(rule, categories, count):
        raise InputError(f"explain.target: {'; '.join(problems)}")
    numbers = [_number(one, predicted, label, categories) for one in parts_of(rule)]
    names = [categories[number] if len(categories) else str(number) for number in numbers]
    if len(numbers) == 1:
        return Target(numbers[0], None, names[0])
    if numbers[0] == numbers[1]:
        raise InputError(
            f"explain.target: {text(rule)} is {names[0]!r} against itself here; nothing tells a "
            "class from itself"
        )
    return Target(numbers[0], numbers[1], f"{names[0]} - {names[1]}")


def _number(one: tuple[str, object], predicted: int, label: str, categories: Sequence[str]) -> int:
    kind, named = one
    if kind == "word" and named == "predicted":
        return int(predicted)
    wanted = label if kind == "word" else named
    if isinstance(wanted, int):
        return wanted
    names = list(categories)
    if wanted not in names:
        raise InputError(
            f"label {wanted!r} is none of the model's{_near(wanted, names)}; "
            "set explain.target: predicted, or name a class"
        )
    return names.index(wanted)


def polarised(saliency: np.ndarray, polarity: str) -> np.ndarray:
    """Return a signed map as asked for, larger = more important.

    `both` is the map as its method gives it, `positive` what speaks for the target, `negative` the
    size of what speaks against it, `absolute` the size of either.
    """
    if polarity == "both":
        return saliency
    if polarity == "absolute":
        return np.abs(saliency)
    # Plus 0, since a negative zero is another number to a checksum.
    return np.maximum(saliency if polarity == "positive" else -saliency, 0) + np.float32(0)
