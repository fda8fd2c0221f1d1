"""Numbers that a method finds beside its heatmap, for whoever stores the heatmap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_OPEN: list[dict[str, float]] = []


def note(name: str, value: float) -> None:
    """Leave a number for the innermost `notes`; of several the largest in size stays.

    Without an open `notes` it is dropped.
    """
    if _OPEN:
        _OPEN[-1][name] = max(_OPEN[-1].get(name, 0.0), float(value), key=abs)


@contextmanager
def notes() -> Iterator[dict[str, float]]:
    """Collect what the methods called inside note, name -> number."""
    _OPEN.append({})
    try:
        yield _OPEN[-1]
    finally:
        _OPEN.pop()
