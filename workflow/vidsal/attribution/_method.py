"""The type of an option that names another method, and how a name becomes that method."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable

from vidsal.errors import InputError

# In the config a name; the workflow hands over the function with its options bound.
Method = str | Callable


def function(base: Method) -> Callable:
    """Return the method itself; a name stands for the method of this room with its defaults.

    Raises:
        InputError: there is no such method.
    """
    if callable(base):
        return base
    name = f"{__package__}.{base}"
    public = base.isidentifier() and not base.startswith("_")
    if not public or importlib.util.find_spec(name) is None:
        raise InputError(
            f"method {base!r} as base of another method: unknown; give one of the room"
        )
    return getattr(importlib.import_module(name), base)
