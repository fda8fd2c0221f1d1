"""Archives unpacked without trust: nothing outside the folder, no bombs, all or nothing.

zip, tar (plain, gz, bz2, xz) and single gz files are read with the standard library. Refused are
absolute names and names with `..`, odd names (control characters, not UTF-8, too long), links that
lead out of the folder or that other entries go through, devices and pipes, a name that comes twice,
files that are there already, and what looks like a bomb: more than `max_entries` entries, more
bytes than the disk has free, or more than `max_ratio` times the archive's own size once that is
above a gibibyte. An archive is unpacked into a hidden folder beside its place and then moved, entry
by entry; a hidden marker says that it was, so that a second call does nothing and one that was
interrupted is redone.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import json
import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vidsal import _archives, locks, parts
from vidsal._archives import Entry
from vidsal.errors import InputError
from vidsal.progress import Progress

MAX_RATIO = 200
MAX_ENTRIES = 5_000_000
ALWAYS_FINE = 1 << 30
BLOCK = 1 << 20
LONGEST_NAME, LONGEST_PATH, MOST_HOPS = 255, 2048, 32
OURS = (".unpack", ".downloads", "sources.lock")
LITTER = {"__MACOSX", ".DS_Store"}  # what one system puts into every archive
log = logging.getLogger(__name__)


@dataclass
class _Unpacking:
    """What is being unpacked, where to, and what was seen so far."""

    archive: Path
    into: Path
    max_ratio: float
    max_entries: int
    free: int
    seen: dict[str, str] = field(default_factory=dict)
    links: dict[PurePosixPath, str] = field(default_factory=dict)
    bytes: int = 0
    entries: int = 0


def unpack(
    archive: str | Path,
    folder: str | Path,
    *,
    sha256: str = "",
    max_ratio: float = MAX_RATIO,
    max_entries: int = MAX_ENTRIES,
) -> int:
    """Unpack an archive into a folder, once; return how many entries it held.

    Args:
        archive: zip, tar, tar.gz, tar.bz2, tar.xz or gz file.
        folder: where to; made when it is not there.
        sha256: checksum of the archive, where it is known, kept in the marker.
        max_ratio: how many times the archive's size its content may have, above a gibibyte.
        max_entries: how many entries it may hold.

    Raises:
        InputError: another kind of file, a damaged one, or one of the things that the module
            refuses; nothing is left in the folder then.
    """
    archive, folder = Path(archive), Path(folder)
    with locks.held(folder / f".unpacking-{archive.name}.held"):
        before = marker(archive.name, folder)
        if before.get("state") == "done":
            _refuse_another(archive, folder, before, sha256)
            return before["entries"]
        temporary = folder / f".unpacking-{archive.name}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            work = _Unpacking(
                archive, temporary, max_ratio, max_entries, shutil.disk_usage(folder).free
            )
            _extract(work)
            facts = {"bytes": archive.stat().st_size, "sha256": sha256, "entries": work.entries}
            _settle(archive, temporary, folder, facts, before.get("state") == "placing")
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    log.info("%s: %d entries, %d bytes into %s", archive, work.entries, work.bytes, folder)
    return work.entries


def marker(name: str, folder: str | Path) -> dict:
    """Return what is known of an archive that was unpacked into a folder; empty when it was not."""
    try:
        found = json.loads(_marker_path(name, Path(folder)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _marker_path(name: str, folder: Path) -> Path:
    return folder / f".unpacked-{name}.json"


def _refuse_another(archive: Path, folder: Path, before: dict, sha256: str) -> None:
    same = before["bytes"] == archive.stat().st_size and sha256 in ("", before["sha256"])
    if not same:
        raise InputError(
            f"{archive}: {folder} holds the content of another archive of this name; move that "
            "folder away to unpack this one"
        )


def _settle(archive: Path, temporary: Path, folder: Path, facts: dict, again: bool) -> None:
    """Move what was unpacked to its place; a marker tells of a move that was interrupted."""
    place = _marker_path(archive.name, folder)
    if not again:
        _refuse_overwriting(archive, temporary, folder)
        _write_marker(place, facts | {"state": "placing"})
    _move(temporary, folder)
    _write_marker(place, facts | {"state": "done"})


def _write_marker(path: Path, facts: dict) -> None:
    with parts.replacing(path) as temporary:
        temporary.write_text(json.dumps(facts, sort_keys=True) + "\n", encoding="utf-8")


def _refuse_overwriting(archive: Path, temporary: Path, folder: Path) -> None:
    """Refuse when a file of the archive is there already: it may be the user's."""
    for place, folders, files in os.walk(temporary):
        target = folder / Path(place).relative_to(temporary)
        clash = [n for n in files if _differ(Path(place, n), target / n)]
        clash += [n for n in folders if os.path.lexists(target / n) and not _is_folder(target / n)]
        if clash:
            raise InputError(
                f"{archive}: {target / sorted(clash)[0]} is there already and would be overwritten;"
                f" move it away, or unpack the archive by hand into {folder}"
            )
        folders[:] = [n for n in folders if _is_folder(target / n)]


def _differ(new: Path, old: Path) -> bool:
    """Say whether something else is there already; the same file from another archive is fine."""
    if not os.path.lexists(old):
        return False
    plain = all(path.is_file() and not path.is_symlink() for path in (new, old))
    return not (plain and filecmp.cmp(new, old, shallow=False))


def _move(source: Path, target: Path) -> None:
    """Move all entries of a folder into another, going down only where both have a folder."""
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False) and _is_folder(place):
            _move(Path(entry.path), place)
        else:
            os.replace(entry.path, place)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _extract(work: _Unpacking) -> None:
    """Write every entry below `work.into`, links last, so that nothing is written through one."""
    size = work.archive.stat().st_size
    try:
        with (
            contextlib.closing(_archives.entries(work.archive)) as entries,
            Progress(work.archive.name) as progress,
        ):
            for entry in entries:
                _extract_one(work, entry, size, progress)
    except InputError:
        raise
    except (*_archives.DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InputError(
            f"{work.archive}: the archive is damaged ({error or type(error).__name__}); delete it "
            "to have it downloaded again"
        ) from error
    if not work.entries:
        raise InputError(f"{work.archive}: it is empty; delete it to have it downloaded again")
    for path, target in work.links.items():
        os.symlink(target, work.into / path)


def _extract_one(work: _Unpacking, entry: Entry, size: int, progress: Progress) -> None:
    work.entries += 1
    if work.entries > work.max_entries:
        _refuse(work, entry.name, f"it holds more than {work.max_entries} entries")
    path = _safe_path(work, entry.name)
    if not path.parts or LITTER & set(path.parts):  # `./` is the folder itself
        return
    _enter(work, path, entry)
    place = work.into / path
    if entry.kind == "folder":
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "symlink":
        _refuse_link_outside(work, path, entry.target)
        work.links[path] = entry.target
    elif entry.kind == "hardlink":
        _link(work, entry, place)
    else:
        _copy(work, entry, place, size, progress)


def _enter(work: _Unpacking, path: PurePosixPath, entry: Entry) -> None:
    """Note a path; refuse one that comes twice, and one below something that is no folder."""
    if entry.kind == "odd":
        _refuse(work, entry.name, "it is a device or a pipe")
    before = work.seen.get(str(path))
    if before and not before == entry.kind == "folder":
        _refuse(work, entry.name, "the name comes twice")
    for parent in path.parents:
        if work.seen.setdefault(str(parent), "folder") != "folder":
            _refuse(work, entry.name, f"it lies below {parent}, which is no folder")
    work.seen[str(path)] = entry.kind


def _copy(work: _Unpacking, entry: Entry, place: Path, size: int, progress: Progress) -> None:
    """Write a file, counting; the size that the archive states is checked before."""
    _refuse_bomb(work, entry, work.bytes + entry.size, size)
    try:
        out = open(place, "xb")  # noqa: SIM115 - closed below; apart, to tell its error
    except FileExistsError:
        _refuse(work, entry.name, "the name comes twice on a disk that ignores case")
    with out:
        while block := entry.content.read(BLOCK):
            work.bytes += len(block)
            _refuse_bomb(work, entry, work.bytes, size)
            out.write(block)
            progress.add(len(block))


def _refuse_bomb(work: _Unpacking, entry: Entry, count: int, size: int) -> None:
    if count > work.free:
        _refuse(work, entry.name, f"{count} bytes and more are needed, {work.free} are free")
    if count > max(ALWAYS_FINE, work.max_ratio * size):
        _refuse(
            work, entry.name, f"it grows to {count} bytes, over {work.max_ratio:g} times its size"
        )


def _link(work: _Unpacking, entry: Entry, place: Path) -> None:
    """Make a hard link to a file of the archive that is there already."""
    target = _safe_path(work, entry.target)
    if work.seen.get(str(target)) not in ("file", "hardlink"):
        _refuse(work, entry.name, f"it is a link to {entry.target!r}, no file before it")
    parts.link_or_copy(work.into / target, place)


def _refuse_link_outside(work: _Unpacking, path: PurePosixPath, target: str) -> None:
    """Refuse a symbolic link out of the folder.

    Only leading `..` are counted, which pass real folders alone since no entry lies below a link;
    a `..` after a name could turn at another link.
    """
    names = PurePosixPath(target).parts
    up = next((i for i, name in enumerate(names) if name != ".."), len(names))
    absolute = PurePosixPath(target).is_absolute() or not names
    if absolute or ".." in names[up:] or up > len(path.parts) - 1 or "\\" in target:
        _refuse(work, str(path), f"it is a link to {target!r}, out of the folder")


def _safe_path(work: _Unpacking, name: str) -> PurePosixPath:
    """Return the path of an entry below the folder; refuse one that leads elsewhere or is odd."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name[1:3] in (":/", ":"):
        _refuse(work, name, "it leads out of the folder")
    if not _is_plain(name):
        _refuse(work, name, "the name has characters that names should not have")
    if len(name.encode()) > LONGEST_PATH or len(path.parts) > MOST_HOPS:
        _refuse(work, name, "the name is too long")
    if any(len(part.encode()) > LONGEST_NAME for part in path.parts):
        _refuse(work, name, "the name is too long")
    if path.parts and path.parts[0].startswith(OURS):
        _refuse(work, name, "names like this one are vidsal's own")
    return path


def _is_plain(name: str) -> bool:
    """Say whether a name has no control characters, no backslash, and is UTF-8."""
    odd = any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in name)
    return bool(name) and not odd and "\\" not in name


def _refuse(work: _Unpacking, name: str, why: str) -> None:
    raise InputError(
        f"{work.archive}: not unpacked, because of its entry {name[:200]!r}: {why}; if you trust "
        "the archive, unpack it by hand"
    )
