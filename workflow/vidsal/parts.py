"""The part cache: what one video costs is written once, under a key of all that made it.

A part is a file of one video (`parts/<namespace>/ab/<key>.h5`), written under a unique temporary
name and renamed, so that a killed job loses at most the video in hand. When a shard file is whole
it is hard-linked into the cache as a pack with an index of its keys; the single parts go, and later
runs and other shard sizes read from packs. The folder may be deleted any time; only work is lost.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STALE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Found:
    """Where a part lies: a file, and the name of its group or rows in it ('' = the whole file)."""

    path: Path
    group: str = ""


class Cache:
    """One namespace of the part cache, such as `kth/explain-r3d_18-grad_cam`.

    Within a namespace the shards share no video, so that no two jobs of a run share a part.
    """

    def __init__(self, folder: str | Path, namespace: str) -> None:
        """Read the namespace's indices; nothing has to exist yet."""
        self.parts = Path(folder) / "parts" / namespace
        self.packs = Path(folder) / "packs" / namespace
        self.packed: dict[str, Found] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the packs' indices anew: another job may have packed parts since."""
        for index in sorted(self.packs.glob("*.json")):
            data = json.loads(index.read_text(encoding="utf-8"))
            pack = self.packs / data["file"]
            if pack.is_file():
                self.packed |= {key: Found(pack, group) for key, group in data["keys"].items()}

    def path(self, key: str, suffix: str = ".h5") -> Path:
        """Return where the single part of a key lies or would lie."""
        return self.parts / key[:2] / f"{key}{suffix}"

    def find(self, key: str, suffix: str = ".h5") -> Found | None:
        """Return where a part lies, or None when it has to be made."""
        single = self.path(key, suffix)
        if single.is_file():
            return Found(single)
        return self.packed.get(key)

    def adopt(self, file: Path, keys: dict[str, str], suffix: str = ".h5") -> None:
        """Link a complete shard file in as a pack (key -> group), then delete its single parts."""
        if not keys:
            return
        self.packs.mkdir(parents=True, exist_ok=True)
        label = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:32]
        pack = self.packs / f"{label}{file.suffix}"
        with replacing(pack) as temporary:
            link_or_copy(file, temporary)
        with replacing(pack.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps({"file": pack.name, "keys": keys}, sort_keys=True))
        for key in keys:
            self.path(key, suffix).unlink(missing_ok=True)


def key(**fields: object) -> str:
    """Return the key of a part: 40 hex digits over the canonical JSON of everything it rests on."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a unique temporary name beside `path`; on success sync it and rename it to `path`.

    What a killed process left of the same file goes first, so that no rubbish gathers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in _left_over(path):
        left.unlink(missing_ok=True)
    owner = f"{_host()}{os.getpid():08x}"
    temporary = path.with_name(f".{path.stem}.{owner}{uuid.uuid4().hex[:16]}{path.suffix}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _left_over(path: Path) -> list[Path]:
    """Return temporary files of a target whose process is gone, or is elsewhere and a day old."""
    digits = "[0-9a-f]" * 32
    pattern = f".{glob.escape(path.stem)}.{digits}{glob.escape(path.suffix)}"
    return [found for found in path.parent.glob(pattern) if _is_abandoned(found)]


def _is_abandoned(temporary: Path) -> bool:
    owner = temporary.name.removesuffix(temporary.suffix)[-32:]
    if owner[:8] != _host():
        return _is_stale(temporary)
    try:
        os.kill(int(owner[8:16], 16), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass  # it lives, and is somebody else's
    return False


@cache
def _host() -> str:
    """Return 8 hex digits of this machine's name: process numbers mean something only here."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system cannot link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sha256(path: str | Path) -> str:
    """Return the sha256 of a file, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clean(folder: str | Path, limit_bytes: int | None = None) -> int:
    """Delete stale temporary files and, above the limit, what is oldest; return bytes freed.

    A pack or part that a result still links costs no disk space and is kept, and so is the state
    of a training that was touched within a day.
    """
    folder = Path(folder)
    freed = sum(_remove(path) for path in folder.rglob(".*") if _is_stale(path))
    if limit_bytes is None:
        return freed
    groups = sorted(_unlinked(folder), key=lambda group: max(p.stat().st_mtime for p in group))
    total = sum(p.stat().st_size for group in groups for p in group)
    for group in groups:
        if total <= limit_bytes:
            break
        size = sum(_remove(path) for path in group)
        total, freed = total - size, freed + size
    return freed


def _unlinked(folder: Path) -> list[list[Path]]:
    """Return the groups of files that go together (a clip and its record) and that nobody links."""
    groups: dict[Path, list[Path]] = {}
    for top in ("parts", "packs", "train"):
        for path in (folder / top).rglob("*"):
            if path.is_file() and (top != "train" or _is_stale(path)):
                groups.setdefault(path.with_suffix(""), []).append(path)
    return [g for g in groups.values() if all(p.stat().st_nlink == 1 for p in g)]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_stale(path: Path) -> bool:
    return path.is_file() and time.time() - path.stat().st_mtime > STALE_SECONDS


def _remove(path: Path) -> int:
    size = path.stat().st_size
    path.unlink(missing_ok=True)
    return size
