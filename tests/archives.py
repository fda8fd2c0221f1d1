"""Archives for tests, good and bad, and what is left of them where they were unpacked."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile

import pytest

from vidsal.errors import InputError
from vidsal.unpacking import unpack

FILES = {"a.txt": b"one", "deep/er/b.bin": bytes(range(256)) * 40, "deep/c": b"", "ä ö.txt": b"u"}
TAR_MODES = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz", "tgz": "w:gz"}


def make_zip(folder, entries, name="x.zip"):
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return folder / name


def make_tar(folder, members, name="x.tar"):
    """Write (name or TarInfo, bytes) in order."""
    mode = TAR_MODES[name.split(".", 1)[1]]
    with tarfile.open(folder / name, mode) as archive:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return folder / name


def tar_link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def zip_link(name, target, mode=stat.S_IFLNK | 0o777):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info, target


def content(folder):
    """Return name -> bytes of the visible files, links as texts."""
    return {
        p.relative_to(folder).as_posix(): f"-> {os.readlink(p)}"
        if p.is_symlink()
        else p.read_bytes()
        for p in folder.rglob("*")
        if (p.is_file() or p.is_symlink()) and not p.name.startswith(".")
    }


def hidden(folder):
    return sorted(p.name for p in folder.rglob(".*"))


def refusal(archive, folder, **options):
    """Return why an archive is refused, after seeing that nothing is left of it."""
    with pytest.raises(InputError) as caught:
        unpack(archive, folder / "cell/in", **options)
    assert content(folder / "cell/in") == {}
    assert hidden(folder / "cell/in") == []
    assert str(archive) in str(caught.value)
    return str(caught.value)
