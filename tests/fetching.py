"""Downloads as tests make them: a body, its source, and what `fetch` says to it."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from vidsal._transfer import Patience
from vidsal.downloading import Fetched, fetch
from vidsal.errors import InputError

BODY = random.Random(3).randbytes(300_000)
QUICK = Patience(attempts=3, timeout=5, wait=0.01)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def source(url: str, name: str = "data.zip", **more: object) -> dict:
    return {"name": name, "url": url, "licence": "CC0"} | more


def get(tmp_path: Path, *sources: dict, **more) -> list[Fetched]:
    return fetch(list(sources), tmp_path / "set", **({"patience": QUICK} | more))


def refusal(tmp_path: Path, *sources: dict, **more) -> str:
    """Return why nothing is fetched."""
    with pytest.raises(InputError) as caught:
        get(tmp_path, *sources, **more)
    return str(caught.value)


def names(folder: Path) -> list[str]:
    """Return all files below a folder, hidden ones too."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())
