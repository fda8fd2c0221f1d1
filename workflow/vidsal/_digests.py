"""What was found in source files, kept beside Python's own compiled files: parsing is slow.

An entry belongs to the bytes of a source and to the code that looked at them, so nothing here can
be out of date; the file may be deleted any time.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

PLACE = Path(__file__).parent / "__pycache__" / "digests.json"
MOST = 5000
_new: dict[str, list] = {}


def of(source: bytes, look: Callable[[bytes], tuple]) -> list:
    """Return what `look` (a function of registry.py) finds in a source, looked up where known."""
    key = hashlib.sha256(_looker() + source).hexdigest()
    if key not in _known() and key not in _new:
        if not _new:
            atexit.register(_save)
        _new[key] = list(look(source))
    return _known().get(key) or _new[key]


@cache
def _looker() -> bytes:
    return Path(__file__).with_name("registry.py").read_bytes()


@cache
def _known() -> dict[str, list]:
    try:
        found = json.loads(PLACE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _save() -> None:
    """Write all entries, unless they are too many: then only the new ones."""
    kept = _new if len(_known()) > MOST else _known() | _new
    temporary = PLACE.with_name(f".digests.{os.getpid()}.json")
    with contextlib.suppress(OSError):  # a package that is read-only is looked through every time
        PLACE.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        os.replace(temporary, PLACE)
